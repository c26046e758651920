/**
 * Waits until this machine has a core to spare.
 *
 * For what only pays then: another worker of a function that has some takes a quarter of a second of a core to load and runs
 * slowly at first, so on busy cores it only takes time from those who serve the same callers. The wait ends in any case: workers
 * that hold on to their invocations (callers who wait for a job's end) must not hold up everybody on a machine that is busy.
 */
import { cpus } from "node:os";
import { setTimeout as wait } from "node:timers/promises";

export interface SpareCoreProps {
  /** All cores' milliseconds without work, since whenever. */
  readonly idleMs?: () => number;
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** Long enough to be counted in the kernel's ticks of 10 ms. */
const LOOK_MS = 50;
/** Of one core. */
const SPARE_SHARE = 0.5;
/** A second is what a client still takes for an answer. */
const LOOKS_MAX = 20;

export async function spareCore({
  idleMs = idleMsOfCores,
  pause = (ms) => wait(ms, undefined, { ref: false }),
}: SpareCoreProps = {}): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
    const before = idleMs();
    await pause(LOOK_MS);
    if (idleMs() - before >= LOOK_MS * SPARE_SHARE) return;
  }
}

function idleMsOfCores(): number {
  return cpus().reduce((total, { times }) => total + times.idle, 0);
}
