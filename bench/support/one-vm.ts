/** One VM: a job at a time with nothing else going on, and a backlog of its jobs. */
import { cpuSpan } from "./cpu.ts";
import { latency, spread } from "./figures.ts";
import type { JobTimes, Verb } from "./load-protocol.ts";
import { load } from "./machine.ts";
import type { Site } from "./site.ts";

/** One client that starts its VM, waits for the end by the API, and stops it again. */
export async function measureIdle({ load: clients, vmIds }: Site, count: number) {
  const jobs: JobTimes[] = [];
  const one = vmIds.slice(0, 1);
  const end = cpuSpan();
  while (jobs.length < count) {
    const started = await clients.run({ kind: "round", vmIds: one, verb: "start", watch: "each" });
    jobs.push(...started.jobs);
    await clients.run({ kind: "round", vmIds: one, verb: "stop", watch: "each" });
  }
  return {
    createdToFinished: latency(jobs.map(({ createdAt, finishedAt }) => finishedAt - createdAt)),
    submittedToAccepted: latency(
      jobs.map(({ submittedAt, acceptedAt }) => acceptedAt - submittedAt),
    ),
    submittedToSeen: latency(jobs.map(({ submittedAt, seenAt = 0 }) => seenAt - submittedAt)),
    othersPercent: end().othersPercent,
    load: load(),
  };
}

/** Alternating start and stop jobs of one VM, all waiting in its apartment before the first begins. */
export async function measureHot(
  { load: clients, vmIds, quiet }: Site,
  { backlog, count }: { readonly backlog: number; readonly count: number },
) {
  const [vmId = ""] = vmIds;
  const verbs = Array.from({ length: backlog }, (_, at): Verb => (at % 2 === 0 ? "start" : "stop"));
  const rates: number[] = [];
  const durationsMs: number[] = [];
  const others: number[] = [];
  const loads: number[] = [];
  while (rates.length < count) {
    await quiet();
    const end = cpuSpan();
    const { jobs } = await clients.run({ kind: "backlog", vmId, verbs });
    others.push(end().othersPercent);
    loads.push(load());
    const begunAt = Math.min(...jobs.map(({ startedAt }) => startedAt));
    const endedAt = Math.max(...jobs.map(({ finishedAt }) => finishedAt));
    rates.push((jobs.length * 1000) / (endedAt - begunAt));
    durationsMs.push(...jobs.map(({ startedAt, finishedAt }) => finishedAt - startedAt));
  }
  return {
    jobsPerSecond: spread(rates),
    startedToFinished: latency(durationsMs),
    othersPercent: spread(others),
    load: spread(loads),
  };
}
