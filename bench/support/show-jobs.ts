import type { JobsFigures } from "../jobs.ts";
import { type Latency, type Spread, table } from "./figures.ts";
import { showCeiling } from "./show-ceiling.ts";

/** Its orientation. */
const ORIENTATION = { closed: 120, idleP50Ms: 15, memory: 20_000 } as const;

export function showJobs(figures: JobsFigures): string {
  const { machine, burst, idle, hot, memory } = figures;
  const closed = figures.closed.figures;
  const { fdatasync4KiB: disk } = machine;
  return [
    `${machine.cores} cores ${machine.cpu}, ${machine.memoryGiB} GiB, Node ${machine.node}; load ${machine.loadBefore} before, ${machine.loadAfter} after`,
    `fdatasync of 4 KiB: p50 ${disk.p50Ms} ms, p99 ${disk.p99Ms} ms`,
    "",
    table([
      ["throughput", "jobs/s median", "min", "max", "rounds", "orientation"],
      rate("closed loop", closed.jobsPerSecond, ORIENTATION.closed),
      rate("burst", burst.jobsPerSecond),
      rate("one hot key, draining", hot.jobsPerSecond),
      rate("memory adapters", memory.jobsPerSecond),
      rate("memory adapters, per second of one core", memory.jobsPerCpuSecond, ORIENTATION.memory),
    ]),
    "",
    table([
      ["latency (ms)", "p50", "p99", "samples", "orientation"],
      times("idle: created to finished", idle.createdToFinished, ORIENTATION.idleP50Ms),
      times("idle: submitted to seen by the client", idle.submittedToSeen),
      times("closed loop: created to finished", closed.createdToFinished),
      ...(closed.submittedToSeen === undefined
        ? []
        : [times("closed loop: submitted to seen by the client", closed.submittedToSeen)]),
      times("burst: created to finished", burst.createdToFinished),
    ]),
    "",
    table([
      ["CPU of a job (ms)", "functions", "main thread", "DynamoDB engine", "clients"],
      cpu("closed loop", closed.cpuMsPerJob),
      cpu("burst", burst.cpuMsPerJob),
    ]),
    "",
    showCeiling("closed loop", figures.closed),
  ].join("\n");
}

function rate(name: string, { median, min, max, rounds }: Spread, orientation: number | "" = "") {
  return [name, median, min, max, rounds, orientation];
}

function times(name: string, { p50Ms, p99Ms, samples }: Latency, orientation: number | "" = "") {
  return [name, p50Ms, p99Ms, samples, orientation];
}

function cpu(name: string, use: JobsFigures["closed"]["figures"]["cpuMsPerJob"]) {
  return [name, use.functions, use.main, use.engine, use.clients];
}
