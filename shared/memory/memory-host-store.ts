import type { HostRow, HostStore } from "../app/ports.ts";
import type { HostId } from "../model/ids.ts";
import { memoryHostLife } from "./memory-host-life.ts";
import { memoryHostSession } from "./memory-host-session.ts";
import { listMemory } from "./memory-list.ts";
import { type MemoryStoreDeps, reservationKey } from "./memory-tables.ts";

export function memoryHostStore(deps: Pick<MemoryStoreDeps, "tables">): HostStore {
  const { hosts, heartbeats, inventories, pastHosts, described } = deps.tables;
  const read = (id: HostId): HostRow | undefined => {
    const host = hosts.get(id);
    return host && { host, heartbeat: heartbeats.get(id) };
  };
  return {
    ...memoryHostSession(deps),
    ...memoryHostLife(deps),
    create: async (host) => {
      if (hosts.get(host.id) !== undefined) return "host_exists";
      const past = pastHosts.get(host.id)?.bootOrdinal ?? 0;
      hosts.put(host.id, { ...host, bootOrdinal: Math.max(host.bootOrdinal, past) });
      inventories.remove(host.id);
      return "created";
    },
    read: async (id) => read(id),
    list: async (page) =>
      listMemory(
        hosts.all().map((host): HostRow => ({ host, heartbeat: heartbeats.get(host.id) })),
        ({ host }) => ({ id: host.id }),
        page,
      ),
    heartbeats: async (page) =>
      listMemory(heartbeats.all(), ({ hostId }) => ({ id: hostId }), page),
    setMaintenance: async (id, maintenance) => {
      const host = hosts.get(id);
      if (host === undefined) return "host_not_found";
      hosts.put(id, { ...host, maintenance: maintenance === "enabled" });
      return "set";
    },
    setJoinToken: async (id, { hash, expiresAt }) => {
      const host = hosts.get(id);
      if (host === undefined) return "host_not_found";
      hosts.put(id, { ...host, joinTokenHash: hash, joinTokenExpiresAt: expiresAt });
      return "set";
    },
    setCapacity: async (id, capacity) => {
      const host = hosts.get(id);
      if (host !== undefined) hosts.put(id, { ...host, capacity });
    },
    noteDescribed: async (answer) => described.put(reservationKey(answer), answer.described),
    readDescribed: async (question) => described.get(reservationKey(question)),
    readInventory: async (id) => inventories.get(id),
    writeInventory: async (next, comparedWith) => {
      const stored = inventories.get(next.hostId);
      const same =
        stored?.bootOrdinal === comparedWith?.bootOrdinal && stored?.seq === comparedWith?.seq;
      if (!same) return "changed";
      inventories.put(next.hostId, next);
      return "written";
    },
    markCompared: async (id, applied) => {
      const heartbeat = heartbeats.get(id);
      const { bootOrdinal, seq } = heartbeat?.applied ?? {};
      if (heartbeat === undefined || bootOrdinal !== applied.bootOrdinal || seq !== applied.seq)
        return "superseded";
      heartbeats.put(id, { ...heartbeat, applied });
      return "marked";
    },
    markApplied: async ({ hostId, bootOrdinal, applied, settled }) => {
      const heartbeat = heartbeats.get(hostId);
      if (heartbeat === undefined) return;
      const gone = heartbeat.bootOrdinal === bootOrdinal ? settled : [];
      const isGone = (digest: string, seq: number) =>
        gone.some((mark) => mark.digest === digest && mark.seq === seq);
      const newer =
        applied !== undefined &&
        (heartbeat.applied === undefined || isNewer(applied, heartbeat.applied));
      heartbeats.put(hostId, {
        ...heartbeat,
        ...(newer ? { applied } : {}),
        heard: Object.fromEntries(
          Object.entries(heartbeat.heard ?? {}).filter(([digest, { seq }]) => !isGone(digest, seq)),
        ),
      });
    },
  };
}

type Order = { readonly bootOrdinal: number; readonly seq: number };

function isNewer(one: Order, other: Order): boolean {
  if (one.bootOrdinal !== other.bootOrdinal) return one.bootOrdinal > other.bootOrdinal;
  return one.seq > other.seq;
}
