/**
 * The apartment's decision: what a batch of messages comes to.
 *
 *  A1 the end of a job and the begin of the next are one commit.
 *  A2 the next record's version is one above the one that was read.
 *  A4 a decision's effects are in its record; a turn that nothing may bring again (an inline one, or of a batch that comes late) and
 *     that has any sets `wakeAt` close.
 *  A8 `wakeAt` covers the deadline of whatever waits.
 *  A9 pure: record, messages, facts, settings, registry and time come in; nothing else is looked at.
 *
 * Poison is a message that does not parse or makes this function throw: deterministic, so it is recorded, its job failed,
 * and the rest goes on, in this same turn.
 */
import type { ApartmentMessage } from "../model/apartment-message.ts";
import {
  type ActiveJob,
  type AnyApartmentRecord,
  type ApartmentRecord,
  isOfVm,
  type WaitFor,
} from "../model/apartment-record.ts";
import type { JobId, LogicalId } from "../model/ids.ts";
import type { JobError } from "../model/job.ts";
import type { Settings } from "../model/settings.ts";
import { applyMessage, note } from "./apply-message.ts";
import { releaseWhereNot } from "./consequences.ts";
import { abandonJob, endUnbegun, expireJob } from "./end-job.ts";
import { provingSequence, type TurnSource } from "./flush.ts";
import { openIncident } from "./incidents.ts";
import { lookAtJoined } from "./join-jobs.ts";
import { jobEffects } from "./made-job.ts";
import { begunJobs, nextNested } from "./nested.ts";
import { postpone } from "./recheck.ts";
import { beginNext, beginSystemJob, goOnLater, tellEnds, tellWaited, wakeJob } from "./run-job.ts";
import { amend, openTurn, subjectOf, type Turn, type TurnInputs, tell } from "./turn.ts";
import type { FactRequest } from "./work-type.ts";

/** After a commit with effects that nothing brings again somebody looks whether they were sent. */
export const FLUSH_AFTER_MS = 5_000;

/** Jobs that may begin in one turn; more go on in the next, which the turn asks for. Bounds the commit and its effects. */
const BEGINS_MAX = 16;

const HOUR_MS = 60 * 60 * 1000;

/** A message, or what could not be read as one. */
export type TurnMessage =
  | { readonly ok: true; readonly message: ApartmentMessage }
  | { readonly ok: false; readonly logicalId: LogicalId; readonly reason: string };

export type Decision<R extends AnyApartmentRecord = ApartmentRecord> =
  | { readonly kind: "commit"; readonly record: R; readonly poisoned: number }
  /** Nothing new was said: no commit. */
  | { readonly kind: "nothing" }
  /** Fetch these and decide again. */
  | { readonly kind: "needs"; readonly facts: readonly FactRequest[] };

/** Decides over all messages of a batch, in order. */
export function decide<R extends AnyApartmentRecord>(
  record: R,
  batch: { readonly messages: readonly TurnMessage[]; readonly source: TurnSource },
  inputs: TurnInputs,
): Decision<R> {
  const opened = openTurn(record, { ...inputs, now: timeOf(batch.messages, inputs.now) });
  let { turn, poisoned } = guarded(opened, passCheckpoint, abandoned);
  if (turn.needs.length > 0) return { kind: "needs", facts: turn.needs };
  for (const message of batch.messages) {
    const step = orPoison(turn, message);
    turn = step.turn;
    poisoned += step.poisoned;
    if (turn.needs.length > 0) return { kind: "needs", facts: turn.needs };
  }
  if (turn === opened && !batch.messages.some((message) => isDue(record, message)))
    return { kind: "nothing" };
  const due = guarded(turn, (before) => tellWaited(fireDue(tellWaited(before))), abandoned);
  const begun = beginAll(due.turn);
  if (begun.turn.needs.length > 0) return { kind: "needs", facts: begun.turn.needs };
  const sequence = provingSequence(record, batch);
  return close(begun.turn, record, sequence, poisoned + due.poisoned + begun.poisoned);
}

/**
 * Whether a message wakes the apartment for what is due in it now. Else a batch that says nothing new does nothing, whatever time
 * it is: a worker that comes late with messages that another has worked off and deleted would store effects that nobody sends
 * again, as they would count as sent by its batch's old sequence numbers (A4).
 */
function isDue({ wakeAt }: AnyApartmentRecord, message: TurnMessage): boolean {
  return (
    message.ok && message.message.body.kind === "wake" && message.message.body.dueAt === wakeAt
  );
}

