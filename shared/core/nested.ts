/**
 * Jobs that a job started in its own apartment. They run inside of it: it steps back for one after the other while it waits
 * for them, and goes on in the commit in which one ends.
 *
 *  A1 at most one job acts: those that have stepped back wait, and their deadlines with them. The one for which they did has
 *     deadlines of its own (A8).
 */
import type { ActiveJob, AnyApartmentRecord } from "../model/apartment-record.ts";
import type { JobId } from "../model/ids.ts";
import { amend, type Turn } from "./turn.ts";

/** Far more than a job is told in steps; bounds the record. */
const OUTER_MAX = 4;

/** The job that the active one waits for and that is to run inside of it. */
export function nextNested({
  active,
  queued,
}: AnyApartmentRecord): AnyApartmentRecord["queued"][number] | undefined {
  if (active?.waitFor.kind !== "jobs") return undefined;
  return queued.find(({ within }) => within === active.jobId);
}

/** The active job has stepped back; who was to begin has left the queue. */
export function stepBack(turn: Turn): Turn {
  const { active, outer = [] } = turn.record;
  if (active === undefined) return turn;
  if (outer.length >= OUTER_MAX) throw new Error(`${OUTER_MAX} jobs wait inside each other`);
  return amend(turn, { active: undefined, outer: [...outer, active] });
}

/** The active job has ended: the one that had stepped back for it, if any, is active again and knows. */
export function stepForward(turn: Turn, ended: JobId): Turn {
  const { outer = [] } = turn.record;
  const inner = outer.at(-1);
  const left = outer.length > 1 ? outer.slice(0, -1) : undefined;
  const active = inner && withEnds(inner, [ended], "ended");
  return amend(turn, { active, ...(inner && { outer: left }) });
}

/** The active job and those that have stepped back. */
export function begunJobs({ active, outer = [] }: AnyApartmentRecord): readonly ActiveJob[] {
  return active === undefined ? outer : [...outer, active];
}

/** The same turn with each of them as it is to be. */
export function changeBegun(turn: Turn, change: (job: ActiveJob) => ActiveJob): Turn {
  const { active, outer } = turn.record;
  return amend(turn, {
    ...(active && { active: change(active) }),
    ...(outer && { outer: outer.map(change) }),
  });
}

/** A job that knows of ends; of one that it knew of it keeps what it knew. */
export function withEnds(
  job: ActiveJob,
  jobIds: readonly JobId[],
  end: "ended" | "refused",
): ActiveJob {
  if (job.joined === undefined) return job;
  const joined = job.joined.map((each) =>
    jobIds.includes(each.jobId) && each.end === undefined ? { ...each, end } : each,
  );
  return { ...job, joined };
}
