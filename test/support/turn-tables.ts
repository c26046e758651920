/** The tables of a `TurnWorld`: one apartment, and hosts that have room for so many VMs of its size. */
import {
  type MemoryTables,
  memoryTables,
  reservationKey,
} from "../../shared/memory/memory-tables.ts";
import type { ApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { HostId } from "../../shared/model/ids.ts";
import type { FoundPower } from "../../shared/work/true-state.ts";
import { aHost } from "./a-host.ts";
import { jobIdOf } from "./a-record.ts";
import type { TurnHost } from "./turn-host.ts";

export type HostPlan = {
  readonly hostId: HostId;
  /** Room in VMs of this size. */
  readonly roomForVms: number;
  /** Whether the VM is on there; absent: as the record says. */
  readonly on?: boolean;
  /** A snapshot that it keeps, with the power that it has. */
  readonly snapshot?: { readonly name: string; readonly power: FoundPower };
};

/** The VM holds its room on the host that its record names. */
export function turnTables(record: ApartmentRecord, plans: readonly HostPlan[]): MemoryTables {
  const tables = memoryTables();
  tables.apartments.put(record.id, record);
  const { cpus, memoryMiB } = record.vm.spec;
  const need = { cpus, memoryMiB };
  for (const { hostId, roomForVms } of plans) {
    const capacity = { cpus: cpus * roomForVms, memoryMiB: memoryMiB * roomForVms };
    const holds = record.vm.hostId === hostId;
    const reserved = holds ? need : { cpus: 0, memoryMiB: 0 };
    const addresses = { queueUrl: hostId, migrationUri: hostId };
    const row = aHost({ id: hostId, state: "Up", capacity, reserved, ...addresses });
    tables.hosts.put(hostId, row);
    if (holds)
      tables.reservations.put(reservationKey({ hostId, vmId: record.id }), {
        held: true,
        need,
        jobId: jobIdOf(0),
        revision: 0,
      });
  }
  return tables;
}

/** The host's row says which boot has its session, and how it is. */
export function noteHost(
  { hosts }: MemoryTables,
  { hostId, bootId, bootOrdinal }: TurnHost,
  parts: Parameters<typeof aHost>[0] = {},
): void {
  hosts.put(hostId, aHost({ ...hosts.get(hostId), bootId, bootOrdinal, ...parts }));
}
