import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { FUNCTION_NAMES } from "../../cdk/function-names.ts";
import { readSynthesised, synthesise } from "../../local/template/synthesise.ts";
import { parseSettings } from "../../shared/model/settings.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const ROOT = join(import.meta.dirname, "../..");
const SYNTH_MS_MAX = 120_000;
/** Whatever is asked of the network is refused. */
const OFFLINE = "http://127.0.0.1:9";

const run = promisify(execFile);
const synth = (...args: readonly string[]) => {
  const home = temporaryFolder();
  const cli = join(ROOT, "node_modules/aws-cdk/bin/cdk");
  // `node` of cdk.json is the one that runs this.
  const path = `${join(process.execPath, "..")}:${process.env["PATH"]}`;
  return run(process.execPath, [cli, "synth", "--quiet", ...args], {
    cwd: ROOT,
    env: { PATH: path, HOME: home, HTTP_PROXY: OFFLINE, HTTPS_PROXY: OFFLINE, NO_COLOR: "1" },
  });
};
/** A template without the notes that only the CLI asks for. */
const resources = (template: unknown): Record<string, unknown> =>
  JSON.parse(
    JSON.stringify(Object(template)["Resources"], (key, value: unknown) =>
      key === "Metadata" ? undefined : value,
    ),
  );

describe("npx cdk synth", { timeout: SYNTH_MS_MAX }, () => {
  it("works offline and makes exactly what the local stack runs", async () => {
    const out = temporaryFolder();
    await synth("--output", out, "-c", "settings.leaseSeconds=200");
    const deployed = readSynthesised(out, "vmsync");
    const settings = parseSettings(["leaseSeconds=200"]);
    if (!settings.ok) throw new Error(settings.reason);
    const local = synthesise({
      stage: "vmsync",
      settings: settings.settings,
      outFolder: temporaryFolder(),
    });
    expect(resources(deployed.template)).toEqual(resources(local.template));
    for (const name of FUNCTION_NAMES)
      expect(existsSync(join(out, "bundles", name, "index.mjs"))).toBe(true);
    expect(readdirSync(out).filter((name) => name.startsWith("asset.")).length).toBe(
      FUNCTION_NAMES.length,
    );
  });

  it("stops at a wrong setting with one line that says which", async () => {
    const attempt = synth("--output", temporaryFolder(), "-c", "settings.colour=red");
    await expect(attempt).rejects.toMatchObject({
      stderr: expect.stringContaining('vmsync: unknown setting "colour"\n'),
    });
  });
});
