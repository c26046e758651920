/**
 * A job that waits for the ends of others.
 *
 *  1. A job that is started knows its joiner before it can end: both are recorded by one effect. Another's job is joined by
 *     one conditional update of its record, which says so if it has ended; its terminal write answers the joiners. So there
 *     is no moment in which an end is told to nobody.
 *  2. A message of an end is a hint: only the record of the job says that it has ended. All are looked at when the deadline
 *     comes, so that a hint that was lost costs time and no more (A8).
 *  3. A job that is started in the same apartment runs inside of the one that started it (`nested.ts`). Who waits for
 *     another's that has not begun there waits for itself (A1): refused, as is a longer circle, which whoever closes it
 *     last finds in the jobs' records (`app/job-effects.ts`).
 */
import type { ActiveJob } from "../model/apartment-record.ts";
import { byteLength } from "../model/byte-length.ts";
import { type ApartmentId, hostApartmentId, type JobId } from "../model/ids.ts";
import { hasEnded, type JobRecord } from "../model/job.ts";
import { JOINED_MAX, type JoinedJob } from "../model/join.ts";
import { makeJob, projected } from "./made-job.ts";
import { begunJobs, changeBegun, withEnds } from "./nested.ts";
import { amend, emit, project, type Turn, want } from "./turn.ts";
import type { ChildJob, JobEnd, JoinAction } from "./work-type.ts";

/** Inputs of the jobs that one step starts: they are in the record until they are sent, with much else (64 KiB). */
const START_BYTES_MAX = 16 * 1024;

type Joining = { readonly turn: Turn; readonly active: ActiveJob };

/** The turn with jobs started and joined, and the job that waits for them. */
export function beginJoin(turn: Turn, active: ActiveJob, action: JoinAction): Joining {
  const { start = [], jobs = [] } = action;
  if (byteLength(JSON.stringify(start.map(({ input }) => input))) > START_BYTES_MAX)
    throw new Error(`the inputs of ${start.length} jobs are larger than ${START_BYTES_MAX} bytes`);
  let joining: Joining = { turn, active };
  for (const child of start) joining = startChild(joining, child);
  for (const { key, jobId } of jobs) joining = joinOther(joining, key, jobId);
  assertJoined(joining.active.joined ?? []);
  return joining;
}

/** The turn after it was said that a job has ended; the same, if that is nothing to the active one or not true. */
export function noteEnd(turn: Turn, jobId: JobId): Turn {
  const joined = begunJobs(turn.record).flatMap((each) => each.joined ?? []);
  if (!joined.some((each) => each.jobId === jobId && each.end === undefined)) return turn;
  const job = jobOf(turn, jobId);
  if (job === undefined) return want(turn, [{ kind: "job", jobId }]);
  return isOver(job) ? mark(turn, [jobId]) : turn; // 2
}

/** The turn after it was said that a job is not to be waited for; the same, if the one that waits knows, or waits no more. */
export function noteRefusal(turn: Turn, refused: { parentId: JobId; jobId: JobId }): Turn {
  const { parentId, jobId } = refused;
  const parent = begunJobs(turn.record).find((job) => job.jobId === parentId);
  const waits = parent?.joined?.some((each) => each.jobId === jobId && each.end === undefined);
  if (waits !== true) return turn; // told again (A3)
  return changeBegun(turn, (job) =>
    job.jobId === parentId ? withEnds(job, [jobId], "refused") : job,
  );
}

/** The turn after a look at all jobs that are joined (2). */
export function lookAtJoined(turn: Turn): Turn {
  const unknown = (turn.record.active?.joined ?? []).filter(({ end }) => end === undefined);
  const unread = unknown.filter(({ jobId }) => jobOf(turn, jobId) === undefined);
  if (unread.length > 0) return want(turn, unread.map(jobFact));
  const over = unknown.filter(({ jobId }) => isOver(jobOf(turn, jobId) ?? null));
  return over.length === 0
    ? turn
    : mark(
        turn,
        over.map(({ jobId }) => jobId),
      );
}

export type Ends =
  | { readonly kind: "waiting" }
  | { readonly kind: "need"; readonly turn: Turn }
  /** Enough have ended: the turn without them, and how each did. */
  | { readonly kind: "ends"; readonly turn: Turn; readonly ends: ReadonlyMap<string, JobEnd> };

