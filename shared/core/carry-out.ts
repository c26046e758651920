/**
 * Carrying out what a work type answered: the one place where a job begins to wait.
 *
 *  A6 a command that can turn the VM on goes to no host while one is unsettled at another.
 *  A8 what waits has a deadline.
 */
import type {
  ActiveJob,
  ApartmentRecord,
  UnsettledCommand,
  WaitFor,
} from "../model/apartment-record.ts";
import { type CommandCall, turnsOn } from "../model/command.ts";
import type { HostId } from "../model/ids.ts";
import { consequences, release } from "./consequences.ts";
import { abandonJob, endJob } from "./end-job.ts";
import { layToRest } from "./gone.ts";
import { beginJoin } from "./join-jobs.ts";
import { beginListening, topicWait } from "./listen.ts";
import {
  amend,
  amendVm,
  emit,
  journalEntry,
  nextName,
  project,
  type Turn,
  vmRecord,
} from "./turn.ts";
import type { Action, Invalid, Outcome } from "./work-type.ts";

/** The turn after the active job answered. */
export function carryOut(turn: Turn, outcome: Outcome<unknown, unknown> | Invalid): Turn {
  const active = turn.record.active;
  if (active === undefined) throw new Error(`apartment ${turn.record.id} has no active job`);
  switch (outcome.kind) {
    case "ignore":
      return turn;
    case "need":
      return { ...turn, needs: [...turn.needs, ...outcome.facts] };
    case "invalid":
      return abandonJob(turn, { code: "invalid_payload", detail: outcome.detail });
    case "wait":
      return wait(consequences(turn, outcome), active, outcome);
    case "succeed": {
      const ended = endJob(consequences(turn, outcome), {
        status: "succeeded",
        result: outcome.result,
        note: outcome.note,
        systemJob: outcome.systemJob,
        lookAgainInMs: outcome.lookAgainInMs,
      });
      return outcome.gone === true ? layToRest(ended) : ended;
    }
    case "fail":
      return endJob(consequences(turn, outcome), {
        status: "failed",
        error: outcome.error,
        note: outcome.note,
        systemJob: outcome.systemJob,
        lookAgainInMs: outcome.lookAgainInMs,
      });
    default:
      return outcome satisfies never;
  }
}

function wait(
  turn: Turn,
  active: ActiveJob,
  outcome: Extract<Outcome<unknown, unknown>, { kind: "wait" }>,
): Turn {
  if (outcome.deadlineInMs <= 0) throw new Error(`step ${outcome.step} waits without a deadline`);
  const { now } = turn.inputs;
  const started = start(turn, active, outcome.action);
  const progress = {
    step: outcome.step,
    ...(outcome.percent === undefined ? {} : { percent: outcome.percent }),
  };
  const status = WAITING.has(outcome.action.kind) ? "waiting" : "running";
  const waiting: ActiveJob = {
    ...started.active,
    status,
    memo: outcome.memo,
    step: outcome.step,
    stepSince: outcome.step === active.step ? active.stepSince : now,
    waitFor: started.waitFor,
    deadlineAt: now + outcome.deadlineInMs,
    progress,
    journalled: active.journalled + 1,
  };
  return project(amend(started.turn, { active: waiting }), {
    jobId: active.jobId,
    status,
    attempts: waiting.attempts,
    startedAt: active.startedAt,
    progress,
    ...("address" in outcome.action ? { hostId: outcome.action.address.hostId } : {}),
    journal: journalEntry(active, { at: now, step: outcome.step, note: outcome.note }),
  });
}

/** Nothing of a job is being done while it waits for these. */
const WAITING: ReadonlySet<Action["kind"]> = new Set(["timer", "join", "topic"]);

type Started = { readonly turn: Turn; readonly active: ActiveJob; readonly waitFor: WaitFor };

/** Emits the action's effect and says what is waited for. */
function start(turn: Turn, active: ActiveJob, action: Action): Started {
  switch (action.kind) {
    case "timer":
    case "checkpoint":
      return { turn, active, waitFor: { kind: action.kind } };
    case "listen":
      return beginListening(turn, active, action.topic);
    case "topic":
      return { turn, active, waitFor: topicWait(active) };
    case "reserve":
      return reserve(turn, active, action);
    case "command":
      return command(turn, active, action);
    case "join": {
      const { until } = action;
      return { ...beginJoin(turn, active, action), waitFor: { kind: "jobs", until } };
    }
    default:
      return action satisfies never;
  }
}

