/**
 * What a commit may take from hosts (design.md, "Reports").
 *
 *  1. A host's last word is never replaced by an older one of the same host.
 *  2. A state that is new is what the VM's host last said; a VM leaves a host that last said that it has it no more, or that
 *     has said nothing of it while it was starting there. Or no more than that it is at it, where this commit takes the start's
 *     failure: an agent that was restarted tells that without a power.
 */
import { isNewer } from "../../shared/core/observe.ts";
import type { ApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { HostId } from "../../shared/model/ids.ts";
import type { Power } from "../../shared/model/power.ts";
import type { VmState } from "../../shared/model/vm.ts";

const SAID: Readonly<Partial<Record<VmState, Power>>> = { Running: "on", Suspended: "paused" };
const HAS_IT_NO_MORE: ReadonlySet<Power> = new Set(["off", "crashed", "missing"]);

/** What is wrong with a commit of one message; nothing, if all is well. */
export function wrongEvidence(before: ApartmentRecord, next: ApartmentRecord): string | undefined {
  return olderWord(before, next) ?? unsaidState(before, next);
}

/** 1. */
export function olderWord(before: ApartmentRecord, next: ApartmentRecord): string | undefined {
  const said = new Map(Object.entries(next.observations));
  for (const [hostId, last] of Object.entries(before.observations)) {
    const now = said.get(hostId);
    if (now !== undefined && isNewer(last, now)) return `an older word of ${hostId} counts`;
  }
  return undefined;
}

/** 2. */
export function unsaidState(before: ApartmentRecord, next: ApartmentRecord): string | undefined {
  const said = new Map(Object.entries(next.observations));
  const { state, hostId } = next.vm;
  const left = before.vm.hostId;
  if (state === before.vm.state && hostId === left) return undefined;
  const here = hostId === undefined ? undefined : said.get(hostId)?.power;
  const wanted = SAID[state];
  if (wanted !== undefined && here !== wanted) return `${state}, and ${hostId} says ${here}`;
  const isLeft = left !== undefined && left !== hostId && next.gone === undefined;
  const lastSaid = isLeft ? said.get(left)?.power : undefined;
  const wasStarting = before.vm.state === "Starting";
  const isOver = startsAt(before, left) && !startsAt(next, left);
  const couldNot = wasStarting && (lastSaid === undefined || (lastSaid === "unknown" && isOver));
  const mayLeave = couldNot || (lastSaid !== undefined && HAS_IT_NO_MORE.has(lastSaid));
  return isLeft && !mayLeave ? `${state}, taken from ${left}, which says ${lastSaid}` : undefined;
}

function startsAt({ unsettled }: ApartmentRecord, at: HostId | undefined): boolean {
  return unsettled.some(({ hostId, verb }) => hostId === at && verb === "start");
}
