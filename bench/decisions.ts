/** Pure decisions a second on one core: the three turns of a start job, from new records. `npm run bench:decisions`. */
import { performance } from "node:perf_hooks";
import { aRecord } from "../test/support/a-record.ts";
import { OneJob } from "../test/support/one-job.ts";

const WARM_UP_JOBS = 2_000;
const JOBS = 20_000;
const ROUNDS = 5;
const TURNS_PER_JOB = 3;

function startJobs(count: number): void {
  for (let n = 0; n < count; n += 1) {
    const run = new OneJob(aRecord(), { type: "vm.start" })
      .reserved("held")
      .answered({ status: "done", power: "on" });
    if (run.record.vm.state !== "Running") throw new Error("a start did not end Running");
  }
}

/** Decisions a second, by round; the helper around them (messages, results, facts) is counted in. */
export function measureDecisions(): readonly number[] {
  startJobs(WARM_UP_JOBS);
  return Array.from({ length: ROUNDS }, () => {
    const begun = performance.now();
    startJobs(JOBS);
    return Math.round((JOBS * TURNS_PER_JOB * 1000) / (performance.now() - begun));
  });
}

if (import.meta.main) {
  const perSecond = measureDecisions().toSorted((a, b) => a - b);
  process.stdout.write(
    `${JSON.stringify({ decisionsPerSecond: { min: perSecond[0], median: perSecond[ROUNDS >> 1], max: perSecond.at(-1) } })}\n`,
  );
}
