/**
 * The ends of jobs, all of them.
 *
 *  A1 `active` is emptied here (and by who steps back for a job of its own, `nested.ts`), in the turn that projects the
 *     job's end.
 *  A7 a job's terminal projection is made here only.
 *
 * No job leaves its VM in the middle of something: a state that only a job is in is `Unknown` once the job is gone,
 * unless its work said what is true; and room that it asked for where the VM is not now is given back, unless it may be
 * there all the same (`releaseWhereNot`).
 */
import { type ActiveJob, isOfVm, type SystemJobRequest } from "../model/apartment-record.ts";
import type { HostId, JobId } from "../model/ids.ts";
import type { JobError, JobProgress, JobStatus } from "../model/job.ts";
import type { VmState } from "../model/vm.ts";
import { changeVm, mayBeThere, release } from "./consequences.ts";
import { openIncident } from "./incidents.ts";
import { stopListening } from "./listen.ts";
import { stepForward } from "./nested.ts";
import { recheckAfter } from "./recheck.ts";
import { amend, journalEntry, project, type Turn } from "./turn.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** States that only an active job is in. */
const MIDWAY: ReadonlySet<VmState> = new Set(["Starting", "Stopping", "Migrating"]);

type End =
  | { readonly status: "succeeded"; readonly result: unknown; readonly note: string }
  | { readonly status: "failed"; readonly error: JobError; readonly note: string };

/** Ends the active job; the apartment is free for the next (A1, A7). */
export function endJob(
  turn: Turn,
  end: End & {
    /** Begins in the commit that ends this one; absent: one that was asked for before does. */
    readonly systemJob?: SystemJobRequest | undefined;
    /** As the work said (`Sequel`). */
    readonly lookAgainInMs?: number | undefined;
  },
): Turn {
  const { active } = turn.record;
  if (active === undefined) throw new Error(`apartment ${turn.record.id} has no active job`);
  const told = outOfMidway(turn);
  const hostId = hostOf(told);
  const { roomAt } = active;
  const keeps = roomAt === undefined || roomAt === hostId || mayBeThere(told, roomAt);
  const settled = keeps ? told : release(told, roomAt);
  const ended = project(stopListening(settled), {
    ...ending(turn, end),
    jobId: active.jobId,
    attempts: active.attempts,
    startedAt: active.startedAt,
    progress: progressAtEnd(active, end),
    journal: journalEntry(active, { at: turn.inputs.now, step: "ended", note: end.note }),
    ...(hostId === undefined ? {} : { hostId }),
  });
  const { systemJob = turn.record.systemJob, lookAgainInMs } = end;
  const { type } = active;
  const free = stepForward(amend(ended, { systemJob }), active.jobId);
  return recheckAfter(free, { type, lookAgainInMs });
}

function hostOf({ record }: Turn): HostId | undefined {
  return isOfVm(record) ? record.vm.hostId : record.hostId;
}

function outOfMidway(turn: Turn): Turn {
  const { record } = turn;
  return isOfVm(record) && MIDWAY.has(record.vm.state)
    ? changeVm(turn, { state: "Unknown" })
    : turn;
}

/**
 * Ends an active job that cannot go on: its work is unknown here, its payload not its own, it throws, or nobody answers it.
 * What it was in the middle of is not known any more.
 */
export function abandonJob(turn: Turn, error: JobError): Turn {
  return endJob(turn, { status: "failed", error, note: error.detail });
}

/** Ends a job of which nothing was heard for as long as the settings allow; somebody should look why. */
export function expireJob(turn: Turn): Turn {
  const { active } = turn.record;
  const detail = `nothing was heard of ${active?.step ?? "it"} for ${turn.inputs.settings.jobExpireHours} h`;
  const opened = openIncident(turn, {
    kind: "stalled_job",
    detail: `job ${active?.jobId}, ${active?.type}: ${detail}`,
  });
  return abandonJob(opened, { code: "expired", detail });
}

/** Ends a job that never became active. */
export function endUnbegun(turn: Turn, jobId: JobId, error: JobError): Turn {
  return project(turn, {
    ...ending(turn, { status: "failed", error, note: error.detail }),
    jobId,
    attempts: 0,
    journal: journalEntry(
      { journalled: 0 },
      { at: turn.inputs.now, step: "ended", note: error.detail },
    ),
  });
}

/** Called off: what `cancelled` says to whoever reads the job. */
export function cancellation(reason: string | undefined): JobError {
  const detail = reason === undefined ? "it was cancelled" : `it was cancelled: ${reason}`;
  return { code: "cancelled", detail };
}

/** Only a success is all of it; the others show how far they came. */
function progressAtEnd({ progress }: ActiveJob, { status }: End): JobProgress {
  const percent = status === "succeeded" ? 100 : progress?.percent;
  return percent === undefined ? { step: "ended" } : { step: "ended", percent };
}

/** What every end says, and until when it is kept. */
function ending({ inputs: { now, settings } }: Turn, end: End) {
  const at = { finishedAt: now, expiresAt: now + settings.jobRetentionDays * DAY_MS };
  if (end.status === "succeeded") return { ...at, status: end.status, result: end.result };
  const status: JobStatus = end.error.code === "cancelled" ? "cancelled" : "failed";
  return { ...at, status, error: end.error };
}
