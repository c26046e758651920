/** What each commit of an apartment must keep, by the record before and after it alone. */

import { begunJobs } from "../../shared/core/nested.ts";
import {
  type AnyApartmentRecord,
  type ApartmentRecord,
  isOfVm,
} from "../../shared/model/apartment-record.ts";
import { turnsOn } from "../../shared/model/command.ts";
import type { Effect } from "../../shared/model/effect.ts";
import { vmVerify } from "../../shared/work/vm-verify.ts";
import { olderWord, unsaidState } from "./evidence.ts";
import { endsOf } from "./job-effects.ts";
import type { Broken } from "./violation.ts";

/** Longer than any step waits: an hour of a migration, and its slack. */
const DEADLINE_MS_MAX = 2 * 3_600_000;

export function checkCommit(
  before: AnyApartmentRecord,
  next: AnyApartmentRecord,
  broken: Broken,
): void {
  if (next.version !== before.version + 1)
    broken("A2", `version ${next.version} is written over version ${before.version}`);
  checkJobs(before, next, broken);
  checkWake(next, broken);
  checkCommands(before, next, broken);
  checkOrder(next, broken);
  if (isOfVm(before) && isOfVm(next)) checkEvidence(before, next, broken);
}

/** A host may say another thing in the same batch that brought a state: then somebody looks already. */
function checkEvidence(before: ApartmentRecord, next: ApartmentRecord, broken: Broken): void {
  const isLookedAt = next.recheck !== undefined || next.active?.type === vmVerify.name;
  const wrong = olderWord(before, next) ?? (isLookedAt ? undefined : unsaidState(before, next));
  if (wrong !== undefined) broken("evidence", wrong);
}

/** A1, A7, A9 */
function checkJobs(before: AnyApartmentRecord, next: AnyApartmentRecord, broken: Broken): void {
  const ends = endsOf(next);
  const ended = new Set(ends.map(({ jobId }) => jobId));
  const last = before.active?.jobId;
  const begun = begunJobs(next).map(({ jobId }) => jobId);
  if (last !== undefined && !begun.includes(last) && !ended.has(last))
    broken("A1", `${last} is not active any more and did not end`);
  if (mayBegin(next) && !goesOn(next))
    broken("A1", "no job is active, another waits, and this commit began none");
  for (const jobId of ended)
    if (next.active?.jobId === jobId || next.queued.some((queued) => queued.jobId === jobId))
      broken("A7", `${jobId} ended and goes on`);
  for (const { error, jobId } of ends)
    if (error?.code === "poison_message") broken("A9", `deciding ${jobId} threw: ${error.detail}`);
}

function mayBegin({ active, paused, queued, systemJob }: AnyApartmentRecord): boolean {
  return active === undefined && !paused && (queued.length > 0 || systemJob !== undefined);
}

/** More jobs may begin than one turn takes: it sends itself a message to go on. */
function goesOn({ id, effects }: AnyApartmentRecord): boolean {
  return effects.some((effect) => effect.kind === "message" && effect.to === id);
}

/** A8 */
function checkWake(next: AnyApartmentRecord, broken: Broken): void {
  const { active, wakeAt, updatedAt } = next;
  if (active !== undefined) {
    const { step, deadlineAt } = active;
    if (deadlineAt <= updatedAt) broken("A8", `${step} waits for what is past`);
    if (deadlineAt > updatedAt + DEADLINE_MS_MAX) broken("A8", `${step} waits for days`);
    if (wakeAt === undefined || wakeAt > deadlineAt)
      broken("A8", `wakeAt does not cover the deadline of ${step}`);
  } else if (mayBegin(next) && wakeAt === undefined)
    broken("A8", "a job waits, none is active, and nothing is due");
}

/** A6 */
function checkCommands(before: AnyApartmentRecord, next: AnyApartmentRecord, broken: Broken): void {
  let highest = before.epoch;
  const unsettled = isOfVm(next) ? next.unsettled : [];
  for (const effect of next.effects) {
    if (effect.kind !== "command") continue;
    const { commandId, hostId, epoch, call } = effect;
    if (epoch <= highest) broken("A6", `${commandId} goes out under epoch ${epoch}, not a new one`);
    highest = Math.max(highest, epoch);
    if (call.verb !== "probe" && !unsettled.some((one) => one.commandId === commandId))
      broken("A6", `${commandId} goes out and is not among the unsettled`);
    // A migration is in the list twice, of itself for both its hosts.
    const other = unsettled.find((one) => one.hostId !== hostId && one.commandId !== commandId);
    if (turnsOn(call.verb) && other !== undefined)
      broken(
        "A6",
        `a ${call.verb} goes to ${hostId}; a ${other.verb} is unsettled at ${other.hostId}`,
      );
  }
  if (next.epoch < highest) broken("A6", `the record's epoch ${next.epoch} is behind ${highest}`);
}

/** What one commit stores is sent side by side: two effects on one room, or on one incident, would have no order. */
function checkOrder({ effects }: AnyApartmentRecord, broken: Broken): void {
  const of = <K extends Effect["kind"]>(kind: K) =>
    effects.filter((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind);
  for (const { hostId } of of("reserve"))
    if (of("release").some((release) => release.hostId === hostId))
      broken("room", `one commit gives back and takes the room at ${hostId}`);
  for (const { incident } of of("open-incident"))
    if (of("resolve-incident").some(({ incidentId }) => incidentId === incident.id))
      broken("incidents", `one commit opens and resolves ${incident.id}`);
}
