/**
 * Whose code the time of jobs goes into: `npm run bench:profile`. Start jobs, then the peers' workload, as `bench:start-jobs` and
 * `bench:jobs` run them; the threads of all functions together, and the main thread with queues, bus, front and agents.
 *
 * A sample is of what a thread was at, be it that a core ran it or that it waited for one, or for the disk. Profiling slows all of
 * it down: the shares tell, the times do not.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closedLoop, measured, type Round } from "./support/closed-loop.ts";
import { rounded, table } from "./support/figures.ts";
import { load, machine } from "./support/machine.ts";
import { readOptions } from "./support/options.ts";
import { profileHere, profileInto, profileMark, sharesOf } from "./support/profile.ts";
import { type Site, startSite } from "./support/site.ts";
import { TWO_STEPS_WORK } from "./support/two-steps-work.ts";

export type ProfileOptions = {
  readonly vms: number;
  readonly rounds: number;
  readonly warmUpRounds: number;
};

/** Of one client in a round of the peers' workload. */
const JOBS_EACH = 10;

export async function profileJobs(options: ProfileOptions) {
  const before = machine();
  const { vms } = options;
  const startJobs = await profiled(options, {
    site: { hosts: 4, vms },
    round: (site) => closedLoop(site, "last"),
  });
  const twoSteps = await profiled(options, {
    site: { hosts: 1, vms, work: TWO_STEPS_WORK },
    round: (site) =>
      measured(site, {
        ...{ kind: "closed", vmIds: site.vmIds, verb: "two-steps", jobsEach: JOBS_EACH },
      }),
  });
  return { machine: { ...before, loadAfter: load() }, options, startJobs, twoSteps };
}

type Workload = {
  readonly site: Omit<Parameters<typeof startSite>[0], "execArgv">;
  readonly round: (site: Site) => Promise<Round>;
};

async function profiled(options: ProfileOptions, workload: Workload) {
  const folder = await mkdtemp(join(tmpdir(), "vmsync-profile-"));
  try {
    const site = await startSite({ ...workload.site, execArgv: profileInto(folder) });
    const run = () => workload.round(site);
    let rounds: readonly Round[];
    let span: Parameters<typeof sharesOf>[1];
    let main: Awaited<ReturnType<Awaited<ReturnType<typeof profileHere>>>>;
    try {
      for (let done = 0; done < options.warmUpRounds; done += 1) await run();
      const from = profileMark();
      const end = await profileHere();
      rounds = await inTurn(options.rounds, run);
      main = await end();
      span = { from, to: profileMark() };
    } finally {
      await site.stop(); // the threads write their profiles
    }
    const jobs = rounds.flatMap((round) => round.jobs).length;
    const cpuMs = (of: (round: Round) => number) =>
      rounded(rounds.map(of).reduce((total, each) => total + each, 0) / jobs);
    return {
      jobs,
      functions: { shares: sharesOf(folder, span), cpuMsPerJob: cpuMs(functionsMs) },
      main: { shares: main, cpuMsPerJob: cpuMs(({ cpu }) => cpu.mainMs) },
      engineCpuMsPerJob: cpuMs(({ cpu }) => cpu.childrenMs),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function functionsMs({ cpu }: Round): number {
  return cpu.threadsMs - cpu.clientsMs;
}

async function inTurn<T>(count: number, run: () => Promise<T>): Promise<readonly T[]> {
  const done: T[] = [];
  while (done.length < count) done.push(await run());
  return done;
}

type Profiled = Awaited<ReturnType<typeof profiled>>;

function showProfile(name: string, { jobs, functions, main, engineCpuMsPerJob }: Profiled): string {
  const rows = ({ shares }: Profiled["main"], thread: string) =>
    Object.entries(shares).map(([owner, percent]) => [thread, owner, percent]);
  return [
    `${name}, ${jobs} jobs; CPU of a job: functions ${functions.cpuMsPerJob} ms, main thread ${main.cpuMsPerJob} ms, DynamoDB engine ${engineCpuMsPerJob} ms (with profiling, which costs as much again: only the shares tell)`,
    table([["", "whose code", "%"], ...rows(functions, "functions"), ...rows(main, "main thread")]),
  ].join("\n");
}

if (import.meta.main) {
  const options = readOptions({
    script: "bench:profile",
    says: "Whose code the time of start jobs, and of jobs of two durable steps, goes into. Takes minutes.",
    numbers: {
      vms: { standard: 100, says: "VMs and clients" },
      rounds: { standard: 3, says: "rounds that are profiled" },
      "warm-up-rounds": { standard: 5, says: "rounds before, until all workers are compiled" },
    },
  });
  if (options !== undefined) {
    const { number, output } = options;
    const figures = await profileJobs({
      vms: number("vms"),
      rounds: number("rounds"),
      warmUpRounds: number("warm-up-rounds"),
    });
    const { cores, cpu, loadBefore, loadAfter } = figures.machine;
    const shown = [
      `${cores} cores ${cpu}; load ${loadBefore} before, ${loadAfter} after`,
      showProfile("start jobs", figures.startJobs),
      showProfile("jobs of two durable steps", figures.twoSteps),
    ].join("\n\n");
    process.stdout.write(`${output === "json" ? JSON.stringify(figures, null, 2) : shown}\n`);
  }
}
