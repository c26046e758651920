/**
 * Jobs of one apartment, one after the other.
 *
 *  A1 a job begins only when none is active; in the commit that ended the last one, if there was one. Or inside the active
 *     one, which started it and waits for it (`nested.ts`).
 *  A3 a submitted job is admitted only if its own record says that it is still new.
 */
import type { ApartmentMessage } from "../model/apartment-message.ts";
import {
  type ActiveJob,
  type AnyApartmentRecord,
  type ApartmentRecord,
  isGone,
  isOfVm,
  QUEUED_JOBS_MAX,
} from "../model/apartment-record.ts";
import type { Effect } from "../model/effect.ts";
import { HostId, type JobId, LogicalId } from "../model/ids.ts";
import { apartmentOf, type JobRecord } from "../model/job.ts";
import { JOINED_MAX } from "../model/join.ts";
import { EVENTS_KEPT_MAX, TOPICS_MAX } from "../model/listening.ts";
import { carryOut } from "./carry-out.ts";
import { abandonJob, cancellation, endUnbegun } from "./end-job.ts";
import { cancelStarted, endsOf } from "./join-jobs.ts";
import { takeEvent } from "./listen.ts";
import { makeJob } from "./made-job.ts";
import { begunJobs, changeBegun, nextNested, stepBack, withEnds } from "./nested.ts";
import { evidenceFor } from "./observe.ts";
import { compare } from "./recheck.ts";
import { amend, emit, journalEntry, project, type Turn, vmRecord, want } from "./turn.ts";
import type {
  AnyWorkType,
  HostContext,
  Invalid,
  Outcome,
  Wakeup,
  WorkContext,
} from "./work-type.ts";

/** Each time at least one is not told again. */
const ENDS_TOLD_MAX = JOINED_MAX + 1;

/** Takes a submitted job in: parks it, or says why not. */
export function admit(turn: Turn, jobId: JobId): Turn {
  const { record, inputs } = turn;
  const known = [...begunJobs(record), ...record.queued];
  if (known.some((each) => each.jobId === jobId)) return turn;
  const job = inputs.facts.jobs.get(jobId);
  if (job === undefined) return want(turn, [{ kind: "job", jobId }]);
  if (job === null || !isNew(job)) return turn;
  if (apartmentOf(job) !== record.id)
    throw new Error(`job ${jobId} is for apartment ${apartmentOf(job)}`);
  if (record.queued.length >= QUEUED_JOBS_MAX)
    return endUnbegun(turn, jobId, {
      code: "apartment_full",
      detail: `${QUEUED_JOBS_MAX} jobs wait in this apartment`,
    });
  const parked = amend(turn, { queued: [...record.queued, { jobId, type: job.type }] });
  return project(parked, { jobId, status: "queued", attempts: 0 });
}

/** A3: no apartment has admitted it yet. */
export function isNew({ status, revision }: JobRecord): boolean {
  return status === "queued" && revision === 0;
}

/** Begins the system's own job, if one was asked for or the VM is to be verified, and nothing holds it back; else the same turn. */
export function beginSystemJob(turn: Turn): Turn {
  if (turn.record.active !== undefined || turn.record.paused) return turn;
  return beginAsked(turn.record.systemJob === undefined ? compare(turn) : turn);
}

function beginAsked(turn: Turn): Turn {
  const { systemJob } = turn.record;
  if (systemJob === undefined) return turn;
  const { id, vm } = vmRecord(turn);
  const { type, input } = systemJob;
  const workVersion = turn.inputs.work.get(type)?.version ?? 1;
  const made = makeJob(amend(turn, { systemJob: undefined }), {
    type,
    workVersion,
    account: vm.account,
    vmId: id,
    input,
  });
  return begin(made.turn, made.job);
}

/**
 * Begins the next job that is queued, if there is one and nothing holds it back; else the same turn. One that runs inside the
 * active job begins though the apartment is paused, as it is part of what goes on.
 */
export function beginNext(turn: Turn): Turn {
  const { record } = turn;
  const nested = nextNested(record);
  const free = record.active === undefined && !record.paused;
  const next = nested ?? (free ? record.queued[0] : undefined);
  if (next === undefined) return turn;
  const { jobId } = next;
  const job = turn.jobs.get(jobId) ?? turn.inputs.facts.jobs.get(jobId);
  if (job === undefined) return want(turn, [{ kind: "job", jobId }]);
  const taken = amend(turn, { queued: record.queued.filter((each) => each !== next) });
  if (nested !== undefined)
    return job === null || job.cancelRequested
      ? unnested(taken, jobId, job)
      : begin(stepBack(taken), job);
  if (job === null) return taken;
  return isOfVm(taken.record) && isGone(taken.record)
    ? endUnbegun(taken, job.id, { code: "vm_state_conflict", detail: "the VM is gone" })
    : begin(taken, job);
}

