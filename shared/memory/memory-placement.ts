import type { Placement } from "../app/ports.ts";
import type { Capacity, HostRecord } from "../model/host.ts";
import { byRoom, hostFact, takesVms, whyRefused } from "../model/placement.ts";
import { type MemoryStoreDeps, reservationKey } from "./memory-tables.ts";

export function memoryPlacement({ tables }: Pick<MemoryStoreDeps, "tables">): Placement {
  const { hosts, reservations } = tables;
  return {
    candidates: async (limit) =>
      hosts.all().filter(takesVms).map(hostFact).toSorted(byRoom).slice(0, limit),
    host: async (id) => {
      const host = hosts.get(id);
      return host && hostFact(host);
    },
    reserve: async (effect) => {
      const { hostId, jobId, need } = effect;
      if (reservations.get(reservationKey(effect)) !== undefined) return { status: "held" };
      const host = hosts.get(hostId);
      if (host === undefined) return { status: "refused", reason: "host_not_found" };
      const reason = whyRefused(host, effect);
      if (reason !== undefined) return { status: "refused", reason };
      reservations.put(reservationKey(effect), { need, jobId });
      hosts.put(hostId, { ...host, reserved: sum(host, need) });
      return { status: "held" };
    },
    release: async (release) => {
      const reservation = reservations.get(reservationKey(release));
      if (reservation === undefined) return;
      reservations.remove(reservationKey(release));
      const host = hosts.get(release.hostId);
      const { cpus, memoryMiB } = reservation.need;
      const freed = { cpus: -cpus, memoryMiB: -memoryMiB };
      if (host !== undefined) hosts.put(host.id, { ...host, reserved: sum(host, freed) });
    },
  };
}

function sum({ reserved }: HostRecord, change: Capacity): Capacity {
  return {
    cpus: reserved.cpus + change.cpus,
    memoryMiB: reserved.memoryMiB + change.memoryMiB,
  };
}
