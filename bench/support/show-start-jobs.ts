/** The figures of start jobs as tables. */
import type { StartJobsFigures } from "../start-jobs.ts";
import { type Latency, type Spread, table } from "./figures.ts";
import { showCeiling } from "./show-ceiling.ts";

/** Its orientation. */
const TARGET_JOBS_PER_SECOND = 40;

export function showStartJobs(figures: StartJobsFigures): string {
  const { machine, closed: against, cold, waiting, idle, hot } = figures;
  const closed = against.figures;
  const { fdatasync4KiB: disk } = machine;
  return [
    `${machine.cores} cores ${machine.cpu}, ${machine.memoryGiB} GiB, Node ${machine.node}; load ${machine.loadBefore} before, ${machine.loadAfter} after`,
    `fdatasync of 4 KiB: p50 ${disk.p50Ms} ms, p99 ${disk.p99Ms} ms`,
    "",
    table([
      ["throughput", "jobs/s median", "min", "max", "rounds", "others' CPU %", "load"],
      rate("closed loop", closed),
      rate("closed loop, first round after the start", cold),
      rate("closed loop, clients wait by the API", waiting),
      rate("hot VM, draining", hot),
    ]),
    "",
    table([
      ["latency (ms)", "p50", "p99", "samples"],
      times("idle: created to finished", idle.createdToFinished),
      times("idle: submitted to seen by the client", idle.submittedToSeen),
      times("closed loop: created to finished", closed.createdToFinished),
      times("closed loop: submitted to accepted", closed.submittedToAccepted),
      ...(waiting.submittedToSeen !== undefined
        ? [times("clients wait: submitted to seen by the client", waiting.submittedToSeen)]
        : []),
      times("hot VM: started to finished", hot.startedToFinished),
    ]),
    "",
    table([
      ["CPU of a job (ms)", "functions", "main thread", "DynamoDB engine", "clients"],
      cpu("closed loop", closed.cpuMsPerJob),
      cpu("closed loop, first round after the start", cold.cpuMsPerJob),
      cpu("closed loop, clients wait by the API", waiting.cpuMsPerJob),
    ]),
    "",
    showCeiling(`closed loop (orientation ${TARGET_JOBS_PER_SECOND} jobs/s)`, against),
  ].join("\n");
}

type Rate = {
  readonly jobsPerSecond: Spread;
  readonly othersPercent: Spread;
  readonly load: Spread;
};

function rate(name: string, { jobsPerSecond, othersPercent, load }: Rate) {
  const { median, min, max, rounds } = jobsPerSecond;
  return [name, median, min, max, rounds, othersPercent.median, load.median];
}

function times(name: string, { p50Ms, p99Ms, samples }: Latency) {
  return [name, p50Ms, p99Ms, samples];
}

function cpu(
  name: string,
  use: StartJobsFigures["closed"]["figures"]["cpuMsPerJob"],
): readonly (string | number)[] {
  return [name, use.functions, use.main, use.engine, use.clients];
}
