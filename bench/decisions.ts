/** Pure decisions a second on one core: the three turns of a start job, from new records. `npm run bench:decisions`. */
import { performance } from "node:perf_hooks";
import { aRecord } from "../test/support/a-record.ts";
import { OneJob } from "../test/support/one-job.ts";
import { cpuSpan } from "./support/cpu.ts";
import { spread, table } from "./support/figures.ts";
import { load, machine } from "./support/machine.ts";
import { readOptions } from "./support/options.ts";
import { quietRounds } from "./support/quiet-rounds.ts";

const WARM_UP_JOBS = 2_000;
const JOBS = 20_000;
const TURNS_PER_JOB = 3;
/** The orientation. */
const TARGET_PER_SECOND = 20_000;

function startJobs(count: number): void {
  for (let n = 0; n < count; n += 1) {
    const run = new OneJob(aRecord(), { type: "vm.start" })
      .reserved("held")
      .answered({ status: "done", power: "on" });
    if (run.record.vm.state !== "Running") throw new Error("a start did not end Running");
  }
}

/** By round; the helper around the decisions (messages, results, facts) is counted in. */
export async function measureDecisions({ rounds }: { readonly rounds: number }) {
  const before = machine();
  startJobs(WARM_UP_JOBS);
  const measured = await quietRounds(rounds, async () => {
    const end = cpuSpan();
    const begun = performance.now();
    startJobs(JOBS);
    const seconds = (performance.now() - begun) / 1000;
    return { perSecond: (JOBS * TURNS_PER_JOB) / seconds, ...end() };
  });
  return {
    machine: { ...before, loadAfter: load() },
    decisionsPerSecond: spread(measured.map(({ perSecond }) => perSecond)),
    othersPercent: spread(measured.map(({ othersPercent }) => othersPercent)),
  };
}

if (import.meta.main) {
  const options = readOptions({
    script: "bench:decisions",
    says: "Pure decisions a second on one core.",
    numbers: { rounds: { standard: 5, says: "rounds of 60,000 decisions" } },
  });
  if (options !== undefined) {
    const figures = await measureDecisions({ rounds: options.number("rounds") });
    const { median, min, max, rounds } = figures.decisionsPerSecond;
    const shown = table([
      ["", "decisions/s median", "min", "max", "rounds", "others' CPU %", "orientation"],
      ["one core", ...[median, min, max, rounds, figures.othersPercent.median, TARGET_PER_SECOND]],
    ]);
    process.stdout.write(
      `${options.output === "json" ? JSON.stringify(figures, null, 2) : shown}\n`,
    );
  }
}
