import type { Placement } from "../app/ports.ts";
import type { Capacity, HostRecord } from "../model/host.ts";
import { VmId } from "../model/ids.ts";
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
      const { hostId, jobId, need, revision } = effect;
      const key = reservationKey(effect);
      const before = reservations.get(key);
      if (before?.held === true) {
        reservations.put(key, { ...before, revision: Math.max(before.revision, revision) });
        return { status: "held" };
      }
      if (before !== undefined && before.revision >= revision)
        return { status: "refused", reason: "superseded" };
      const host = hosts.get(hostId);
      if (host === undefined) return { status: "refused", reason: "host_not_found" };
      const reason = effect.found === true ? undefined : whyRefused(host, effect);
      if (reason !== undefined) return { status: "refused", reason };
      reservations.put(key, { need, jobId, revision, held: true });
      hosts.put(hostId, { ...host, reserved: sum(host, need) });
      return { status: "held" };
    },
    holders: async (id) =>
      reservations
        .entries()
        .filter(([key, { held }]) => held && key.startsWith(`${id}/`))
        .map(([key]) => VmId.parse(key.slice(id.length + 1))),
    release: async (release) => {
      const { hostId, revision } = release;
      const key = reservationKey(release);
      const before = reservations.get(key);
      if (before !== undefined && before.revision > revision) return;
      reservations.put(key, { held: false, revision });
      const host = hosts.get(hostId);
      if (before?.held !== true || host === undefined) return;
      const { cpus, memoryMiB } = before.need;
      const freed = { cpus: -cpus, memoryMiB: -memoryMiB };
      hosts.put(hostId, { ...host, reserved: sum(host, freed) });
    },
  };
}

function sum({ reserved }: HostRecord, change: Capacity): Capacity {
  return {
    cpus: reserved.cpus + change.cpus,
    memoryMiB: reserved.memoryMiB + change.memoryMiB,
  };
}
