/** A clock that stands still until it is moved. */
import type { EngineClock } from "../../local/engine/clock.ts";

export interface ManualClock extends EngineClock {
  /** Moves on and makes the calls that fall due. */
  readonly advance: (ms: number) => void;
  /** Resolves when somebody waits for a later time. */
  readonly waitedFor: () => Promise<void>;
  /** Resolves when nobody does any more. */
  readonly waitedForNone: () => Promise<void>;
}

export function manualClock(start = Date.parse("2026-01-01T00:00:00Z")): ManualClock {
  let now = start;
  const calls = new Set<{ readonly at: number; readonly callback: () => void }>();
  let announce = () => {};
  let announceNone = () => {};
  const run = () => {
    for (const call of [...calls]) {
      if (call.at <= now && calls.delete(call)) call.callback();
    }
  };
  return {
    now: () => now,
    callAt: (at, callback) => {
      const call = { at, callback };
      calls.add(call);
      if (at <= now) queueMicrotask(run);
      else announce();
      return () => {
        calls.delete(call);
        if (calls.size === 0) announceNone();
      };
    },
    advance: (ms) => {
      now += ms;
      run();
    },
    waitedFor: () =>
      calls.size > 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            announce = resolve;
          }),
    waitedForNone: () =>
      calls.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            announceNone = resolve;
          }),
  };
}