/** Whether what the active job waits for has come, if it waits for jobs. */
export function endsOf(turn: Turn): Ends {
  const { active } = turn.record;
  if (active?.waitFor.kind !== "jobs") return { kind: "waiting" };
  const { joined = [] } = active;
  const over = joined.filter(({ end }) => end !== undefined);
  const left = joined.filter(({ end }) => end === undefined);
  const enough = active.waitFor.until === "any" ? over.length > 0 : left.length === 0;
  if (!enough) return { kind: "waiting" };
  const unread = over.filter(
    ({ end, jobId }) => end === "ended" && jobOf(turn, jobId) === undefined,
  );
  if (unread.length > 0) return { kind: "need", turn: want(turn, unread.map(jobFact)) };
  const ends = new Map(over.map((each) => [each.key, endOf(each, jobOf(turn, each.jobId))]));
  return { kind: "ends", turn: amend(turn, { active: { ...active, joined: left } }), ends };
}

/** The turn that calls off what a job started. */
export function cancelStarted(turn: Turn, job: ActiveJob): Turn {
  let next = turn;
  for (const { jobId, startedIn, end } of job.joined ?? [])
    if (startedIn !== undefined && end === undefined)
      next = emit(next, { kind: "cancel-job", jobId, to: startedIn });
  return next;
}

function startChild({ turn, active }: Joining, child: ChildJob): Joining {
  const { key, type, workVersion, input, account = active.account } = child;
  const subject = "vmId" in child ? { vmId: child.vmId } : { hostId: child.hostId };
  const startedIn: ApartmentId = "vmId" in child ? child.vmId : hostApartmentId(child.hostId);
  const parentId = active.jobId;
  const made = makeJob(turn, {
    type,
    workVersion,
    account,
    vmId: undefined,
    input,
    ...subject,
    parentId,
  });
  const jobId = made.job.id;
  const own = startedIn === turn.record.id;
  return {
    turn: own ? parkInside(made.turn, { jobId, type, within: parentId }) : made.turn,
    active: withJoined(active, { key, jobId, startedIn }),
  };
}

/** Admitted in the commit that makes it, after those that were started before it and ahead of all others (3). */
function parkInside(turn: Turn, inside: { jobId: JobId; type: string; within: JobId }): Turn {
  const { queued } = turn.record;
  const earlier = queued.filter(({ within }) => within === inside.within);
  const others = queued.filter(({ within }) => within !== inside.within);
  const parked = amend(turn, { queued: [...earlier, inside, ...others] });
  return project(parked, { jobId: inside.jobId, status: "queued", attempts: 0 });
}

function joinOther({ turn, active }: Joining, key: string, jobId: JobId): Joining {
  const { record } = turn;
  const mine = [active, ...begunJobs(record), ...record.queued];
  const own = mine.some((each) => each.jobId === jobId);
  if (own) return { turn, active: withJoined(active, { key, jobId, end: "refused" }) }; // 3
  const joiner = { apartmentId: record.id, jobId: active.jobId };
  return {
    turn: emit(turn, { kind: "join", jobId, joiner }),
    active: withJoined(active, { key, jobId }),
  };
}

function withJoined(active: ActiveJob, joined: JoinedJob): ActiveJob {
  return { ...active, joined: [...(active.joined ?? []), joined] };
}

function assertJoined(joined: readonly JoinedJob[]): void {
  if (joined.length === 0) throw new Error("a job waits for the end of none");
  if (joined.length > JOINED_MAX)
    throw new Error(`a job waits for ${joined.length} others; ${JOINED_MAX} are the most`);
  if (new Set(joined.map(({ key }) => key)).size < joined.length)
    throw new Error("a job waits for two others under one key");
}

function mark(turn: Turn, jobIds: readonly JobId[]): Turn {
  return changeBegun(turn, (job) => withEnds(job, jobIds, "ended"));
}

/** As it is recorded, or as this very turn leaves it. */
function jobOf(turn: Turn, jobId: JobId): JobRecord | null | undefined {
  const job = turn.jobs.get(jobId) ?? turn.inputs.facts.jobs.get(jobId);
  const projection = turn.projections.get(jobId);
  return job && projection ? projected(job, projection) : job;
}

/** One that is not there (any more) will never say that it ended. */
function isOver(job: JobRecord | null): boolean {
  return job === null || hasEnded(job.status);
}

function endOf({ jobId, end }: JoinedJob, job: JobRecord | null | undefined): JobEnd {
  if (end === "refused")
    return failed("join_cycle", `job ${jobId} waits for this one, or too many wait for it`);
  if (job === null || job === undefined)
    return failed("join_failed", `there is no job ${jobId} (any more)`);
  if (job.status === "succeeded") return { status: job.status, result: job.result };
  const { status, error } = job;
  if ((status !== "failed" && status !== "cancelled") || error === undefined)
    throw new Error(`job ${jobId} is ${status} and counts as ended`);
  return { status, error };
}

function failed(code: "join_cycle" | "join_failed", detail: string): JobEnd {
  return { status: "failed", error: { code, detail } };
}

function jobFact({ jobId }: JoinedJob) {
  return { kind: "job" as const, jobId };
}
