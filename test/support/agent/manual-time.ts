/** Time that passes when a test says so. Timers run in order of their times, each with what it leads to done before the next. */
import type { AgentTime } from "../../../agent/time.ts";

export type ManualTime = AgentTime & {
  /** Lets `ms` pass. What needs the disk or the network must be awaited by the test itself. */
  readonly advance: (ms: number) => Promise<void>;
  /** Timers not called off and not run. */
  readonly waiting: () => number;
};

export function manualTime(startMs = 1_700_000_000_000): ManualTime {
  let now = 0;
  let order = 0;
  const timers = new Map<number, { readonly at: number; readonly run: () => void }>();

  const next = (until: number) =>
    [...timers]
      .filter(([, timer]) => timer.at <= until)
      .sort(([a, one], [b, other]) => one.at - other.at || a - b)[0];

  return {
    wallNow: () => startMs + now,
    monotonicNow: () => now,
    after: (delayMs, run) => {
      const id = order++;
      timers.set(id, { at: now + Math.max(0, delayMs), run });
      return () => timers.delete(id);
    },
    waiting: () => timers.size,
    advance: async (ms) => {
      const until = now + ms;
      await settled();
      for (let due = next(until); due !== undefined; due = next(until)) {
        const [id, timer] = due;
        timers.delete(id);
        now = Math.max(now, timer.at);
        timer.run();
        await settled();
      }
      now = until;
    },
  };
}

/** Promise chains of any sane length have run. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
