/**
 * What engine and SDK can do alone: the calls to AWS that a start job was just seen to make, in the same numbers, made by
 * plain SDK clients against the same DynamoDB engine and the same queues and bus, data on disk, no code of ours between.
 * Calls a second, divided by the calls of a job, is the ceiling for jobs.
 *
 * The ceiling is the best of several numbers of threads: which serves the machine best is for the machine to say.
 * What event sources receive and delete is not among the calls: in the local stack that is a function call within the process.
 */
import { performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import type { Stack } from "../local/start-stack.ts";
import type { CallMix } from "./support/aws-calls.ts";
import { cpuSpan } from "./support/cpu.ts";
import type { EngineDone, EngineRun } from "./support/engine-protocol.ts";
import { makeEngineSite } from "./support/engine-site.ts";
import { rounded, spread, sum } from "./support/figures.ts";
import { quietRounds } from "./support/quiet-rounds.ts";
import type { Site } from "./support/site.ts";

export type EngineFigure = {
  readonly callsPerSecond: number;
  /** Milliseconds of processor time: the DynamoDB engine; queues and bus; SDK clients, and garbage collection. */
  readonly cpuMsPerCall: { readonly engine: number; readonly wire: number; readonly sdk: number };
  readonly othersPercent: number;
};

/** The last is as many as turns run side by side here (`BATCHES_MAX` of `local/functions.ts`, on two cores). */
const THREADS = [1, 2, 4] as const;
/** Over all threads: VMs whose calls are under way side by side. */
const LANES = 16;
/** Until the threads' code is compiled; the first round of each number of threads comes after it. */
const WARM_UP_MS = 8_000;
const ROUND_MS = 2_000;

/** Rounds at each number of threads, one after the other; the ceiling is the best median. */
export async function measureCeiling(
  { stack, vmIds: [vmId = ""] }: Pick<Site, "stack" | "vmIds">,
  { mix, rounds }: { readonly mix: CallMix; readonly rounds: number },
) {
  const alone = await startThreads(stack, vmId);
  const callsPerJob = sum(Object.values(mix));
  try {
    const byThreads = [];
    for (const threads of THREADS) {
      const figures = await alone.measure({ mix, threads, rounds });
      const callsPerSecond = spread(figures.map((each) => each.callsPerSecond));
      const mean = (of: (figure: EngineFigure["cpuMsPerCall"]) => number) =>
        rounded(sum(figures.map(({ cpuMsPerCall }) => of(cpuMsPerCall))) / figures.length);
      byThreads.push({
        threads,
        callsPerSecond,
        jobsPerSecond: rounded(callsPerSecond.median / callsPerJob),
        cpuMsPerCall: {
          engine: mean(({ engine }) => engine),
          wire: mean(({ wire }) => wire),
          sdk: mean(({ sdk }) => sdk),
        },
        othersPercent: spread(figures.map((each) => each.othersPercent)),
      });
    }
    return {
      callsPerJob: rounded(callsPerJob),
      mix: Object.fromEntries(Object.entries(mix).map(([name, count]) => [name, rounded(count)])),
      byThreads,
      jobsPerSecond: Math.max(...byThreads.map((each) => each.jobsPerSecond)),
    };
  } finally {
    await alone.stop();
  }
}

interface Threads {
  readonly measure: (wanted: {
    readonly mix: CallMix;
    readonly threads: number;
    readonly rounds: number;
  }) => Promise<readonly EngineFigure[]>;
  readonly stop: () => Promise<void>;
}

async function startThreads(stack: Stack, vmId: string): Promise<Threads> {
  const site = await makeEngineSite(stack, { vmId, threads: Math.max(...THREADS) });
  const workers = site.starts.map(
    (workerData) =>
      new Worker(new URL("support/engine-worker.ts", import.meta.url), { workerData }),
  );
  return {
    measure: async ({ mix, threads, rounds }) => {
      const run = { mix, sideBySide: LANES / threads };
      const chosen = workers.slice(0, threads);
      await runAll(chosen, { ...run, durationMs: WARM_UP_MS });
      return quietRounds(rounds, () => figureOf(chosen, { ...run, durationMs: ROUND_MS }));
    },
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
      await site.close();
    },
  };
}

async function figureOf(workers: readonly Worker[], run: EngineRun): Promise<EngineFigure> {
  const end = cpuSpan();
  const begun = performance.now();
  const calls = await runAll(workers, run);
  const seconds = (performance.now() - begun) / 1000;
  const cpu = end();
  return {
    callsPerSecond: rounded(calls / seconds),
    cpuMsPerCall: {
      engine: rounded(cpu.childrenMs / calls),
      wire: rounded(cpu.mainMs / calls),
      sdk: rounded(cpu.threadsMs / calls),
    },
    othersPercent: cpu.othersPercent,
  };
}

/** All threads at once; answers how many calls they made. */
async function runAll(workers: readonly Worker[], run: EngineRun): Promise<number> {
  const done = await Promise.all(workers.map((worker) => runOne(worker, run)));
  return sum(done);
}

function runOne(worker: Worker, run: EngineRun): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (done: EngineDone) => {
      worker.off("error", reject);
      if (done.ok) resolve(done.calls);
      else reject(new Error(done.reason));
    });
    worker.postMessage(run);
  });
}
