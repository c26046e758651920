/** One VM: a job at a time with nothing else going on, and a backlog of its jobs. */
import { cpuSpan } from "./cpu.ts";
import { latency, spread } from "./figures.ts";
import type { JobTimes, Verb } from "./load-protocol.ts";
import { load } from "./machine.ts";
import { quietRounds } from "./quiet-rounds.ts";
import type { Site } from "./site.ts";

/** One client that starts its VM, waits for the end by the API, and stops it again; so many times a round. */
export async function measureIdle(
  { load: clients, vmIds }: Site,
  { jobsEach, count }: { readonly jobsEach: number; readonly count: number },
) {
  const one = vmIds.slice(0, 1);
  const measured = await quietRounds(count, async () => {
    const jobs: JobTimes[] = [];
    const end = cpuSpan();
    while (jobs.length < jobsEach) {
      const done = await clients.run({ kind: "round", vmIds: one, verb: "start", watch: "each" });
      jobs.push(...done.jobs);
      await clients.run({ kind: "round", vmIds: one, verb: "stop", watch: "each" });
    }
    return { jobs, othersPercent: end().othersPercent };
  });
  const jobs = measured.flatMap((each) => each.jobs);
  return {
    createdToFinished: latency(jobs.map(({ createdAt, finishedAt }) => finishedAt - createdAt)),
    submittedToAccepted: latency(
      jobs.map(({ submittedAt, acceptedAt }) => acceptedAt - submittedAt),
    ),
    submittedToSeen: latency(jobs.map(({ submittedAt, seenAt = 0 }) => seenAt - submittedAt)),
    othersPercent: spread(measured.map((each) => each.othersPercent)),
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
  const measured = await quietRounds(count, async () => {
    await quiet();
    const end = cpuSpan();
    const { jobs } = await clients.run({ kind: "backlog", vmId, verbs });
    const { othersPercent } = end();
    const begunAt = Math.min(...jobs.map(({ startedAt }) => startedAt));
    const endedAt = Math.max(...jobs.map(({ finishedAt }) => finishedAt));
    const jobsPerSecond = (jobs.length * 1000) / (endedAt - begunAt);
    return { jobs, jobsPerSecond, othersPercent, load: load() };
  });
  const jobs = measured.flatMap((each) => each.jobs);
  return {
    jobsPerSecond: spread(measured.map((each) => each.jobsPerSecond)),
    startedToFinished: latency(jobs.map(({ startedAt, finishedAt }) => finishedAt - startedAt)),
    othersPercent: spread(measured.map((each) => each.othersPercent)),
    load: spread(measured.map((each) => each.load)),
  };
}