function reserve(
  turn: Turn,
  active: ActiveJob,
  action: Extract<Action, { kind: "reserve" }>,
): Started {
  const record = vmRecord(turn);
  const { hostId, ...boot } = action.address;
  const { roomAt } = active;
  const past = roomAt === undefined || roomAt === record.vm.hostId ? turn : release(turn, roomAt);
  return {
    turn: emit(keepingRoom(past, hostId), {
      kind: "reserve",
      hostId,
      vmId: record.id,
      jobId: active.jobId,
      revision: record.version,
      attempt: action.attempt,
      need: { cpus: record.vm.spec.cpus, memoryMiB: record.vm.spec.memoryMiB },
      labels: record.vm.spec.hostLabels ?? {},
      ...(action.found === true ? { found: true } : {}),
      boot,
    }),
    active: { ...active, attempts: action.attempt, roomAt: hostId },
    waitFor: { kind: "reserved", hostId, attempt: action.attempt },
  };
}

/** Room that this turn was to give back and takes again is kept: the two effects have no order among them. */
function keepingRoom(turn: Turn, hostId: HostId): Turn {
  const effects = turn.effects.filter(
    (effect) => effect.kind !== "release" || effect.hostId !== hostId,
  );
  return { ...turn, effects };
}

/** Every command raises the epoch: a later one supersedes, and an observation can say which it had seen (A6). */
function command(
  turn: Turn,
  active: ActiveJob,
  action: Extract<Action, { kind: "command" }>,
): Started {
  const { address, timeoutSeconds } = action;
  const { hostId } = address;
  const record = vmRecord(turn);
  const { call, ha } = sayingHa(turn, action.call, hostId);
  if (turnsOn(call.verb) && record.unsettled.some((unsettled) => unsettled.hostId !== hostId))
    throw new Error(`${call.verb} to ${hostId} while a command is unsettled elsewhere (A6)`);
  const { turn: named, name: commandId } = nextName(turn);
  const epoch = record.epoch + 1;
  const sent = emit(named, {
    kind: "command",
    commandId,
    hostId,
    queueUrl: address.queueUrl,
    bootId: address.bootId,
    vmId: record.id,
    jobId: active.jobId,
    epoch,
    call,
    timeoutSeconds,
    issuedAt: turn.inputs.now,
    ...(call.verb === "start" && record.vm.domainXmlVersion !== undefined
      ? { domainXmlVersion: record.vm.domainXmlVersion }
      : {}),
  });
  const { bootOrdinal } = address;
  const part: UnsettledCommand = {
    ...{ commandId, hostId, epoch, jobId: active.jobId, verb: call.verb },
    ...(ha === true ? { ha } : {}),
  };
  const unsettled: UnsettledCommand = { ...part, bootOrdinal };
  const parts: readonly UnsettledCommand[] =
    call.verb === "migrate"
      ? [unsettled, { ...part, hostId: call.args.targetHostId, sourceHostId: hostId }]
      : [unsettled];
  const known = ha === false ? takingBackHa(record, hostId) : record;
  return {
    turn: amendVm(amend(sent, { epoch }), {
      vm: known.vm,
      unsettled: call.verb === "probe" ? known.unsettled : [...known.unsettled, ...parts],
    }),
    active: {
      ...active,
      ...(call.verb === "probe" ? {} : { doneLate: undefined }),
      sent: { ...active.sent, [hostId]: { epoch, bootOrdinal } },
    },
    waitFor: {
      ...{ kind: "result", commandId, hostId, verb: call.verb, epoch },
      ...(ha === undefined ? {} : { ha }),
    },
  };
}

/**
 * What a command tells its agent of the VM. A start says it in any case. A probe does where hosts fence themselves: to a VM
 * that came by a migration, or was made one for HA while it ran, nobody else says it.
 */
function sayingHa(
  turn: Turn,
  call: CommandCall,
  hostId: HostId,
): { readonly call: CommandCall; readonly ha?: boolean } {
  const { haEnabled, haAt } = vmRecord(turn).vm;
  if (call.verb === "start") return { call, ha: call.args.ha };
  const matters = turn.inputs.settings.selfFence && (haEnabled || haAt?.hostId === hostId);
  if (call.verb !== "probe" || !matters) return { call };
  return { call: { ...call, args: { ...call.args, ha: haEnabled } }, ha: haEnabled };
}

/** From its sending on a host may go by it, whether or not its answer ever comes: what was said before is certain no more. */
function takingBackHa(
  { vm, unsettled }: ApartmentRecord,
  hostId: HostId,
): Pick<ApartmentRecord, "vm" | "unsettled"> {
  const { haAt } = vm;
  return {
    vm: haAt?.hostId === hostId ? { ...vm, haAt: { ...haAt, doubted: true } } : vm,
    unsettled: unsettled.map((command) =>
      command.hostId === hostId ? { ...command, ha: undefined } : command,
    ),
  };
}
