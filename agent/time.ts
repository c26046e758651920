/** Time as an input of the agent: a simulation or a test gives its own. */

export interface AgentTime {
  /** Epoch milliseconds: for people and signatures, never for durations. */
  readonly wallNow: () => number;
  /** Milliseconds of a clock that only goes forward and that a restart of the agent does not reset. */
  readonly monotonicNow: () => number;
  /** Calls `run` once after `delayMs`; answers how to call that off. */
  readonly after: (delayMs: number, run: () => void) => () => void;
}

/** The longest delay that a Node timer takes; longer ones would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** This machine's time. `process.hrtime` is the kernel's monotonic clock: one for all processes of a machine's boot. */
export function systemTime(): AgentTime {
  return {
    wallNow: () => Date.now(),
    monotonicNow: () => Number(process.hrtime.bigint() / 1000n) / 1000,
    after: (delayMs, run) => {
      const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), TIMER_MS_MAX));
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `delayMs`, or as soon as `signal` aborts: look at the signal afterwards. */
export function pause(
  time: AgentTime,
  wait: { readonly delayMs: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (wait.signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      wait.signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = time.after(wait.delayMs, end);
    wait.signal?.addEventListener("abort", end);
  });
}

/** What the work comes to within `limitMs`, or `"late"`; the work itself goes on. */
export async function within<T>(
  time: AgentTime,
  limit: { readonly limitMs: number; readonly work: Promise<T> },
): Promise<{ readonly value: T } | "late"> {
  let cancel = () => {};
  const late = new Promise<"late">((resolve) => {
    cancel = time.after(limit.limitMs, () => resolve("late"));
  });
  try {
    return await Promise.race([limit.work.then((value) => ({ value })), late]);
  } finally {
    cancel();
  }
}
