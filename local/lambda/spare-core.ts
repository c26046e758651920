/**
 * Waits until this machine has a core to spare.
 *
 * For what only pays then: another worker of a function that has some takes a quarter of a second of a core to load and runs
 * slowly at first, so on busy cores it only takes time from those who serve the same callers.
 */
import { cpus } from "node:os";
import { setTimeout as wait } from "node:timers/promises";

export interface SpareCoreProps {
  /** Looked at now and then: whether to wait no longer, core or not. */
  readonly isEnough: () => boolean;
  /** All cores' milliseconds without work, since whenever. */
  readonly idleMs?: () => number;
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** Long enough to be counted in the kernel's ticks of 10 ms. */
const LOOK_MS = 50;
/** Of one core. */
const SPARE_SHARE = 0.5;

export async function spareCore({
  isEnough,
  idleMs = idleMsOfCores,
  pause = (ms) => wait(ms, undefined, { ref: false }),
}: SpareCoreProps): Promise<void> {
  while (!isEnough()) {
    const before = idleMs();
    await pause(LOOK_MS);
    if (idleMs() - before >= LOOK_MS * SPARE_SHARE) return;
  }
}

function idleMsOfCores(): number {
  return cpus().reduce((total, { times }) => total + times.idle, 0);
}