/** It does not begin inside the active job, which is told so. */
function unnested(turn: Turn, jobId: JobId, job: JobRecord | null): Turn {
  const ended = job === null ? turn : endUnbegun(turn, jobId, cancellation(job.cancelReason));
  return changeBegun(ended, (each) => withEnds(each, [jobId], "ended"));
}

/** Asks the active job again. */
export function wakeJob(turn: Turn, wakeup: Wakeup): Turn {
  const { active } = turn.record;
  if (active === undefined) return turn;
  const work = workOf(turn, active);
  if (work === undefined) return endUnknown(turn, active.type, active.workVersion);
  const current = amend(turn, { active: { ...active, ...upgraded(work, active) } });
  return carryOut(heard(current), resumeWork(current, work, wakeup));
}

/** What an older deployment wrote, as this one reads it: from then on it is of this version. */
function upgraded(
  work: AnyWorkType,
  { workVersion: version, input, memo }: { workVersion: number; input: unknown; memo: unknown },
) {
  if (version === work.version) return {};
  const payload = work.upgrade({ version, input, memo });
  return { workVersion: work.version, input: payload.input, memo: payload.memo };
}

/** Tells the active job whatever it waits for and has come, until it waits for what has not. */
export function tellWaited(turn: Turn): Turn {
  const told = tellEvents(tellEnds(turn));
  return told === turn || told.needs.length > 0 ? told : tellWaited(told);
}

/** Tells the active job of the events that it waits for and that came, one after the other. */
export function tellEvents(turn: Turn): Turn {
  let last = turn;
  for (let told = 0; told < TOPICS_MAX * EVENTS_KEPT_MAX; told += 1) {
    const taken = last.needs.length > 0 ? undefined : takeEvent(last);
    if (taken === undefined) return last;
    last = wakeJob(taken.turn, { kind: "topic", event: taken.event });
  }
  return last;
}

/** A sign of life: it was told something, whatever it makes of it. */
function heard(turn: Turn): Turn {
  return amend(turn, { active: { ...activeOf(turn), heardAt: turn.inputs.now } });
}

/** The active job is called off. With a command out, its result or deadline is its next step. */
export function cancelActive(turn: Turn, reason: string | undefined): Turn {
  const { active } = turn.record;
  if (active === undefined || active.cancelAskedAt !== undefined) return turn;
  const { now } = turn.inputs;
  const { jobId, status, attempts, step } = active;
  const asked = { ...active, cancelAskedAt: now, journalled: active.journalled + 1 };
  const note = reason === undefined ? "was asked to cancel" : `was asked to cancel: ${reason}`;
  const noted = project(amend(turn, { active: asked }), {
    jobId,
    status,
    attempts,
    journal: journalEntry(active, { at: now, step, note }),
  });
  const called = cancelStarted(noted, active);
  return active.waitFor.kind === "result" ? called : wakeJob(called, { kind: "cancelled" });
}

/** One that has stepped back is called off: what it started is, and it knows when that has ended. */
export function cancelOuter(turn: Turn, jobId: JobId): Turn {
  const job = turn.record.outer?.find((each) => each.jobId === jobId);
  if (job === undefined || job.cancelAskedAt !== undefined) return turn;
  const { now } = turn.inputs;
  const asked = changeBegun(turn, (each) =>
    each.jobId === jobId ? { ...each, cancelAskedAt: now } : each,
  );
  return cancelStarted(asked, job);
}

/** Tells the active job of the ends that it waited for, once they are enough; and again, if it waits for what has come too. */
export function tellEnds(turn: Turn): Turn {
  let last = turn;
  for (let told = 0; told < ENDS_TOLD_MAX; told += 1) {
    const found = endsOf(last);
    if (found.kind === "waiting") return last;
    if (found.kind === "need") return found.turn;
    last = wakeJob(found.turn, { kind: "joined", ends: found.ends });
    if (last.needs.length > 0) return last;
  }
  throw new Error(`job ${last.record.active?.jobId} was told of ends ${ENDS_TOLD_MAX} times`);
}

