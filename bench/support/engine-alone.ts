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
import type { CallMix } from "./aws-calls.ts";
import { closedFigures, type Round } from "./closed-loop.ts";
import { cpuSpan } from "./cpu.ts";
import type { EngineDone, EngineRun, Read } from "./engine-protocol.ts";
import type { Sampled } from "./engine-samples.ts";
import { makeEngineSite } from "./engine-site.ts";
import { rounded, spread, sum } from "./figures.ts";
import { quietRounds } from "./quiet-rounds.ts";
import type { Site } from "./site.ts";

export type EngineFigure = {
  readonly threads: number;
  readonly callsPerSecond: number;
  /** Milliseconds of processor time: the DynamoDB engine; queues and bus; SDK clients, and garbage collection. */
  readonly cpuMsPerCall: { readonly engine: number; readonly wire: number; readonly sdk: number };
  readonly othersPercent: number;
};

/** What a job calls, and what the reads (`GetItem`) among that are of, by turns. */
export type JobCalls = { readonly mix: CallMix; readonly reads: readonly Read[] };

export interface EngineAlone {
  /** Not measured: until the threads' code is compiled. */
  readonly warmUp: (calls: JobCalls) => Promise<void>;
  /** A figure for each number of threads. */
  readonly round: (calls: JobCalls) => Promise<readonly EngineFigure[]>;
  readonly stop: () => Promise<void>;
}

/** Four is as many as turns run side by side on two cores (`BATCHES_MAX` of `local/functions.ts`); API and ingest add some. */
const THREADS = [2, 4, 8] as const;
/** Over all threads: VMs whose calls are under way side by side. */
const LANES = 16;
const WARM_UP_MS = 10_000;
const ROUND_MS = 2_000;

/** Items will be as large as those of the site's first VM, with those jobs. To be stopped before the stack is. */
export async function startEngineAlone(on: Site, jobs: Sampled): Promise<EngineAlone> {
  const site = await makeEngineSite(on, { threads: Math.max(...THREADS), jobs });
  const workers = site.starts.map(
    (workerData) => new Worker(new URL("engine-worker.ts", import.meta.url), { workerData }),
  );
  return {
    warmUp: async (calls) => {
      const sideBySide = LANES / workers.length;
      await runAll(workers, { ...calls, sideBySide, durationMs: WARM_UP_MS });
    },
    round: async (calls) => {
      const figures: EngineFigure[] = [];
      for (const threads of THREADS) {
        const run = { ...calls, sideBySide: LANES / threads, durationMs: ROUND_MS };
        figures.push(await figureOf(workers.slice(0, threads), run));
      }
      return figures;
    },
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
      await site.close();
    },
  };
}

export type AgainstCeiling = Awaited<ReturnType<typeof againstCeiling>>;

/** Jobs, then engine and SDK alone, by turns: what changes on the machine meanwhile changes both. */
export async function againstCeiling(
  alone: EngineAlone,
  {
    rounds,
    reads,
    run,
  }: Pick<JobCalls, "reads"> & {
    readonly rounds: number;
    readonly run: () => Promise<Round>;
  },
) {
  const pairs = await quietRounds(rounds, async () => {
    const jobs = await run();
    const engine = await alone.round({ mix: jobs.mix, reads });
    const others = [jobs, ...engine].map(({ othersPercent }) => othersPercent);
    return { jobs, engine, othersPercent: Math.max(...others) };
  });
  const engines = pairs.map(({ engine }) => engine);
  const threads = bestThreads(engines);
  const compared = pairs.map(({ jobs, engine }) => {
    const { callsPerSecond, cpuMsPerCall } = figureWith(threads, engine);
    const calls = sum(Object.values(jobs.mix));
    const { mainMs, threadsMs, childrenMs } = jobs.cpu;
    const cpuMsPerJob = (mainMs + threadsMs + childrenMs) / jobs.jobs.length;
    return {
      ceiling: callsPerSecond / calls,
      ratio: (jobs.jobsPerSecond * calls) / callsPerSecond,
      cpuRatio: (sum(Object.values(cpuMsPerCall)) * calls) / cpuMsPerJob,
    };
  });
  return {
    figures: closedFigures(pairs.map(({ jobs }) => jobs)),
    threads,
    byThreads: engineFigures(engines),
    /** Jobs a second. */
    ceiling: spread(compared.map(({ ceiling }) => ceiling)),
    /** Of what was measured to the ceiling. */
    ratio: spread(compared.map(({ ratio }) => ratio)),
    /** Of the processor time that the calls alone take to all that a job takes, its client's share too. */
    cpuRatio: spread(compared.map(({ cpuRatio }) => cpuRatio)),
  };
}

function figureWith(threads: number, engine: readonly EngineFigure[]): EngineFigure {
  const found = engine.find((each) => each.threads === threads);
  if (found === undefined) throw new Error(`nothing was measured with ${threads} threads`);
  return found;
}

/** The number of threads that makes most calls a second, by the median of rounds. */
function bestThreads(rounds: readonly (readonly EngineFigure[])[]): number {
  const medians = engineFigures(rounds).toSorted(
    (one, other) => other.callsPerSecond.median - one.callsPerSecond.median,
  );
  return medians[0]?.threads ?? 0;
}

/** By number of threads, over rounds. */
function engineFigures(rounds: readonly (readonly EngineFigure[])[]) {
  return THREADS.map((threads) => {
    const figures = rounds.flat().filter((each) => each.threads === threads);
    const mean = (of: (figure: EngineFigure["cpuMsPerCall"]) => number) =>
      rounded(sum(figures.map(({ cpuMsPerCall }) => of(cpuMsPerCall))) / figures.length);
    return {
      threads,
      callsPerSecond: spread(figures.map((each) => each.callsPerSecond)),
      cpuMsPerCall: {
        engine: mean(({ engine }) => engine),
        wire: mean(({ wire }) => wire),
        sdk: mean(({ sdk }) => sdk),
      },
    };
  });
}

async function figureOf(workers: readonly Worker[], run: EngineRun): Promise<EngineFigure> {
  const end = cpuSpan();
  const begun = performance.now();
  const calls = await runAll(workers, run);
  const seconds = (performance.now() - begun) / 1000;
  const cpu = end();
  return {
    threads: workers.length,
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
