/** Which records a list's filter lets through: said once, for the adapters that cannot ask their engine. */
import { type ApartmentRecord, isGone } from "./apartment-record.ts";
import { HostId } from "./ids.ts";
import type { IncidentRecord } from "./incident.ts";
import type { JobRecord } from "./job.ts";
import type { Observation, Power } from "./power.ts";
import { eventSubject, type TopicEvent } from "./topic.ts";

/** An absent field lets everything through. */
type Wanted<Fields> = { readonly [K in keyof Fields]?: Fields[K] | undefined };

export function vmMatches(
  record: ApartmentRecord,
  filter: Wanted<{
    account: string;
    state: string;
    hostId: string;
    name: string;
    powerState: Power;
  }>,
): boolean {
  const { vm } = record;
  if (isGone(record)) return false;
  return allMatch([
    [filter.account, vm.account],
    [filter.state, vm.state],
    [filter.hostId, vm.hostId],
    [filter.name, vm.name],
    [filter.powerState, shownObservation(record)?.observation.power ?? "unknown"],
  ]);
}

/**
 * The one observation that stands for a VM where one is shown: its host's; without a host, or before that host spoke,
 * the one received last. `undefined`: nobody has said anything, which shows as `unknown`.
 */
export function shownObservation({
  vm,
  observations,
}: Pick<ApartmentRecord, "vm" | "observations">):
  | { readonly hostId: HostId; readonly observation: Observation }
  | undefined {
  const latestFirst = Object.entries(observations)
    .map(([hostId, observation]) => ({ hostId: HostId.parse(hostId), observation }))
    .toSorted((one, other) => other.observation.receivedAt - one.observation.receivedAt);
  return latestFirst.find(({ hostId }) => hostId === vm.hostId) ?? latestFirst[0];
}

export function jobMatches(
  job: JobRecord,
  filter: Wanted<{
    account: string;
    vmId: string;
    hostId: string;
    status: string;
    type: string;
  }>,
): boolean {
  return allMatch([
    [filter.account, job.account],
    [filter.vmId, job.vmId],
    [filter.hostId, job.hostId],
    [filter.status, job.status],
    [filter.type, job.type],
  ]);
}

export function incidentMatches(
  incident: IncidentRecord,
  filter: Wanted<{
    account: string;
    state: "open" | "resolved";
    vmId: string;
    hostId: string;
    kind: string;
  }>,
): boolean {
  return allMatch([
    [filter.account, incident.account],
    [filter.state, incident.resolvedAt === undefined ? "open" : "resolved"],
    [filter.vmId, incident.vmId],
    [filter.hostId, incident.hostId],
    [filter.kind, incident.kind],
  ]);
}

export function eventMatches(
  event: TopicEvent,
  filter: Wanted<{ account: string; vmId: string; hostId: string; family: string }>,
): boolean {
  const { vmId, hostId } = eventSubject(event);
  return allMatch([
    [filter.account, event.account],
    [filter.vmId, vmId],
    [filter.hostId, hostId],
    [filter.family, event.family],
  ]);
}

function allMatch(
  pairs: readonly (readonly [wanted: string | undefined, is: string | undefined])[],
): boolean {
  return pairs.every(([wanted, is]) => wanted === undefined || wanted === is);
}
