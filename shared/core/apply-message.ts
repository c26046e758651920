/**
 * What each kind of message does to an apartment.
 *
 *  A3 a message whose logical id is in the record is not applied again. For ids long gone from it, each kind has a guard
 *     of its own: the job's record (`submit`), the host's order (`observed`, `result`), the command or attempt that is
 *     waited for (`result`, `reserved`); the rest say what should be and not what to change.
 */
import type {
  ApartmentMessage,
  CancelBody,
  HostFencedBody,
  ListeningBody,
  ObservedBody,
  ReservedBody,
  ResultBody,
} from "../model/apartment-message.ts";
import { APPLIED_IDS_MAX, type UnsettledCommand } from "../model/apartment-record.ts";
import { type HostId, type LogicalId, submitId } from "../model/ids.ts";
import { apartmentOf } from "../model/job.ts";
import type { Observation } from "../model/power.ts";
import { mayBeThere, release } from "./consequences.ts";
import { cancellation, endUnbegun } from "./end-job.ts";
import { isTooLate } from "./gone.ts";
import { isFenced, noteFence, noteLoss } from "./host-news.ts";
import { openIncident, resolveIncident } from "./incidents.ts";
import { noteEnd, noteRefusal } from "./join-jobs.ts";
import { keepEvent } from "./listen.ts";
import { isOfFuture, observe } from "./observe.ts";
import { lookAgain } from "./recheck.ts";
import { admit, cancelActive, cancelOuter, isNew, tellEvents, wakeJob } from "./run-job.ts";
import { isAwaited, settle, settleFenced } from "./settle.ts";
import { amend, amendVm, type Turn, vmRecord, want } from "./turn.ts";

/** The turn after one message; the same turn if it says nothing new. */
export function applyMessage(turn: Turn, message: ApartmentMessage): Turn {
  if (turn.record.applied.includes(message.logicalId)) return turn;
  if (isTooLate(turn, message.body.kind)) return turn;
  const applied = tellEvents(applyBody(turn, message));
  const newsworthy = applied !== turn && applied.needs.length === 0;
  return newsworthy ? note(applied, message.logicalId) : applied;
}

/** Remembers a logical id among the last applied. */
export function note(turn: Turn, logicalId: LogicalId): Turn {
  return amend(turn, { applied: [...turn.record.applied, logicalId].slice(-APPLIED_IDS_MAX) });
}

function applyBody(turn: Turn, { body }: ApartmentMessage): Turn {
  switch (body.kind) {
    case "submit":
      return admit(turn, body.jobId);
    case "cancel":
      return takeCancel(turn, body);
    case "job-ended":
      return noteEnd(turn, body.jobId);
    case "join-refused":
      return noteRefusal(turn, body);
    case "result":
      return takeResult(turn, body);
    case "observed":
      return takeObservation(turn, body);
    case "host-lost":
      return wakeIfObserved(turn, noteLoss(turn, body), body);
    case "host-fenced":
      return takeFence(turn, body);
    case "reserved":
      return takeReservation(turn, body);
    case "listening":
      return takeListening(turn, body);
    case "topic":
      return keepEvent(turn, body.id, body.event); // told as soon as the job waits for it
    case "wake":
      return turn; // what is due is looked for in every turn
    case "patch": {
      const { vm } = vmRecord(turn);
      const next = { ...vm, name: body.name ?? vm.name, haEnabled: body.haEnabled ?? vm.haEnabled };
      return next.name === vm.name && next.haEnabled === vm.haEnabled
        ? turn
        : amendVm(turn, { vm: next });
    }
    case "pause":
      return turn.record.paused === body.paused ? turn : amend(turn, { paused: body.paused });
    case "incident-resolved":
      return resolveIncident(turn, body.incidentId);
    default:
      return body satisfies never;
  }
}

