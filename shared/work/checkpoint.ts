import type { Outcome } from "../core/work-type.ts";

/** Whoever was to go on has died: the sweeper wakes the apartment. */
const LOST_AFTER_MS = 5_000;

/** What was done so far is durable before the job goes on: `resume` is called with this memo and a `deadline`, at once. */
export function checkpoint<M>(to: {
  readonly step: string;
  readonly memo: M;
  readonly percent?: number;
  readonly note: string;
}): Outcome<M, never> {
  return {
    ...to,
    kind: "wait",
    action: { kind: "checkpoint" },
    deadlineInMs: LOST_AFTER_MS,
  };
}
