/**
 * When a VM is verified: by a job of the one type that answers for it (`origin: "disagreement"`), begun by the engine.
 *
 *  1. In each turn in which no job is active (or the active one ends), record and last words are compared. They disagree:
 *     verified at once, in that commit, or when `recheck` says so.
 *  2. What verifying could not settle is verified again when a host says something new, and by `wakeAt` in any case, at ever
 *     greater distances (A8). They agree: nothing is left of it.
 *  3. A paused apartment begins nothing, this neither; it is compared when it goes on.
 */
import { type ActiveJob, isOfVm } from "../model/apartment-record.ts";
import { disagreement, isHaUntold } from "./agreement.ts";
import { amend, amendVm, type Turn, vmRecord } from "./turn.ts";
import type { WorkRegistry } from "./work-type.ts";

/** The first look after one that settled nothing. Doubles with each. */
const RECHECK_FIRST_MS = 10_000;
/** The greatest distance in report intervals: what is true again is recorded within three reports, the look included. */
const RECHECK_MAX_REPORTS = 2;
/** However seldom hosts report. */
const RECHECK_MAX_MS = 10 * 60_000;
/** Beyond these the distance is the greatest. */
const TRIES_MAX = 16;

/** 1. The turn in which a verification is asked for, if one is due; no job is active. */
export function compare(turn: Turn): Turn {
  const { record, inputs } = turn;
  if (!isOfVm(record)) return turn;
  const { recheck } = record;
  const type = verifier(inputs.work);
  if (type === undefined) return turn;
  const untold = inputs.settings.selfFence && isHaUntold(record);
  const reason =
    disagreement(record) ??
    (untold ? "its host's agent is to know whether it is for HA" : undefined);
  if (reason === undefined)
    return recheck === undefined ? turn : amendVm(turn, { recheck: undefined });
  if (recheck !== undefined && recheck.at > inputs.now) return turn;
  return amend(turn, { systemJob: { type, input: { reason } } });
}

/** 2. After the end of a job. One that leaves the VM `Unknown` has just asked in vain. */
export function recheckAfter(
  turn: Turn,
  ended: Pick<ActiveJob, "type"> & { readonly lookAgainInMs?: number | undefined },
): Turn {
  const { record, inputs } = turn;
  const type = verifier(inputs.work);
  if (!isOfVm(record) || type === undefined) return turn;
  if (ended.type === type) return postpone(turn, ended.lookAgainInMs);
  const delayMs = record.vm.state === "Unknown" ? RECHECK_FIRST_MS : 0;
  const tries = record.recheck?.tries ?? 0;
  return amendVm(turn, { recheck: { at: inputs.now + delayMs, tries } });
}

/** 2. A host said something new while no job was active. */
export function lookAgain(turn: Turn): Turn {
  const { recheck } = vmRecord(turn);
  return recheck === undefined
    ? turn
    : amendVm(turn, { recheck: { ...recheck, at: turn.inputs.now } });
}

/** Another look later, after one that settled nothing, or threw before it began. */
export function postpone(turn: Turn, lookAgainInMs?: number): Turn {
  const { record, inputs } = turn;
  if (!isOfVm(record)) return turn;
  const tries = record.recheck?.tries ?? 0;
  const delayMs = lookAgainInMs ?? Math.min(greatestMs(inputs), RECHECK_FIRST_MS * 2 ** tries);
  const recheck = { at: inputs.now + delayMs, tries: Math.min(TRIES_MAX, tries + 1) };
  return amendVm(turn, { recheck });
}

function greatestMs({ settings }: Turn["inputs"]): number {
  const intervalsMs = RECHECK_MAX_REPORTS * settings.reportIntervalSeconds * 1000;
  return Math.max(RECHECK_FIRST_MS, Math.min(RECHECK_MAX_MS, intervalsMs));
}

function verifier(work: WorkRegistry): string | undefined {
  for (const { name, origin } of work.values()) if (origin === "disagreement") return name;
  return undefined;
}