/** Called off: before it began, at once; active, at its next step. */
function takeCancel(turn: Turn, { jobId, reason }: CancelBody): Turn {
  const { active, outer = [], queued } = turn.record;
  if (active?.jobId === jobId) return cancelActive(turn, reason);
  if (outer.some((each) => each.jobId === jobId)) return cancelOuter(turn, jobId);
  const waiting = queued.filter((each) => each.jobId !== jobId);
  if (waiting.length < queued.length)
    return endUnbegun(amend(turn, { queued: waiting }), jobId, cancellation(reason));
  if (turn.record.applied.includes(submitId(jobId))) return turn; // it has ended, maybe in this turn
  const job = turn.inputs.facts.jobs.get(jobId);
  if (job === undefined) return want(turn, [{ kind: "job", jobId }]);
  if (job === null || !isNew(job) || apartmentOf(job) !== turn.record.id) return turn;
  // It overtook the submit, which has nothing to admit any more.
  return note(endUnbegun(turn, jobId, cancellation(reason)), submitId(jobId));
}

function takeResult(turn: Turn, result: ResultBody): Turn {
  const { unsettled, active } = vmRecord(turn);
  const left = settle(unsettled, result, active?.waitFor);
  let next = left.length === unsettled.length ? turn : settled(turn, left);
  if (result.power !== undefined)
    next = observe(next, result.hostId, {
      bootOrdinal: result.bootOrdinal,
      seq: result.seq,
      power: result.power,
      epoch: result.epoch,
      receivedAt: result.receivedAt,
      ...sameWords(turn, result),
    });
  next = noteHa(next, result);
  if (!isAwaited(result, active?.waitFor)) {
    next = noteDoneLate(next, result, unsettled);
    return next === turn ? turn : wakeIfObserved(turn, next, result);
  }
  const { hostId, commandId, status, code, detail } = result;
  const power = isLastWord(next, result) ? result.power : undefined;
  return wakeJob(next, {
    kind: "result",
    hostId,
    commandId,
    status,
    code,
    detail,
    power,
    busy: result.busy === true,
  });
}

/** What the active job asks about, as it waited in vain, was done: its answer came late, as after an outage. */
function noteDoneLate(
  turn: Turn,
  { commandId, hostId, status }: ResultBody,
  unsettled: readonly UnsettledCommand[],
): Turn {
  const { active } = turn.record;
  if (active === undefined || status !== "done") return turn;
  const own = unsettled.filter(({ jobId }) => jobId === active.jobId);
  const last = own.toSorted((one, other) => other.epoch - one.epoch)[0];
  return last?.commandId === commandId && own.some((command) => command.hostId === hostId)
    ? amend(turn, { active: { ...active, doneLate: commandId } })
    : turn;
}

/** A host that has said another thing later of the VM has taken back what this says of its power: the job asks anew. */
function isLastWord(turn: Turn, { hostId, power }: ResultBody): boolean {
  const last = vmRecord(turn).observations[hostId];
  return last === undefined || last.power === power;
}

/** An agent that did a command knows what it said of the VM. */
function noteHa(turn: Turn, result: ResultBody): Turn {
  const { vm, active } = vmRecord(turn);
  const waitFor = active?.waitFor;
  if (!isAwaited(result, waitFor) || waitFor.ha === undefined || result.status !== "done")
    return turn;
  const { hostId, bootOrdinal } = result;
  if (waitFor.ha) return amendVm(turn, { vm: { ...vm, haAt: { hostId, bootOrdinal } } });
  return vm.haAt?.hostId === hostId ? amendVm(turn, { vm: { ...vm, haAt: undefined } }) : turn;
}

/** A result tells a power without the hypervisor's words for it: those that it gave for the same power stay. */
function sameWords(turn: Turn, { hostId, power }: ResultBody): Pick<Observation, "detail"> {
  const last = vmRecord(turn).observations[hostId];
  return last?.detail === undefined || last.power !== power ? {} : { detail: last.detail };
}