/** Begins the next job, and the next, while each ends at once. */
function beginAll(turn: Turn): Step {
  let last: Step = { turn, poisoned: 0 };
  for (let begun = 0; begun < BEGINS_MAX && last.turn.needs.length === 0; begun += 1) {
    const step = beginOne(last.turn);
    if (step.turn === last.turn) return last;
    last = { turn: step.turn, poisoned: last.poisoned + step.poisoned };
  }
  return mayBegin(last.turn.record) ? { ...last, turn: goOnLater(last.turn) } : last;
}

/** The system's own job before any that is queued. */
function beginOne(turn: Turn): Step {
  const own = guarded(turn, beginSystemJob, (opened) =>
    postpone(amend(opened, { systemJob: undefined })),
  );
  if (own.turn.needs.length > 0) return own;
  const next = guarded(own.turn, beginQueued, endHead);
  return { turn: next.turn, poisoned: own.poisoned + next.poisoned };
}

/** What it joins may have ended long ago. */
function beginQueued(turn: Turn): Turn {
  const begun = beginNext(turn);
  return begun === turn ? turn : tellEnds(begun);
}

/** Something would begin if a turn were taken now. */
function mayBegin(record: AnyApartmentRecord): boolean {
  const { active, paused, systemJob, queued } = record;
  if (active !== undefined) return nextNested(record) !== undefined;
  return !paused && (systemJob !== undefined || queued.length > 0);
}

type Step = { readonly turn: Turn; readonly poisoned: number };

/** One message; if it cannot be read or decided, its poison. */
function orPoison(turn: Turn, message: TurnMessage): Step {
  if (!message.ok) {
    if (turn.record.applied.includes(message.logicalId)) return { turn, poisoned: 0 };
    const opened = poison(turn, `message ${message.logicalId}: ${message.reason}`);
    return { turn: note(opened, message.logicalId), poisoned: 1 };
  }
  const { logicalId, body } = message.message;
  try {
    return { turn: applyMessage(turn, message.message), poisoned: 0 };
  } catch (thrown) {
    const reason = `message ${logicalId}: ${text(thrown)}`;
    const opened = poison(turn, reason);
    const error = { code: "poison_message", detail: reason } as const;
    const failed =
      body.kind === "submit" ? endUnbegun(opened, body.jobId, error) : abandoned(opened, error);
    return { turn: note(failed, logicalId), poisoned: 1 };
  }
}

/** A step that no message asks for by name: what is due, the next job. A throw fails the one job that it was about. */
function guarded(
  turn: Turn,
  step: (turn: Turn) => Turn,
  instead: (turn: Turn, error: JobError) => Turn,
): Step {
  try {
    return { turn: step(turn), poisoned: 0 };
  } catch (thrown) {
    const { active, systemJob, queued } = turn.record;
    const about = active?.jobId ?? systemJob?.type ?? queued[0]?.jobId;
    const reason = `job ${about}: ${text(thrown)}`;
    const error = { code: "poison_message", detail: reason } as const;
    return { turn: instead(poison(turn, reason), error), poisoned: 1 };
  }
}

function endHead(turn: Turn, error: JobError): Turn {
  const [head, ...queued] = turn.record.queued;
  return head === undefined ? turn : endUnbegun(amend(turn, { queued }), head.jobId, error);
}

function abandoned(turn: Turn, error: JobError): Turn {
  return turn.record.active === undefined ? turn : abandonJob(turn, error);
}

function poison(turn: Turn, detail: string): Turn {
  return openIncident(turn, { kind: "poison_message", detail });
}

/** A checkpoint that was committed is passed by whatever turn comes next. */
function passCheckpoint(turn: Turn): Turn {
  const { active } = turn.record;
  return active?.waitFor.kind === "checkpoint" ? wakeJob(turn, { kind: "deadline" }) : turn;
}

/** The job whose deadline has passed is told so, once a turn; one that others have forgotten is ended. */
function fireDue(turn: Turn): Turn {
  const { active } = turn.record;
  const { now, settings } = turn.inputs;
  if (active === undefined || turn.needs.length > 0) return turn;
  const isOver = active.deadlineAt <= now;
  if (!isOver && silentUntil(active, settings) > now) return turn;
  if (!isOver && active.waitFor.kind !== "jobs") return expireJob(turn);
  const looked = lookAtJoined(turn);
  const told = tellEnds(looked);
  if (told !== looked || told.needs.length > 0) return told;
  if (isOver) return wakeJob(told, { kind: "deadline" });
  return amend(told, { active: { ...(told.record.active ?? active), heardAt: now } });
}