function begin(turn: Turn, job: JobRecord): Turn {
  if (job.cancelRequested) return endUnbegun(turn, job.id, cancellation(job.cancelReason));
  const { now } = turn.inputs;
  const begun = amend(turn, {
    epoch: turn.record.epoch + 1,
    active: {
      jobId: job.id,
      type: job.type,
      workVersion: job.workVersion,
      account: job.account,
      input: job.input,
      memo: null,
      status: "running",
      step: "begin",
      stepSince: now,
      startedAt: now,
      heardAt: now,
      attempts: 0,
      waitFor: { kind: "timer" },
      sent: {},
      deadlineAt: now,
      journalled: 0,
    },
  });
  const work = workOf(begun, job);
  if (work === undefined) return endUnknown(begun, job.type, job.workVersion);
  const current = amend(begun, {
    active: { ...activeOf(begun), ...upgraded(work, activeOf(begun)) },
  });
  return carryOut(current, beginWork(current, work));
}

function endUnknown(turn: Turn, type: string, version: number): Turn {
  const detail = `this deployment does not know ${type} version ${version}`;
  return abandonJob(turn, { code: "unknown_work", detail });
}

/** Of a version that this deployment knows, for whoever's apartment this is. */
function workOf(
  { inputs, record }: Turn,
  job: { readonly type: string; readonly workVersion: number },
): AnyWorkType | undefined {
  const work = inputs.work.get(job.type);
  const isKnown = work !== undefined && job.workVersion <= work.version;
  return isKnown && (work.subject === "vm") === isOfVm(record) ? work : undefined;
}

function beginWork(turn: Turn, work: AnyWorkType): Outcome<unknown, unknown> | Invalid {
  const parts = { input: activeOf(turn).input, memo: undefined };
  return work.subject === "vm"
    ? work.begin(vmContext(turn, parts))
    : work.begin(hostContext(turn, parts));
}

function resumeWork(
  turn: Turn,
  work: AnyWorkType,
  wakeup: Wakeup,
): Outcome<unknown, unknown> | Invalid {
  const { input, memo } = activeOf(turn);
  return work.subject === "vm"
    ? work.resume(vmContext(turn, { input, memo }), wakeup)
    : work.resume(hostContext(turn, { input, memo }), wakeup);
}

type Parts<M> = { readonly input: unknown; readonly memo: M };

function jobContext<M>(turn: Turn, { input, memo }: Parts<M>) {
  const { jobId, cancelAskedAt } = activeOf(turn);
  const { facts, settings, now } = turn.inputs;
  return {
    jobId,
    input,
    memo,
    openIncidents: new Set(turn.record.openIncidents.map((incident) => incident.kind)),
    cancelRequested: cancelAskedAt !== undefined,
    facts,
    settings,
    now,
  };
}

function hostContext<M>(turn: Turn, parts: Parts<M>): HostContext<unknown, M> {
  const { record } = turn;
  if (isOfVm(record)) throw new Error(`the apartment ${record.id} is no host's`);
  return { ...jobContext(turn, parts), hostId: record.hostId };
}

function vmContext<M>(turn: Turn, parts: Parts<M>): WorkContext<unknown, M> {
  const record = vmRecord(turn);
  const active = activeOf(turn);
  return {
    ...jobContext(turn, parts),
    vmId: record.id,
    vm: record.vm,
    unsettled: record.unsettled,
    lastSaid: new Map(
      Object.entries(record.observations).map(([hostId, said]) => [HostId.parse(hostId), said]),
    ),
    holds: holdsOf(record, turn.effects),
    evidence: (hostId) => evidenceFor(active, record.observations, hostId),
    wasDoneLate: active.doneLate !== undefined,
  };
}

function activeOf({ record }: Turn): ActiveJob {
  if (record.active === undefined) throw new Error(`apartment ${record.id} has no active job`);
  return record.active;
}

/** Room given back in this turn is still there when the turn is committed. */
function holdsOf({ vm, active }: ApartmentRecord, effects: readonly Effect[]): ReadonlySet<HostId> {
  const given = effects.flatMap((effect) => (effect.kind === "release" ? [effect.hostId] : []));
  const own = [vm.hostId, active?.roomAt].filter((hostId) => hostId !== undefined);
  return new Set([...own, ...given]);
}

/** A message to oneself: the queue goes on where this turn stopped. */
export function goOnLater(turn: Turn): Turn {
  return emit(turn, { kind: "message", ...goingOn(turn.record, turn.inputs.now) });
}

/** Tells an apartment to go on from what was committed. */
export function goingOn({ id, version }: AnyApartmentRecord, now: number) {
  const logicalId = LogicalId.parse(`go-on:${id}.${version}`);
  const message: ApartmentMessage = { v: 1, logicalId, body: { kind: "wake", dueAt: now } };
  return { to: id, message };
}
