import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { aRecord, vmId } from "../../support/a-record.ts";
import { TurnWorld } from "../../support/turn-world.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** Our sources below a folder, by their path from the root. */
function sources(folder: string): readonly { readonly path: string; readonly text: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = `${folder}/${name}`;
      return { path, text: readFileSync(join(ROOT, path), "utf8") };
    });
}

describe("A5: every writer of the record is a turn", () => {
  it("in the sources: an apartment store's commit is called by take-turn.ts and by nothing else", () => {
    const callers = ["shared/app", "shared/http", "functions"]
      .flatMap(sources)
      .filter(({ text }) =>
        /\bapartments\s*\??\.\s*commit\b|\{[^{}]*\bcommit\b[^{}]*\}\s*=/.test(text),
      )
      .map(({ path }) => path);
    expect(callers).toEqual(["shared/app/take-turn.ts"]);
  });

  it("in the world of the properties: the store refuses what is no commit of a turn", async () => {
    const world = new TurnWorld();
    expect(() => world.tables.apartments.put(vmId, aRecord({ version: 2 }))).toThrow("A5");
    world.inline({ kind: "patch", name: "renamed" });
    await world.drain();
    expect(world.record).toMatchObject({ version: 2, vm: { name: "renamed" } });
  });
});
