/**
 * Mutants: mistakes in the real code that a check must notice, each a file `<name>.patch` in this folder.
 *
 * A patch begins with a head of lines `Name: text`, then comes a unified diff:
 *
 *     Drops: the version condition of a commit
 *     Breaks: A2
 *     Killer: sim --seeds 1..10 --minutes 30 | test test/shared/core/decide.test.ts
 *     Says: A2
 *
 * `Killer` is the command that must fail, `Says` a text that its output must then contain: it was killed for this, and not because
 * the code no longer runs.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type Mutant = {
  readonly name: string;
  readonly drops: string;
  readonly breaks: string;
  readonly killer: Killer;
  readonly says: string;
  /** Absolute. */
  readonly path: string;
};

/** A command of this project: `sim`'s options, or the arguments of a test run. */
export type Killer = { readonly kind: "sim" | "test"; readonly args: readonly string[] };

/** All of a folder, by name. Throws on a head that says less than it must. */
export function readMutants(folder: string): readonly Mutant[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".patch"))
    .toSorted()
    .map((file) => parseMutant(join(folder, file), readFileSync(join(folder, file), "utf8")));
}

export function parseMutant(path: string, text: string): Mutant {
  const name = path.replace(/^.*\//, "").replace(/\.patch$/, "");
  const [head = ""] = text.split(/^diff --git /m, 1);
  const field = (wanted: string): string => {
    const found = new RegExp(`^${wanted}: (.+)$`, "m").exec(head)?.[1]?.trim();
    if (found === undefined) throw new Error(`mutant ${name}: its head has no line "${wanted}: …"`);
    return found;
  };
  if (head.length === text.length) throw new Error(`mutant ${name}: it has no diff`);
  const [kind, ...args] = field("Killer").split(/\s+/);
  if (kind !== "sim" && kind !== "test")
    throw new Error(`mutant ${name}: its killer is neither "sim …" nor "test …"`);
  return {
    name,
    drops: field("Drops"),
    breaks: field("Breaks"),
    killer: { kind, args },
    says: field("Says"),
    path,
  };
}
