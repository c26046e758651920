import { Heartbeat, HostRecord } from "../model/host.ts";
import { type HostId, VmId } from "../model/ids.ts";
import type { Row } from "./documents.ts"; /**
 * A host's items in one partition: `host` (registration and placement), `heartbeat`, `inventory`, `vm#<vmId>` for each
 * reservation, and `past` of one that was forgotten: what it said must stay older than all that another of its name says. Their attributes are flat, since updates and an index address them one by one.
 *
 * Beside the record, the `host` item has `kind` (listing), `placement` (only while the host is Up in a boot: the sparse
 * index of candidates) and `freeCpus`, `freeMemoryMiB`: capacity less what is reserved, because a condition cannot
 * subtract. While the capacity is not known they are what is reserved, negative.
 */
import { parseRow } from "./dynamo-row.ts";

export const HOST_ITEM = "host";
export const HEARTBEAT_ITEM = "heartbeat";
export const INVENTORY_ITEM = "inventory";
export const PAST_ITEM = "past";
export const PLACEMENT_UP = "up";

export const RESERVATION_PREFIX = "vm#";

export function reservationItem(vmId: VmId): string {
  return `${RESERVATION_PREFIX}${vmId}`;
}

/** What the host says of a VM that it was asked to describe. */
export function describedItem(vmId: VmId): string {
  return `described#${vmId}`;
}

/** The VM of a reservation's item. */
export function reservationVmId({ item }: Row): VmId {
  return VmId.parse(String(item).slice(RESERVATION_PREFIX.length));
}

export function hostItem({ id, ...host }: HostRecord): Row {
  return {
    hostId: id,
    item: HOST_ITEM,
    kind: "host",
    freeCpus: (host.capacity?.cpus ?? 0) - host.reserved.cpus,
    freeMemoryMiB: (host.capacity?.memoryMiB ?? 0) - host.reserved.memoryMiB,
    ...(host.state === "Up" && host.bootId !== undefined ? { placement: PLACEMENT_UP } : {}),
    ...host,
  };
}

export function parseHost(table: string, row: Row): HostRecord {
  const { hostId, item, kind, placement, freeCpus, freeMemoryMiB, ...host } = row;
  return parseRow(HostRecord, { ...host, id: hostId }, { table, key: `${hostId} ${HOST_ITEM}` });
}

export function parseHeartbeat(table: string, row: Row): Heartbeat {
  const { item, ...heartbeat } = row;
  return parseRow(Heartbeat, heartbeat, { table, key: `${row["hostId"]} ${HEARTBEAT_ITEM}` });
}

export function hostKey(
  hostId: HostId,
  item: string,
): { readonly hostId: HostId; readonly item: string } {
  return { hostId, item };
}
