/**
 * The end of an apartment: its VM is gone, and nothing that still arrives for it brings it back (ADR 16).
 *
 *  1. What is kept is that there was one, for as long as history is: late messages find it, and its id is not taken again
 *     meanwhile.
 *  2. It holds no room, owes no host a question and has no incident open. Jobs that wait end, each in its turn (A7).
 */
import { isGone, isOfVm } from "../model/apartment-record.ts";
import { release } from "./consequences.ts";
import { resolveIncident } from "./incidents.ts";
import { amend, amendVm, emit, type Turn, vmRecord } from "./turn.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** The turn with its VM gone; its last job has ended in it. */
export function layToRest(turn: Turn): Turn {
  const { id, vm, openIncidents } = vmRecord(turn);
  const { now, settings } = turn.inputs;
  let next = vm.hostId === undefined ? turn : release(turn, vm.hostId); // 2
  for (const incident of openIncidents) next = resolveIncident(next, incident.id);
  if (vm.domainXmlVersion !== undefined)
    next = emit(next, { kind: "forget-domain", vmId: id, version: vm.domainXmlVersion });
  const { hostId, domainXmlVersion, domainChanges, snapshots, ...rest } = vm;
  const gone = { at: now, keptUntil: now + settings.historyRetentionDays * DAY_MS }; // 1
  return amendVm(amend(next, { systemJob: undefined, paused: false }), {
    vm: { ...rest, state: "Expunging" },
    observations: {},
    unsettled: [],
    recheck: undefined,
    gone,
  });
}

/** Whether a message is none for a VM that is gone: only what is owed to jobs is heard. */
export function isTooLate({ record }: Turn, kind: string): boolean {
  return isOfVm(record) && isGone(record) && !OWED_TO_JOBS.has(kind);
}

const OWED_TO_JOBS: ReadonlySet<string> = new Set(["submit", "cancel", "wake"]);
