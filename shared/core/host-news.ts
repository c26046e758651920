/**
 * What this system itself knows of a host that says nothing: it is lost, or it is fenced. Told to the apartments of its VMs
 * as messages (A5), where it takes the place of the host's own word until the host says something again.
 *
 *  1. A host that is lost may have every VM that it had: what it said is neither true nor false any more. Each silence says so
 *     once, however late it is told again (A3): the host may have been heard since.
 *  2. A6 on a fenced host nothing runs and nothing that was sent to it will: what it said it is off, and what is unsettled there
 *     is settled. The fence's order is above all that the host had said, and below all that it says when it is back. Told late, of
 *     a host that is back, it says nothing.
 *  3. A lease that was revoked fences only those VMs that the host's agent knows to be for HA: by a command that it answered
 *     in the boot that ended, or by one that does nothing without a lease. What was sent since and says otherwise may have arrived,
 *     answered or not: then it is not known. To the others the host is lost.
 */
import type { HostFencedBody, HostLostBody } from "../model/apartment-message.ts";
import type { ApartmentRecord } from "../model/apartment-record.ts";
import type { HostId } from "../model/ids.ts";
import type { Observation } from "../model/power.ts";
import { claims } from "./agreement.ts";
import { observe } from "./observe.ts";
import { amendVm, type Turn, vmRecord } from "./turn.ts";

/** The turn with what the host said put in doubt, if it said that it has the VM. */
export function noteLoss(
  turn: Turn,
  { hostId, bootOrdinal, lastReportAt }: Omit<HostLostBody, "kind">,
): Turn {
  const { observations } = vmRecord(turn);
  const last = observations[hostId];
  if (last === undefined || last.bootOrdinal > bootOrdinal) return turn;
  if (!claims(last.power) || last.power === "unknown") return turn;
  const { lostAfter = -1 } = last;
  if (lastReportAt !== undefined && lastReportAt <= lostAfter) return turn; // told again (A3)
  // Its order stays: whatever the host says next is newer.
  const doubted: Observation = {
    ...last,
    power: "unknown",
    detail: "host down",
    lostAfter: lastReportAt,
  };
  return amendVm(turn, { observations: { ...observations, [hostId]: doubted } });
}

/** Whether a fence says anything of this VM (2, 3). */
export function isFenced(record: ApartmentRecord, fence: HostFencedBody): boolean {
  const { hostId, bootOrdinal, scope } = fence;
  if (lastBoot(record, hostId) >= bootOrdinal) return false; // it is back already
  const said = record.observations[hostId];
  const unsettled = record.unsettled.filter((command) => command.hostId === hostId);
  const isThere = record.vm.hostId === hostId || said !== undefined || unsettled.length > 0;
  if (!isThere || scope === "all") return isThere;
  return knowsHa(record, hostId, bootOrdinal) || startsHa(record, hostId);
}

/** The last boot of the host that this record has had to do with: it spoke in it, or something was sent to it. */
function lastBoot({ observations, active, unsettled }: ApartmentRecord, hostId: HostId): number {
  const boots = [observations[hostId], active?.sent[hostId]].map((each) => each?.bootOrdinal ?? 0);
  const sentTo = unsettled.filter((command) => command.hostId === hostId);
  return Math.max(...boots, ...sentTo.map((command) => command.bootOrdinal ?? 0));
}

/** The turn with the host's word replaced by the fence's. What this very turn was to send there settles with the rest: it is not sent. */
export function noteFence(turn: Turn, { hostId, bootOrdinal, scope, at }: HostFencedBody): Turn {
  const effects = turn.effects.filter(
    (effect) => effect.kind !== "command" || effect.hostId !== hostId,
  );
  return observe({ ...turn, effects }, hostId, {
    bootOrdinal,
    seq: 0,
    power: "off",
    detail: scope === "all" ? "host fenced" : "lease revoked",
    receivedAt: at,
    vouched: true,
  });
}

/** The agent's last boot before the fence knew it. */
function knowsHa({ vm }: ApartmentRecord, hostId: HostId, bootOrdinal: number): boolean {
  const { haAt } = vm;
  return (
    haAt?.hostId === hostId && haAt.bootOrdinal === bootOrdinal - 1 && haAt.doubted === undefined
  );
}

/** It can be on there only by commands that say so themselves. */
function startsHa({ vm, observations, unsettled }: ApartmentRecord, hostId: HostId): boolean {
  const said = observations[hostId];
  if (said !== undefined && claims(said.power)) return false;
  const own = unsettled.filter((command) => command.hostId === hostId);
  return own.length > 0 && vm.hostId === hostId && own.every((command) => command.ha === true);
}
