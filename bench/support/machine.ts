/** The machine that figures were taken on, and how fast its disk says that something is kept. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type Latency, latency } from "./figures.ts";

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** One minute's load when the program began. */
  readonly loadBefore: number;
};

export function machine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model ?? "unknown",
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadBefore: load(),
  };
}

/** One minute's load average. */
export function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(2));
}

const SYNCS = 200;
const PAGE_BYTES = 4096;

/** `fdatasync` after each 4 KiB appended to a file in the folder. */
export function fdatasyncSpeed(folder: string): Latency {
  const file = join(folder, "fdatasync-speed");
  const handle = openSync(file, "w");
  const page = Buffer.alloc(PAGE_BYTES, 1);
  try {
    const samplesMs = Array.from({ length: SYNCS }, () => {
      writeSync(handle, page);
      const begun = performance.now();
      fdatasyncSync(handle);
      return performance.now() - begun;
    });
    return latency(samplesMs);
  } finally {
    closeSync(handle);
    rmSync(file);
  }
}
