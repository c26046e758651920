/**
 * `npm run test:model -- [--install] [names]`: spin searches every state of the models within their bounds (`runs.ts`).
 *
 * Exits 1 when a model breaks, when one does not break without one of its rules, and when a search was cut short. Needs spin
 * and gcc, which `--install` installs from Debian (root).
 */
import { execFile, spawnSync } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readSearch, type Search } from "./read-search.ts";
import { RUNS, type Run } from "./runs.ts";

const NEEDED = ["spin", "gcc"] as const;
/** COLLAPSE is exact and halves the memory; a search that needs more than MEMLIM is unfinished, which fails. */
const MEMORY_MIB_MAX = 3_000;
const COMPILE = ["-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=256", `-DMEMLIM=${MEMORY_MIB_MAX}`];
/** The deepest search known is below 4,000 steps. */
const DEPTH_MAX = 50_000;
/** The longest search takes under a minute on one idle core. */
const STEP_MS_MAX = 600_000;
const OUTPUT_BYTES_MAX = 64 * 1_048_576;
/** Of a trail: the last states say what broke. */
const TRAIL_LINES_SHOWN = 80;

const execute = promisify(execFile);
const args = process.argv.slice(2);
if (args.includes("--install")) install();
const missing = NEEDED.filter(
  (tool) => spawnSync(tool, ["-V"], { stdio: "ignore" }).error !== undefined,
);
const names = args.filter((arg) => arg !== "--install");
if (missing.length > 0)
  refuse(`${missing.join(" and ")} missing: run with --install (Debian, root)`);
else await checkAll(names);

async function checkAll(wanted: readonly string[]): Promise<void> {
  const begun = performance.now();
  const runs = RUNS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  if (runs.length === 0)
    return refuse(`no run is called so; there are: ${RUNS.map(({ name }) => name).join("; ")}`);
  const left = runs.values();
  let wrong = 0;
  const lane = async () => {
    for (const run of left) if (!(await check(run))) wrong += 1;
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  const seconds = Math.round((performance.now() - begun) / 1000);
  say(
    `${runs.length} searches, ${seconds} s: ${wrong === 0 ? "all as expected" : `${wrong} wrong`}`,
  );
  if (wrong > 0) process.exitCode = 1;
}

/** Whether the search came out as it should. */
async function check(run: Run): Promise<boolean> {
  const begun = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "vmsync-model-"));
  try {
    const found = await search(run, folder);
    const isGood = isExpected(run, found);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(6);
    say(`${seconds} s  ${isGood ? "" : "WRONG: "}${run.name}: ${describe(found)}`);
    if (!isGood && found.kind === "violated") say(await trail(run, folder));
    return isGood;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function search({ model, defines, expect }: Run, folder: string): Promise<Search> {
  await cp(join(import.meta.dirname, model), join(folder, model));
  const here = { cwd: folder, timeout: STEP_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX };
  await execute("spin", [...flags(defines), "-a", model], here);
  // Optimising takes longer than a short search.
  const optimised = "holds" in expect ? "-O2" : "-O0";
  await execute("gcc", [optimised, ...COMPILE, "-o", "pan", "pan.c"], here);
  const { stdout } = await execute("./pan", [`-m${DEPTH_MAX}`, "-n"], here);
  return readSearch(stdout);
}

/** How it came to what it found, and the last state. */
async function trail({ model, defines }: Run, folder: string): Promise<string> {
  const here = { cwd: folder, maxBuffer: OUTPUT_BYTES_MAX };
  const { stdout } = await execute("spin", [...flags(defines), "-t", "-p", model], here);
  return stdout.split("\n").slice(-TRAIL_LINES_SHOWN).join("\n");
}

function flags(defines: Run["defines"]): readonly string[] {
  return Object.entries(defines).map(([name, value]) =>
    value === true ? `-D${name}` : `-D${name}=${value}`,
  );
}

function isExpected({ expect }: Run, found: Search): boolean {
  return "holds" in expect
    ? found.kind === "exhausted"
    : found.kind === "violated" && found.says.includes(expect.breaks);
}

function describe(found: Search): string {
  if (found.kind === "unfinished") return `the search did not end: ${found.says}`;
  const { states, depth, memoryMiB } = found;
  const size = `${states.toLocaleString("en")} states, depth ${depth}, ${Math.round(memoryMiB)} MiB`;
  return found.kind === "exhausted"
    ? `holds; ${size}`
    : `breaks; ${size}; ${found.says.slice(0, 90)}`;
}

function install(): void {
  const quiet = {
    stdio: "inherit",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  } as const;
  const packages = ["-y", "-qq", "--no-install-recommends", ...NEEDED, "libc6-dev"];
  if (NEEDED.every((tool) => spawnSync(tool, ["-V"], { stdio: "ignore" }).error === undefined))
    return;
  spawnSync("apt-get", ["update", "-qq"], quiet);
  spawnSync("apt-get", ["install", ...packages], quiet);
}

function refuse(reason: string): void {
  process.stderr.write(`test:model: ${reason}\n`);
  process.exitCode = 1;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