/** Nothing unsettled is left: what a stop could not confirm is confirmed, or was asked for again since. */
function settled(turn: Turn, unsettled: readonly UnsettledCommand[]): Turn {
  const next = amendVm(turn, { unsettled: [...unsettled] });
  const unconfirmed = next.record.openIncidents.find(({ kind }) => kind === "unconfirmed_stop");
  return unsettled.length === 0 && unconfirmed !== undefined
    ? resolveIncident(next, unconfirmed.id)
    : next;
}

function takeListening(turn: Turn, { id }: ListeningBody): Turn {
  const waitFor = turn.record.active?.waitFor;
  const awaited = waitFor?.kind === "listening" && waitFor.id === id;
  return awaited ? wakeJob(turn, { kind: "listening" }) : turn;
}

function takeObservation(turn: Turn, body: ObservedBody): Turn {
  const { kind: _, hostId, ...observation } = body;
  const heard = observe(turn, hostId, observation);
  return wakeIfObserved(
    turn,
    isOfFuture(vmRecord(turn), body) ? doubtEpoch(heard, body) : heard,
    body,
  );
}

/** Its agent's log is of another life of this system, or wrong: commands may be stale to it, and a person has to look. */
function doubtEpoch(turn: Turn, { hostId, epoch }: ObservedBody): Turn {
  const highest = vmRecord(turn).epoch;
  const detail = `${hostId} says that it has seen epoch ${epoch}; the highest given out is ${highest}`;
  return openIncident(turn, { kind: "poison_message", hostId, detail });
}

/** A job that is active gets every observation and decides; nobody else touches the state. Without one, somebody may have to look. */
function wakeIfObserved(before: Turn, after: Turn, { hostId }: { readonly hostId: HostId }): Turn {
  const observed = vmRecord(before).observations[hostId] !== vmRecord(after).observations[hostId];
  if (!observed) return after;
  return after.record.active === undefined
    ? lookAgain(after)
    : wakeJob(after, { kind: "observed", hostId });
}

/** A6 what was sent to a fenced host is settled; whoever waits for its answer waits no longer. */
function takeFence(turn: Turn, body: HostFencedBody): Turn {
  const record = vmRecord(turn);
  const { hostId } = body;
  if (!isFenced(record, body))
    return body.scope === "ha" ? wakeIfObserved(turn, noteLoss(turn, body), body) : turn;
  const left = settleFenced(record.unsettled, hostId);
  const isSettled = left.length < record.unsettled.length;
  const next = noteFence(isSettled ? settled(turn, left) : turn, body);
  const waitFor = record.active?.waitFor;
  if (waitFor?.kind !== "result" || waitFor.hostId !== hostId)
    return wakeIfObserved(turn, next, body);
  const isProbe = waitFor.verb === "probe";
  return wakeJob(next, {
    ...{ kind: "result", hostId, commandId: waitFor.commandId, power: "off", busy: false },
    ...(isProbe
      ? { status: "done", code: undefined, detail: undefined }
      : { status: "failed", code: "host_fenced", detail: "the host was fenced" }),
  });
}

function takeReservation(turn: Turn, body: ReservedBody): Turn {
  const { active, vm } = vmRecord(turn);
  const awaited =
    active?.jobId === body.jobId &&
    active.waitFor.kind === "reserved" &&
    active.waitFor.attempt === body.attempt &&
    active.waitFor.hostId === body.hostId;
  const { hostId, outcome } = body;
  if (awaited) {
    // What was refused once may be held when the same effect is sent again (A4): `roomAt` stays, so that it is given back.
    if (outcome.status === "refused") return wakeJob(turn, { kind: "reserved", hostId, outcome });
    const { status, ...boot } = outcome;
    const address = { hostId, ...boot };
    return wakeJob(turn, { kind: "reserved", hostId, outcome: { status, address } });
  }
  // Room held for a step that is past is given back, unless the VM is there, or may be, or is being brought there.
  const held = outcome.status === "held" && vm.hostId !== hostId && !mayBeThere(turn, hostId);
  return held && active?.roomAt !== hostId ? release(turn, hostId) : turn;
}
