/** What placement holds a host to, said once for every adapter: who is a candidate, and why a host refuses. */
import type { Capacity, HostFact, HostRecord } from "./host.ts";
import type { Labels } from "./vm.ts";

/** What an index of hosts answers is enough. */
type Placeable = Pick<
  HostRecord,
  | "id"
  | "state"
  | "capacity"
  | "reserved"
  | "labels"
  | "maintenance"
  | "bootId"
  | "bootOrdinal"
  | "queueUrl"
  | "migrationUri"
> &
  Pick<Partial<HostRecord>, "fence">;

/** Up, not in maintenance, and in a boot: a host that joined again has none until its agent opens a session. */
export function takesVms({ state, maintenance, bootId }: Placeable): boolean {
  return state === "Up" && !maintenance && bootId !== undefined;
}

/** Room is never shown below none, even where a host's capacity shrank under what it holds. */
export function hostFact(host: Placeable): HostFact {
  const { id, state, capacity, reserved, labels, bootId, bootOrdinal, queueUrl } = host;
  const { migrationUri, fence } = host;
  const free = capacity && {
    cpus: Math.max(0, capacity.cpus - reserved.cpus),
    memoryMiB: Math.max(0, capacity.memoryMiB - reserved.memoryMiB),
  };
  const address = { bootId, bootOrdinal, queueUrl, migrationUri };
  return { hostId: id, state, free, labels, ...address, fence: fence?.scope };
}

/** Roomiest first, so that a list cut short keeps the hosts most likely to hold; unknown capacity counts as none. */
export function byRoom(one: HostFact, other: HostFact): number {
  const difference = (other.free?.memoryMiB ?? 0) - (one.free?.memoryMiB ?? 0);
  return difference !== 0 ? difference : one.hostId < other.hostId ? -1 : 1;
}

/** Why a host does not take a reservation; `undefined`: it does. A host whose capacity is not known takes anything. */
export function whyRefused(
  host: Placeable,
  wanted: {
    readonly need: Capacity;
    readonly labels: Labels;
    readonly boot: { readonly bootId: string; readonly bootOrdinal: number };
  },
): "host_not_up" | "host_in_maintenance" | "stale_boot" | "labels_differ" | "no_room" | undefined {
  if (host.state !== "Up") return "host_not_up";
  if (host.maintenance) return "host_in_maintenance";
  const { bootId, bootOrdinal } = wanted.boot;
  if (host.bootId !== bootId || host.bootOrdinal !== bootOrdinal) return "stale_boot";
  const labelled = Object.entries(wanted.labels).every(
    ([name, value]) => host.labels[name] === value,
  );
  if (!labelled) return "labels_differ";
  if (host.capacity === undefined) return undefined;
  const { capacity, reserved } = host;
  const fits =
    capacity.cpus - reserved.cpus >= wanted.need.cpus &&
    capacity.memoryMiB - reserved.memoryMiB >= wanted.need.memoryMiB;
  return fits ? undefined : "no_room";
}
