import type { Clock } from "../../shared/app/ports.ts";
import { T0 } from "./a-record.ts";

export interface TestClock extends Clock {
  readonly advance: (ms: number) => void;
}

/** Stands still until moved. Sleeping moves it, and lets whatever else is under way go on. */
export function testClock(startAt: number = T0): TestClock {
  let now = startAt;
  const advance = (ms: number) => {
    now += ms;
  };
  return {
    now: () => now,
    advance,
    sleep: async (ms) => {
      advance(ms);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
