/**
 * Runs in a process of its own: imports one bundle as Lambda's runtime would, and says how long that took.
 *
 * Either the bundle alone, which then loads the SDK within its own time, or the SDK first and the bundle after it. What it
 * prints is JSON; the environment is the function's.
 */
import { performance } from "node:perf_hooks";
import type { ColdStart } from "./cold-start-protocol.ts";

const [bundleUrl = "", ...sdkModules] = process.argv.slice(2);

async function timed(urls: readonly string[]): Promise<number> {
  const begun = performance.now();
  for (const url of urls) await import(url);
  return performance.now() - begun;
}

const sdkMs = await timed(sdkModules);
const bundleMs = await timed([bundleUrl]);
process.stdout.write(JSON.stringify({ sdkMs, bundleMs } satisfies ColdStart));
