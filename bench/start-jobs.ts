/**
 * Start jobs through the whole local stack, data in a folder on disk: `npm run bench:start-jobs`.
 *
 * - closed loop: as many clients as VMs, each with one of its own, submit a start at once; when all have ended, the VMs are
 *   stopped again outside the measured span. Once with nobody waiting for the ends, once with each client waiting by the API.
 * - idle: one client, one VM, one job at a time.
 * - hot VM: a backlog of alternating start and stop jobs of one VM, let go at once.
 * - ceiling: what engine and SDK can do alone (`engine-alone.ts`), in the same run, with the calls that the jobs made.
 *
 * Guests change at once. Clients, agents and simulated hosts run on the same cores as the stack. Nothing is asserted.
 */
import { tmpdir } from "node:os";
import { closedFigures, closedLoop, warmUp } from "./support/closed-loop.ts";
import { againstCeiling, startEngineAlone } from "./support/engine-alone.ts";
import type { Read } from "./support/engine-protocol.ts";
import type { Sampled } from "./support/engine-samples.ts";
import { fdatasyncSpeed, load, machine } from "./support/machine.ts";
import { measureHot, measureIdle } from "./support/one-vm.ts";
import { readOptions } from "./support/options.ts";
import { quietRounds } from "./support/quiet-rounds.ts";
import { showStartJobs } from "./support/show-start-jobs.ts";
import { type Site, startSite } from "./support/site.ts";

export type StartJobsOptions = {
  readonly vms: number;
  readonly hosts: number;
  readonly rounds: number;
  readonly warmUpRounds: number;
};

const START_JOB: Sampled = { verb: "start", undo: "stop" };
/** By the API, then by the turns, in the shares that a trace of them showed. */
const READS: readonly Read[] = ["token", "apartment", "apartment", "host", "apartment"];
/** A round's; ten rounds give a p99 something to stand on. */
const IDLE_JOBS_EACH = 10;
/** Below `apartmentQueueMax`; even, so that the VM is off again. */
const HOT_JOBS = 60;

export type StartJobsFigures = Awaited<ReturnType<typeof measureStartJobs>>;

export async function measureStartJobs(options: StartJobsOptions) {
  const before = { ...machine(), fdatasync4KiB: fdatasyncSpeed(tmpdir()) };
  const site = await startSite(options);
  const { rounds: count, warmUpRounds } = options;
  try {
    const cold = await closedLoop(site, "last");
    const against = await measureAgainstCeiling(site, options);
    const idle = await measureIdle(site, { jobsEach: IDLE_JOBS_EACH, count });
    const hot = await measureHot(site, { backlog: HOT_JOBS, count });
    await warmUp(site, { count: warmUpRounds, watch: "each" });
    const waiting = await quietRounds(count, () => closedLoop(site, "each"));
    return {
      machine: { ...before, loadAfter: load() },
      options,
      cold: closedFigures([cold]),
      closed: against,
      idle,
      hot,
      waiting: closedFigures(waiting),
    };
  } finally {
    await site.stop();
  }
}

async function measureAgainstCeiling(site: Site, { rounds, warmUpRounds }: StartJobsOptions) {
  const run = () => closedLoop(site, "last");
  const { mix } = await warmUp(site, { count: warmUpRounds, watch: "last" });
  const alone = await startEngineAlone(site, START_JOB);
  try {
    await alone.warmUp({ mix, reads: READS });
    return await againstCeiling(alone, { rounds, reads: READS, run });
  } finally {
    await alone.stop();
  }
}

if (import.meta.main) {
  const options = readOptions({
    script: "bench:start-jobs",
    says: "Start jobs through the whole local stack, and what engine and SDK can do alone. Takes minutes.",
    numbers: {
      vms: { standard: 100, says: "VMs and clients of the closed loop" },
      hosts: { standard: 4, says: "simulated hosts" },
      rounds: {
        standard: 10,
        says: "measured rounds of each kind; disturbed ones are measured again",
      },
      "warm-up-rounds": { standard: 10, says: "rounds before, until all workers are compiled" },
    },
  });
  if (options !== undefined) {
    const { number, output } = options;
    const figures = await measureStartJobs({
      vms: number("vms"),
      hosts: number("hosts"),
      rounds: number("rounds"),
      warmUpRounds: number("warm-up-rounds"),
    });
    process.stdout.write(
      `${output === "json" ? JSON.stringify(figures, null, 2) : showStartJobs(figures)}\n`,
    );
  }
}
