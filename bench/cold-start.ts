/**
 * Size and init of each function's bundle: `npm run bench:cold-start`.
 *
 * Size: the minified module as it is deployed: without the SDK, which Lambda's runtime has, and without its source map.
 * Init: importing the module in a process just started, with a function's environment: code read, compiled and run up to the
 * handler, clients made, nothing called. Once in a process that has nothing, so that the SDK's load is in it, and once where the
 * SDK is loaded already. Node's own start is in neither.
 */
import "../test/support/function-environment.ts";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { bundledCode } from "../cdk/bundle.ts";
import { FUNCTION_NAMES, type FunctionName } from "../cdk/function-names.ts";
import { ColdStart } from "./support/cold-start-protocol.ts";
import { cpuSpan } from "./support/cpu.ts";
import { rounded, spread, table } from "./support/figures.ts";
import { load, machine } from "./support/machine.ts";
import { readOptions } from "./support/options.ts";

/** The design's orientation for a bundle without the SDK. */
const TARGET_KB = 300;
/** As Lambda counts its limits, and as the issue does. */
const BYTES_PER_KB = 1024;
const CHILD = fileURLToPath(new URL("support/cold-start-child.ts", import.meta.url));

export type ColdStarts = ReturnType<typeof measureColdStarts>;

export function measureColdStarts({ rounds }: { readonly rounds: number }) {
  const before = machine();
  const folder = mkdtempSync(join(tmpdir(), "vmsync-bundles-"));
  try {
    bundledCode({
      entryFolder: fileURLToPath(new URL("../functions", import.meta.url)),
      outFolder: folder,
    });
    // Where the bundles find the SDK.
    const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
    symlinkSync(modules, join(folder, "node_modules"));
    const end = cpuSpan();
    const functions = FUNCTION_NAMES.map((name) => measureOne(folder, name, rounds));
    const { othersPercent } = end();
    return { machine: { ...before, loadAfter: load() }, rounds, othersPercent, functions };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measureOne(folder: string, name: FunctionName, rounds: number) {
  const file = join(folder, name, "index.mjs");
  const code = readFileSync(file);
  const sdk = [
    ...new Set(
      [...code.toString().matchAll(/from\s*"(@(?:aws-sdk|smithy)\/[^"]+)"/g)].map(
        ([, one]) => one ?? "",
      ),
    ),
  ];
  const url = pathToFileURL(file).href;
  const whole: ColdStart[] = [];
  const parts: ColdStart[] = [];
  for (let round = 0; round < rounds; round += 1) {
    whole.push(startCold([url]));
    parts.push(startCold([url, ...sdk]));
  }
  return {
    name,
    minifiedKb: rounded(code.length / BYTES_PER_KB),
    gzipKb: rounded(gzipSync(code).length / BYTES_PER_KB),
    initMs: spread(whole.map(({ bundleMs }) => bundleMs)),
    bundleMs: spread(parts.map(({ bundleMs }) => bundleMs)),
    sdkMs: spread(parts.map(({ sdkMs }) => sdkMs)),
  };
}

function startCold(urls: readonly string[]): ColdStart {
  const printed = execFileSync(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    CHILD,
    ...urls,
  ]);
  return ColdStart.parse(JSON.parse(printed.toString()));
}

function showColdStarts({ machine: on, rounds, othersPercent, functions }: ColdStarts): string {
  const largest = Math.max(...functions.map(({ minifiedKb }) => minifiedKb));
  return [
    `${on.cores} cores ${on.cpu}, Node ${on.node}; load ${on.loadBefore} before, ${on.loadAfter} after; others' CPU ${othersPercent} %`,
    "",
    table([
      ["function", "KB minified", "KB gzip", "init ms (with SDK)", "own ms", "SDK ms"],
      ...functions.map(({ name, minifiedKb, gzipKb, initMs, bundleMs, sdkMs }) => [
        name,
        minifiedKb,
        gzipKb,
        initMs.median,
        bundleMs.median,
        sdkMs.median,
      ]),
    ]),
    `medians of ${rounds}; own: the bundle once the SDK is loaded; largest bundle ${largest} KB (orientation ${TARGET_KB})`,
  ].join("\n");
}

if (import.meta.main) {
  const options = readOptions({
    script: "bench:cold-start",
    says: "Size and init of each function's bundle.",
    numbers: { rounds: { standard: 15, says: "processes started for each figure" } },
  });
  if (options !== undefined) {
    const figures = measureColdStarts({ rounds: options.number("rounds") });
    const text =
      options.output === "json" ? JSON.stringify(figures, null, 2) : showColdStarts(figures);
    process.stdout.write(`${text}\n`);
  }
}
