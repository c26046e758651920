/** A copy of the functions with a work type of one's own in it: its file in `shared/work`, its line in the registry. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { synthesise } from "../../local/template/synthesise.ts";
import type { Settings } from "../../shared/model/settings.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** What the functions' bundles are made of. */
const FOLDERS = ["functions", "shared"] as const;

export type OwnWork = {
  /** From the root; it may stand elsewhere than in `shared/work`, and imports what it needs from there. */
  readonly file: string;
  /** The name of its export. */
  readonly name: string;
};

/** For `StackOptions.synthesise`: the stack with that work type; the copy is made in `folder`. */
export function synthesiseWith(
  own: OwnWork,
  { folder, stage, settings }: { folder: string; stage: string; settings: Settings },
) {
  for (const each of FOLDERS) cpSync(join(ROOT, each), join(folder, each), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const file = basename(own.file);
  writeFileSync(
    join(folder, "shared/work", file),
    asInShared(readFileSync(join(ROOT, own.file), "utf8")),
  );
  const registry = join(folder, "shared/work/registry.ts");
  writeFileSync(registry, withLine(readFileSync(registry, "utf8"), file, own.name));
  return (outFolder: string) =>
    synthesise({ stage, settings, outFolder, functionsFolder: join(folder, "functions") });
}

/** A source with its imports as they are written in `shared/work`. */
export function asInShared(source: string): string {
  return source
    .replaceAll(/"(?:\.\.\/)+shared\/work\//g, '"./')
    .replaceAll(/"(?:\.\.\/)+shared\//g, '"../');
}

function withLine(registry: string, file: string, name: string): string {
  const listed = registry.replace("byName([", `byName([\n  ${name},`);
  if (listed === registry) throw new Error("the registry lists its types otherwise");
  return `import { ${name} } from "./${file}";\n${listed}`;
}
