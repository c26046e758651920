/** Joining, sessions, heartbeats, silence: what is said of a host's boot, on registration and heartbeat together. */
import type { HostStore } from "../app/ports.ts";
import { HEARD_CROWD, HEARD_MAX, type Heartbeat } from "../model/host.ts";
import type { MemoryStoreDeps } from "./memory-tables.ts";

type SessionPart = Pick<HostStore, "join" | "openSession" | "beat" | "markSilent" | "markHeard">;

export function memoryHostSession({ tables }: Pick<MemoryStoreDeps, "tables">): SessionPart {
  const { hosts, heartbeats } = tables;
  return {
    join: async ({ hostId, tokenHash, publicKey, queueUrl, queueGeneration, now }) => {
      const host = hosts.get(hostId);
      if (host?.joinTokenHash !== tokenHash || (host.joinTokenExpiresAt ?? 0) <= now)
        return "refused";
      const { joinTokenHash, joinTokenExpiresAt, bootId, ...registration } = host;
      hosts.put(hostId, { ...registration, queueUrl, queueGeneration });
      const { bootId: earlier, ...heartbeat } = heartbeats.get(hostId) ?? {
        hostId,
        bootOrdinal: 0,
        vmCount: 0,
      };
      heartbeats.put(hostId, { ...heartbeat, publicKey, seq: -1 });
      return "joined";
    },
    openSession: async ({ hostId, publicKey, bootId, agentVersion, migrationUri, now }) => {
      const host = hosts.get(hostId);
      const heartbeat = heartbeats.get(hostId);
      if (host === undefined || heartbeat?.publicKey !== publicKey) return { status: "refused" };
      const { silent, ...last } = heartbeat;
      const same = last.bootId === bootId;
      const bootOrdinal = same ? last.bootOrdinal : last.bootOrdinal + 1;
      if (same && silent !== true) return { status: "open", bootOrdinal };
      const seq = same ? last.seq : -1;
      const heard = same ? last.heard : {};
      hosts.put(hostId, { ...host, state: "Up", bootId, bootOrdinal, migrationUri });
      heartbeats.put(hostId, {
        ...last,
        heard,
        bootId,
        bootOrdinal,
        seq,
        agentVersion,
        lastReportAt: now,
      });
      return { status: "open", bootOrdinal };
    },
    beat: async ({ hostId, publicKey, bootId, seq, digest, vmCount, now, leaseUntil }) => {
      const heartbeat = heartbeats.get(hostId);
      if (heartbeat?.publicKey !== publicKey) return { status: "wrong_key" };
      if (heartbeat.bootId !== bootId) return { status: "stale_boot" };
      if (heartbeat.seq >= seq) return { status: "replayed", heartbeat };
      const heard = crowded({ ...heartbeat.heard, [digest]: { seq, at: now } }, seq);
      const next = { ...heartbeat, seq, vmCount, lastReportAt: now, leaseUntil, heard };
      heartbeats.put(hostId, next);
      return { status: "beaten", heartbeat: next };
    },
    markSilent: async ({ hostId, lastReportAt, state }) => {
      const host = hosts.get(hostId);
      const heartbeat = heartbeats.get(hostId);
      const heardAt = heartbeat?.lastReportAt;
      if (host === undefined || heartbeat === undefined) return "heard_since";
      if (heardAt === undefined || heardAt > lastReportAt) return "heard_since";
      hosts.put(hostId, { ...host, state });
      heartbeats.put(hostId, { ...heartbeat, silent: true });
      return "marked";
    },
    markHeard: async (id) => {
      const host = hosts.get(id);
      const heartbeat = heartbeats.get(id);
      if (host === undefined || heartbeat === undefined) return;
      if (host.state !== "Disconnected" && host.state !== "Down") return;
      hosts.put(id, { ...host, state: "Up" });
      const { silent, ...heard } = heartbeat;
      heartbeats.put(id, heard);
    },
  };
}

/** More marks than an item should hold stand together. */
function crowded(
  heard: NonNullable<Heartbeat["heard"]>,
  seq: number,
): NonNullable<Heartbeat["heard"]> {
  const marks = Object.values(heard);
  if (marks.length <= HEARD_MAX) return heard;
  return { [HEARD_CROWD]: { seq, at: Math.min(...marks.map(({ at }) => at)) } };
}
