/**
 * Time that passes from one event to the next, in one process.
 *
 *  1. Events run in the order of their times, those of one time in the order in which they were asked for.
 *  2. Before the next event all that the last one led to has been done: every promise that can go on has gone on. Nothing in
 *     a simulation waits for anything but an event.
 */
import { type DueItem, dueHeap, NO_SLOT } from "../shared/memory/due-heap.ts";

export interface VirtualTime {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Runs `run` once, so much later; answers how to call that off. */
  readonly after: (delayMs: number, run: () => void) => () => void;
  readonly sleep: (delayMs: number) => Promise<void>;
  /** Lets events happen until a time, or until `isOver`, which is asked after each. */
  readonly pass: (until: { readonly at: number; readonly isOver: () => boolean }) => Promise<void>;
}

/** Some day; no figure depends on it. */
const BEGINS_AT = 1_800_000_000_000;
/** After so many events the process gets to its signals. */
const EVENTS_BETWEEN_SIGNALS = 5_000;

type Event = DueItem & { readonly run: () => void };

export function virtualTime(): VirtualTime {
  const events = dueHeap<Event>();
  let now = BEGINS_AT;
  let asked = 0;
  const after = (delayMs: number, run: () => void) => {
    asked += 1;
    const event = { dueAt: now + Math.ceil(Math.max(0, delayMs)), tie: asked, slot: NO_SLOT, run }; // 1
    events.put(event);
    return () => events.remove(event);
  };
  return {
    now: () => now,
    after,
    sleep: (delayMs) => new Promise((resolve) => after(delayMs, resolve)),
    pass: ({ at, isOver }) =>
      new Promise((resolve, reject) => {
        let count = 0;
        const step = () => {
          try {
            if (isOver()) return resolve();
            const event = events.first();
            if (event === undefined || event.dueAt > at) {
              now = Math.max(now, at);
              return resolve();
            }
            events.remove(event);
            now = event.dueAt;
            event.run();
          } catch (error) {
            return reject(error);
          }
          count += 1;
          if (count % EVENTS_BETWEEN_SIGNALS !== 0) return whenSettled(step);
          return whenSettled(() => setImmediate(step));
        };
        whenSettled(step);
      }),
  };
}

/** 2: a tick asked for by a microtask comes when no microtask is left. Cheaper than a turn of the event loop. */
function whenSettled(run: () => void): void {
  void SETTLED.then(() => process.nextTick(run));
}
const SETTLED = Promise.resolve();
