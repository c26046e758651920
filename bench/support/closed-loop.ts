/** Rounds of jobs, with what they cost; of the closed loop of start jobs among them. */
import {
  added,
  type CallMix,
  ONLOOKERS,
  perJob,
  readCalls,
  resetCalls,
  SCHEDULE,
} from "./aws-calls.ts";
import { type CpuUse, cpuSpan } from "./cpu.ts";
import { latency, rounded, spread, sum } from "./figures.ts";
import type { JobTimes, LoadRequest, Watch } from "./load-protocol.ts";
import { load } from "./machine.ts";
import type { Site } from "./site.ts";

export type Round = {
  readonly jobs: readonly JobTimes[];
  readonly jobsPerSecond: number;
  /** Calls a job, of functions and agents. */
  readonly mix: CallMix;
  readonly invocationsPerJob: number;
  readonly cpu: Omit<CpuUse, "othersPercent"> & { readonly clientsMs: number };
  readonly othersPercent: number;
  readonly load: number;
};

/** Not measured: until all workers are there and their code is compiled. Answers the last. */
export async function warmUp(
  site: Site,
  { count, watch }: { readonly count: number; readonly watch: Watch },
): Promise<Round> {
  let last = await closedLoop(site, watch);
  for (let done = 1; done < count; done += 1) last = await closedLoop(site, watch);
  return last;
}

/** A start of every VM, and the stops that follow outside the measured span. */
export async function closedLoop(site: Site, watch: Watch): Promise<Round> {
  const { load: clients, vmIds } = site;
  const round = await measured(site, { kind: "round", vmIds, verb: "start", watch });
  await clients.run({ kind: "round", vmIds, verb: "stop", watch: "last" });
  return round;
}

/** Calls and processor time are of all that the jobs set off, until it is quiet again; the span ends with the last job. */
export async function measured(
  { stack, load: clients, quiet }: Site,
  request: LoadRequest,
): Promise<Round> {
  await quiet();
  resetCalls(stack.calls);
  const end = cpuSpan();
  const { jobs, cpuMs } = await clients.run(request);
  const { othersPercent } = end();
  await quiet();
  const { mainMs, threadsMs, childrenMs } = end();
  const without = request.kind === "closed" ? SCHEDULE : ONLOOKERS;
  const { functions, agents, invocations } = readCalls(stack.calls, without);
  const spanMs =
    Math.max(...jobs.map((job) => job.finishedAt)) -
    Math.min(...jobs.map((job) => job.submittedAt));
  return {
    jobs,
    jobsPerSecond: (jobs.length * 1000) / spanMs,
    mix: perJob(added([functions, agents]), jobs.length),
    invocationsPerJob: invocations / jobs.length,
    cpu: { mainMs, threadsMs, childrenMs, clientsMs: cpuMs },
    othersPercent,
    load: load(),
  };
}

export type ClosedFigures = ReturnType<typeof closedFigures>;

export function closedFigures(measured: readonly Round[]) {
  const jobs = measured.flatMap((each) => each.jobs);
  const perJobMs = (of: (cpu: Round["cpu"]) => number) =>
    rounded(sum(measured.map(({ cpu }) => of(cpu))) / jobs.length);
  const seen = jobs.flatMap(({ submittedAt, seenAt }) =>
    seenAt === undefined ? [] : [seenAt - submittedAt],
  );
  return {
    jobsPerSecond: spread(measured.map((each) => each.jobsPerSecond)),
    /** From the acceptance by the API to the end, by the job's own times. */
    createdToFinished: latency(jobs.map(({ createdAt, finishedAt }) => finishedAt - createdAt)),
    /** From the request to the answer 202. */
    submittedToAccepted: latency(
      jobs.map(({ submittedAt, acceptedAt }) => acceptedAt - submittedAt),
    ),
    /** Only where each client waited for its own job. */
    submittedToSeen: seen.length > 0 ? latency(seen) : undefined,
    callsPerJob: rounded(sum(measured.map(({ mix }) => sum(Object.values(mix)))) / measured.length),
    calls: roundedMix(perJob(added(measured.map(({ mix }) => mix)), measured.length)),
    invocationsPerJob: rounded(
      sum(measured.map((each) => each.invocationsPerJob)) / measured.length,
    ),
    cpuMsPerJob: {
      functions: perJobMs(({ threadsMs, clientsMs }) => threadsMs - clientsMs),
      main: perJobMs(({ mainMs }) => mainMs),
      engine: perJobMs(({ childrenMs }) => childrenMs),
      clients: perJobMs(({ clientsMs }) => clientsMs),
    },
    othersPercent: spread(measured.map((each) => each.othersPercent)),
    load: spread(measured.map((each) => each.load)),
  };
}

function roundedMix(mix: CallMix): CallMix {
  return Object.fromEntries(Object.entries(mix).map(([name, count]) => [name, rounded(count)]));
}
