/** A host's silence, its fence, its return, and its end. */
import type { HostStore } from "../app/ports.ts";
import type { MemoryStoreDeps } from "./memory-tables.ts";

type LifePart = Pick<
  HostStore,
  "markSilent" | "markHeard" | "fence" | "markReturned" | "markTold" | "remove"
>;

export function memoryHostLife({ tables }: Pick<MemoryStoreDeps, "tables">): LifePart {
  const { hosts, heartbeats, inventories, pastHosts } = tables;
  return {
    markSilent: async ({ hostId, lastReportAt, state }) => {
      const host = hosts.get(hostId);
      const heartbeat = heartbeats.get(hostId);
      const heardAt = heartbeat?.lastReportAt;
      if (host === undefined || heartbeat === undefined) return "heard_since";
      if (heardAt === undefined || heardAt > lastReportAt) return "heard_since";
      if (host.fence !== undefined) return "heard_since";
      const isDown = state === "Down";
      hosts.put(hostId, { ...host, state, ...(isDown ? { untold: "lost" } : {}) });
      const { applied, ...unapplied } = heartbeat;
      heartbeats.put(hostId, { ...(isDown ? unapplied : heartbeat), silent: true });
      return "marked";
    },
    markHeard: async (id) => {
      const host = hosts.get(id);
      const heartbeat = heartbeats.get(id);
      if (host === undefined || heartbeat === undefined) return;
      if (host.state !== "Disconnected" && host.state !== "Down") return;
      if (host.fence !== undefined) return;
      hosts.put(id, { ...host, state: "Up", untold: undefined });
      const { silent, ...heard } = heartbeat;
      heartbeats.put(id, heard);
    },
    fence: async ({ hostId, scope, read, now }) => {
      const host = hosts.get(hostId);
      const heartbeat = heartbeats.get(hostId);
      if (host === undefined || heartbeat === undefined) return "changed";
      const asRead =
        heartbeat.bootOrdinal === read.bootOrdinal &&
        heartbeat.seq === read.seq &&
        heartbeat.leaseUntil === read.leaseUntil;
      if (!asRead) return "changed";
      const bootOrdinal = read.bootOrdinal + 1;
      const { bootId, ...registration } = host;
      hosts.put(hostId, {
        ...registration,
        ...(scope === "all" ? { state: "Fenced" } : {}),
        bootOrdinal,
        fence: { scope, bootOrdinal, at: now },
        untold: "fenced",
      });
      const { bootId: _, applied, leaseUntil, selfFence, blind, ...rest } = heartbeat;
      heartbeats.put(hostId, { ...rest, bootOrdinal, seq: -1, heard: {}, fenced: true });
      return "fenced";
    },
    markReturned: async ({ hostId, bootOrdinal }) => {
      const host = hosts.get(hostId);
      const heartbeat = heartbeats.get(hostId);
      if (host?.fence === undefined || heartbeat === undefined) return "superseded";
      if (host.bootId === undefined || host.bootOrdinal !== bootOrdinal) return "superseded";
      if (host.untold !== undefined) return "superseded";
      const { fence, ...registration } = host;
      hosts.put(hostId, { ...registration, state: "Up" });
      const { fenced, silent, ...returned } = heartbeat;
      heartbeats.put(hostId, returned);
      return "returned";
    },
    markTold: async ({ hostId, bootOrdinal, untold }) => {
      const host = hosts.get(hostId);
      if (host?.untold !== untold || host.bootOrdinal !== bootOrdinal) return "superseded";
      const { untold: _, ...told } = host;
      hosts.put(hostId, told);
      return "told";
    },
    remove: async (id) => {
      const host = hosts.get(id);
      if (host === undefined) return "host_not_found";
      if (host.reserved.cpus !== 0 || host.reserved.memoryMiB !== 0) return "not_empty";
      pastHosts.put(id, { bootOrdinal: host.bootOrdinal });
      for (const table of [hosts, heartbeats, inventories]) table.remove(id);
      return "removed";
    },
  };
}
