/** A copy of the project in a folder of its own, where code is mutated and killers run. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import type { Killer, Mutant } from "./mutant.ts";

export interface Workplace {
  /** `refused`: the code has changed since the patch was made. */
  readonly mutate: (mutant: Mutant) => Promise<"mutated" | { readonly refused: string }>;
  readonly run: (killer: Killer) => Promise<Outcome>;
  readonly remove: () => Promise<void>;
}

export type Outcome = {
  readonly ended: "well" | "with_failure" | "too_late";
  readonly output: string;
  readonly seconds: number;
};

/** What neither killers nor the code that they run need. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "node_modules",
  ".git",
  "cdk.out",
  ".vmsync",
  "coverage",
]);
/** A mutant that makes a run endless is not killed by that: a check has to say so. */
const RUN_MS_MAX = 180_000;
const OUTPUT_BYTES_MAX = 64 * 1_048_576;

export async function makeWorkplace(project: string): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), "vmsync-mutant-"));
  await cp(project, folder, {
    recursive: true,
    filter: (path) => !LEFT_OUT.has(relative(project, path).split(sep)[0] ?? ""),
  });
  await symlink(join(project, "node_modules"), join(folder, "node_modules"));
  return {
    mutate: async ({ path }) => {
      const applied = await execute("git", ["apply", "-C1", path], folder);
      return applied.ended === "well" ? "mutated" : { refused: applied.output.trim() };
    },
    run: async (killer) => execute(process.execPath, argumentsOf(killer), folder),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Of Node. */
function argumentsOf({ kind, args }: Killer): readonly string[] {
  return kind === "sim"
    ? ["--disable-warning=ExperimentalWarning", "sim/main.ts", "--no-shrink", ...args]
    : ["node_modules/vitest/vitest.mjs", "run", "--project", "fast", "--bail", "1", ...args];
}

function execute(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const begun = performance.now();
  // Whatever surrounds the copy is not its repository: paths of a patch are the copy's.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir(), NO_COLOR: "1" };
  const options = { cwd, env, timeout: RUN_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX };
  return new Promise((resolve, reject) => {
    execFile(command, [...args], options, (error, stdout, stderr) => {
      const seconds = (performance.now() - begun) / 1000;
      const output = `${stdout}${stderr}`;
      if (error === null) return resolve({ ended: "well", output, seconds });
      if (error.code === "ENOENT")
        return reject(new Error(`${command} is not installed; mutants need it`, { cause: error }));
      resolve({ ended: error.killed === true ? "too_late" : "with_failure", output, seconds });
    });
  });
}
