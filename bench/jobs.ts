/**
 * The peers' workload through the whole local stack, data in a folder on disk: `npm run bench:jobs`.
 *
 * A job is two durable steps, two commits, and needs no host; jobs of one VM run one after the other. As others were measured
 * with it (closed, burst, idle, hot key), and as start jobs are: against what engine and SDK can do alone with the calls that
 * the jobs were seen to make, in the same run. Submissions carry no idempotency key.
 *
 * With the memory adapters the same jobs run without any of that: what our own code costs, on one core.
 */
import { tmpdir } from "node:os";
import { closedFigures, measured } from "./support/closed-loop.ts";
import { cpuSpan } from "./support/cpu.ts";
import { againstCeiling, startEngineAlone } from "./support/engine-alone.ts";
import type { Read } from "./support/engine-protocol.ts";
import type { Sampled } from "./support/engine-samples.ts";
import { latency, spread } from "./support/figures.ts";
import type { Verb } from "./support/load-protocol.ts";
import { fdatasyncSpeed, load, machine } from "./support/machine.ts";
import { memoryJobsPerSecond } from "./support/memory-jobs.ts";
import { readOptions } from "./support/options.ts";
import { quietRounds } from "./support/quiet-rounds.ts";
import { showJobs } from "./support/show-jobs.ts";
import { type Site, startSite } from "./support/site.ts";
import { TWO_STEPS_WORK } from "./support/two-steps-work.ts";

export type JobsOptions = {
  readonly vms: number;
  readonly jobs: number;
  readonly rounds: number;
  readonly warmUpRounds: number;
};

const VERB: Verb = "two-steps";
const TWO_STEPS: Sampled = { verb: VERB };
/** Only the API reads: a turn has its record with its submission. Who waits has the job read some times. */
const READS: readonly Read[] = ["token", "apartment", "token", "job"];
/** Submissions under way in the burst, as for the peers. */
const IN_FLIGHT = 64;
/** A round's. */
const IDLE_JOBS_EACH = 20;
/** Below `apartmentQueueMax`. */
const HOT_JOBS = 60;

export type JobsFigures = Awaited<ReturnType<typeof measureJobs>>;

export async function measureJobs(options: JobsOptions) {
  const before = { ...machine(), fdatasync4KiB: fdatasyncSpeed(tmpdir()) };
  const memory = await quietRounds(options.rounds, () => memoryJobsPerSecond(options));
  // The one host is only a sample for engine and SDK alone; no job needs it.
  const site = await startSite({ hosts: 1, vms: options.vms, work: TWO_STEPS_WORK });
  try {
    const against = await measureAgainstCeiling(site, options);
    const burst = await quietRounds(options.rounds, () => burstOf(site, options));
    const idle = await measureIdle(site, options.rounds);
    const hot = await measureHot(site, options.rounds);
    return {
      machine: { ...before, loadAfter: load() },
      options,
      closed: against,
      burst: closedFigures(burst),
      idle,
      hot,
      memory: {
        jobsPerSecond: spread(memory.map((each) => each.jobsPerSecond)),
        jobsPerCpuSecond: spread(memory.map((each) => each.jobsPerCpuSecond)),
        othersPercent: spread(memory.map((each) => each.othersPercent)),
      },
    };
  } finally {
    await site.stop();
  }
}

async function measureAgainstCeiling(site: Site, options: JobsOptions) {
  const { rounds, warmUpRounds } = options;
  const run = () => closed(site, options);
  let warm = await run();
  for (let done = 1; done < warmUpRounds; done += 1) warm = await run();
  const alone = await startEngineAlone(site, TWO_STEPS);
  try {
    await alone.warmUp({ mix: warm.mix, reads: READS });
    return await againstCeiling(alone, { rounds, reads: READS, run });
  } finally {
    await alone.stop();
  }
}

/** Each client has a VM of its own and waits for each of its jobs by the API. */
function closed(site: Site, { jobs, vms }: JobsOptions) {
  const jobsEach = Math.max(1, Math.round(jobs / vms));
  return measured(site, { kind: "closed", vmIds: site.vmIds, verb: VERB, jobsEach });
}

function burstOf(site: Site, { jobs }: JobsOptions) {
  const { vmIds } = site;
  return measured(site, { kind: "burst", vmIds, verb: VERB, jobs, inFlight: IN_FLIGHT });
}

/** One client, one VM, one job at a time. */
async function measureIdle(site: Site, count: number) {
  const vmIds = site.vmIds.slice(0, 1);
  const rounds = await quietRounds(count, () =>
    measured(site, { kind: "closed", vmIds, verb: VERB, jobsEach: IDLE_JOBS_EACH }),
  );
  const jobs = rounds.flatMap((each) => each.jobs);
  return {
    createdToFinished: latency(jobs.map(({ createdAt, finishedAt }) => finishedAt - createdAt)),
    submittedToSeen: latency(jobs.map(({ submittedAt, seenAt = 0 }) => seenAt - submittedAt)),
  };
}

/** All waiting in one apartment before the first begins. */
async function measureHot({ load: clients, vmIds, quiet }: Site, count: number) {
  const [vmId = ""] = vmIds;
  const verbs = Array.from({ length: HOT_JOBS }, () => VERB);
  const rounds = await quietRounds(count, async () => {
    await quiet();
    const end = cpuSpan();
    const { jobs } = await clients.run({ kind: "backlog", vmId, verbs });
    const { othersPercent } = end();
    const begunAt = Math.min(...jobs.map(({ startedAt }) => startedAt));
    const endedAt = Math.max(...jobs.map(({ finishedAt }) => finishedAt));
    return { jobsPerSecond: (jobs.length * 1000) / (endedAt - begunAt), othersPercent };
  });
  return { jobsPerSecond: spread(rounds.map((each) => each.jobsPerSecond)) };
}

if (import.meta.main) {
  const options = readOptions({
    script: "bench:jobs",
    says: "Jobs of two durable steps through the whole local stack, and with the memory adapters. Takes minutes.",
    numbers: {
      vms: { standard: 100, says: "VMs and clients" },
      jobs: { standard: 3_000, says: "jobs of a round" },
      rounds: {
        standard: 5,
        says: "measured rounds of each kind; disturbed ones are measured again",
      },
      "warm-up-rounds": { standard: 2, says: "rounds before, until all workers are compiled" },
    },
  });
  if (options !== undefined) {
    const { number, output } = options;
    const figures = await measureJobs({
      vms: number("vms"),
      jobs: number("jobs"),
      rounds: number("rounds"),
      warmUpRounds: number("warm-up-rounds"),
    });
    process.stdout.write(
      `${output === "json" ? JSON.stringify(figures, null, 2) : showJobs(figures)}\n`,
    );
  }
}
