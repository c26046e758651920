/** The time of the local engines, so that tests can move it. */

export interface EngineClock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Calls back once at that time or soon after (at once if it is past, but never before `callAt` returned); answers how to call it off. */
  readonly callAt: (at: number, callback: () => void) => () => void;
}

/** Node's timers overflow above this: a later call is made up of several. */
const TIMER_MS_MAX = 2_147_483_647;

export const systemClock: EngineClock = {
  now: () => Date.now(),
  callAt: (at, callback) => {
    let timer: NodeJS.Timeout;
    const arm = () => {
      const left = Math.max(0, at - Date.now());
      timer = setTimeout(left > TIMER_MS_MAX ? arm : callback, Math.min(left, TIMER_MS_MAX));
    };
    arm();
    return () => clearTimeout(timer);
  },
};
