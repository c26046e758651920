/**
 * Bundles of the functions: one esbuild run for all, one folder each, offline. What is deployed is what local runs.
 *
 * The SDK stays outside: Lambda's runtime has it, and a bundle without it starts faster and stays about 300 KB.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Code } from "aws-cdk-lib/aws-lambda";
import { buildSync } from "esbuild";
import { FUNCTION_NAMES, type FunctionName } from "./function-names.ts";

/** The code of each function; tests give their own. */
export type CodeOf = (name: FunctionName) => Code;

/** Libraries that are still CommonJS may call `require`, which an ES module does not have. */
const REQUIRE_BANNER =
  'import{createRequire as __vmsyncRequire}from"node:module";const require=__vmsyncRequire(import.meta.url);';

/** Seen from the entries. */
const NOMINAL_OUT_FOLDER = "../cdk.out/bundles";

/** Bundles every function of `entryFolder` into `outFolder`, and answers their code. Throws if an entry is missing. */
export function bundledCode(folders: {
  readonly entryFolder: string;
  readonly outFolder: string;
}): CodeOf {
  const missing = FUNCTION_NAMES.filter((name) => !existsSync(entryOf(folders.entryFolder, name)));
  if (missing.length > 0)
    throw new Error(`functions/ lacks ${missing.map((name) => `${name}.ts`).join(", ")}`);
  const { outputFiles } = buildSync({
    entryPoints: FUNCTION_NAMES.map((name) => ({
      in: entryOf(folders.entryFolder, name),
      out: `${name}/index`,
    })),
    // Source maps name sources relative to here, wherever the bundles then go: the same code has the same hash.
    outdir: join(folders.entryFolder, NOMINAL_OUT_FOLDER),
    write: false,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    mainFields: ["module", "main"],
    external: ["@aws-sdk/*", "@smithy/*"],
    banner: { js: REQUIRE_BANNER },
    minify: true,
    // Positions only (the sources are in the repository): a stack trace names the line it came from.
    sourcemap: "linked",
    sourcesContent: false,
    logLevel: "error",
  });
  for (const { path, contents } of outputFiles) {
    const place = join(
      folders.outFolder,
      relative(join(folders.entryFolder, NOMINAL_OUT_FOLDER), path),
    );
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, contents);
  }
  return (name) => Code.fromAsset(join(folders.outFolder, name));
}

function entryOf(entryFolder: string, name: FunctionName): string {
  return join(entryFolder, `${name}.ts`);
}