/** The record as it is to be committed; nothing, if nothing is new. */
function close<R extends AnyApartmentRecord>(
  turn: Turn,
  before: R,
  sequence: string | undefined,
  poisoned: number,
): Decision<R> {
  const { now } = turn.inputs;
  const told = tellJobs(releaseWhereNot(turn, before), before);
  const effects = [...jobEffects(told), ...told.effects];
  const isUnproven = sequence === undefined && effects.length > 0;
  const wakeAt = wakeTime(turn, isUnproven ? "effects_unproven" : "effects_proven");
  const changed = turn.changed || wakeAt !== before.wakeAt;
  if (!changed) return { kind: "nothing" };
  const record: AnyApartmentRecord = {
    ...turn.record,
    wakeAt,
    effects,
    effectsSequence: sequence,
    highestSequence: sequence ?? before.highestSequence,
    updatedAt: now,
  };
  if (!isSameSubject(record, before)) throw new Error(`${before.id} became another's apartment`);
  return { kind: "commit", record, poisoned };
}

function isSameSubject<R extends AnyApartmentRecord>(
  record: AnyApartmentRecord,
  before: R,
): record is R {
  return record.id === before.id;
}

/** One event for each job whose status is another than before this turn. */
function tellJobs(turn: Turn, before: AnyApartmentRecord): Turn {
  let told = turn;
  for (const { jobId, status, error } of turn.projections.values()) {
    const last = begunJobs(before).find((job) => job.jobId === jobId)?.status;
    if (status === last) continue;
    told = tell(told, {
      family: "job.state",
      topic: `job.state.${jobId}`,
      detail: {
        jobId,
        ...subjectOf(turn),
        type: typeOf(turn, before, jobId) ?? null,
        status,
        ...(error === undefined ? {} : { error }),
      },
    });
  }
  return told;
}

/** A job that this turn says something of is active before or after it, waits, or was made or read for it. */
function typeOf(turn: Turn, before: AnyApartmentRecord, jobId: JobId): string | undefined {
  const { record, jobs, inputs } = turn;
  const inRecords = [before.active, record.active, ...before.queued, ...record.queued];
  const job = inRecords.find((each) => each?.jobId === jobId) ?? jobs.get(jobId);
  return (job ?? inputs.facts.jobs.get(jobId))?.type;
}

function wakeTime(turn: Turn, sending: "effects_proven" | "effects_unproven"): number | undefined {
  const { active, paused } = turn.record;
  const recheck = isOfVm(turn.record) ? turn.record.recheck : undefined;
  const { now } = turn.inputs;
  const due = [
    ...(active === undefined
      ? []
      : [Math.min(active.deadlineAt, silentUntil(active, turn.inputs.settings))]),
    ...(sending === "effects_unproven" ? [now + FLUSH_AFTER_MS] : []),
    ...(mayBegin(turn.record) ? [now] : []),
    ...(active === undefined && !paused && recheck !== undefined ? [recheck.at] : []),
  ];
  return due.length === 0 ? undefined : Math.min(...due);
}

/** Nobody owes an answer to these; their deadlines are of their own making. */
const NO_SILENCE: ReadonlySet<WaitFor["kind"]> = new Set(["timer", "topic", "checkpoint"]);
/** Whether jobs that are waited for have ended is looked up as often: who was not told of an end waits no longer for it. */
const LOOK_AT_JOINED_MS = HOUR_MS;

/** When silence has lasted too long: the job is ended, or looks itself at what it waits for. */
function silentUntil({ waitFor, heardAt, stepSince }: ActiveJob, settings: Settings): number {
  if (NO_SILENCE.has(waitFor.kind)) return Number.POSITIVE_INFINITY;
  const afterMs = waitFor.kind === "jobs" ? LOOK_AT_JOINED_MS : settings.jobExpireHours * HOUR_MS;
  return (heardAt ?? stepSince) + afterMs;
}

/** `max(now, due time of the message)`: a wake-up is never too early for what it was sent for (A9). */
function timeOf(messages: readonly TurnMessage[], now: number): number {
  return messages.reduce(
    (latest, each) =>
      each.ok && each.message.body.kind === "wake"
        ? Math.max(latest, each.message.body.dueAt)
        : latest,
    now,
  );
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
