/** Taking note of what a host said of the VM, in the host's own order. */
import type { ActiveJob, ApartmentRecord } from "../model/apartment-record.ts";
import type { HostId } from "../model/ids.ts";
import type { Observation } from "../model/power.ts";
import { amendVm, type Turn, tell, vmRecord } from "./turn.ts";

/** Hosts whose last word on a VM is kept: where it is, where it was, and a few that it passed through. */
export const OBSERVING_HOSTS_MAX = 8;

/** Whether `a` was said after `b` by the same host: by boot, then by that boot's one counter. */
export function isNewer(
  a: Pick<Observation, "bootOrdinal" | "seq">,
  b: Pick<Observation, "bootOrdinal" | "seq"> | undefined,
): boolean {
  if (b === undefined) return true;
  return a.bootOrdinal > b.bootOrdinal || (a.bootOrdinal === b.bootOrdinal && a.seq > b.seq);
}

/** The turn with the observation recorded, or the same turn if the host had said something later. */
export function observe(turn: Turn, hostId: HostId, said: Observation): Turn {
  const record = vmRecord(turn);
  const last = record.observations[hostId];
  const observation = withLoss(withoutFuture(record, said), last);
  if (!isNewer(observation, last)) return turn;
  const noted = amendVm(turn, {
    observations: prune({ ...record.observations, [hostId]: observation }, record),
  });
  if (last?.power === observation.power) return noted;
  return tell(noted, {
    family: "vm.power",
    topic: `vm.power.${turn.record.id}`,
    detail: {
      vmId: turn.record.id,
      hostId,
      from: last?.power ?? null,
      to: observation.power,
      detail: observation.detail ?? null,
    },
  });
}

/** Whether a host says that it has seen an epoch that was never given out: then it has seen none that counts. */
export function isOfFuture(
  { epoch }: Pick<ApartmentRecord, "epoch">,
  said: Pick<Observation, "epoch">,
): boolean {
  return said.epoch !== undefined && said.epoch > epoch;
}

function withoutFuture(record: ApartmentRecord, said: Observation): Observation {
  if (!isOfFuture(record, said)) return said;
  const { epoch, ...observation } = said;
  return observation;
}

/** What is known of a boot's silences stays with its last word (`host-news.ts`). */
function withLoss(said: Observation, last: Observation | undefined): Observation {
  const { lostAfter, bootOrdinal } = last ?? {};
  return lostAfter === undefined || bootOrdinal !== said.bootOrdinal
    ? said
    : { ...said, lostAfter };
}

/**
 * What a host said that counts for or against the active job: said in the boot that the job's last command was meant
 * for, having seen at least its epoch (design.md, "Reports").
 */
export function evidenceFor(
  active: ActiveJob | undefined,
  observations: ApartmentRecord["observations"],
  hostId: HostId,
): Observation | undefined {
  const sent = active?.sent[hostId];
  const observation = observations[hostId];
  if (sent === undefined || observation === undefined) return undefined;
  const counts =
    observation.bootOrdinal === sent.bootOrdinal && (observation.epoch ?? -1) >= sent.epoch;
  return counts ? observation : undefined;
}

/** Drops the longest unheard hosts above the limit, never the VM's own. */
function prune(
  observations: ApartmentRecord["observations"],
  record: ApartmentRecord,
): ApartmentRecord["observations"] {
  const entries = Object.entries(observations);
  if (entries.length <= OBSERVING_HOSTS_MAX) return observations;
  const oldest = entries
    .filter(([hostId]) => hostId !== record.vm.hostId)
    .sort(([, a], [, b]) => a.receivedAt - b.receivedAt)[0]?.[0];
  return Object.fromEntries(entries.filter(([hostId]) => hostId !== oldest));
}
