/** Joining, sessions, heartbeats: what is said of a host's boot, on registration and heartbeat together. */
import type { HostStore } from "../app/ports.ts";
import { HEARD_CROWD, HEARD_MAX, type Heartbeat } from "../model/host.ts";
import type { MemoryStoreDeps } from "./memory-tables.ts";

type SessionPart = Pick<HostStore, "join" | "openSession" | "beat">;

export function memoryHostSession({ tables }: Pick<MemoryStoreDeps, "tables">): SessionPart {
  const { hosts, heartbeats } = tables;
  return {
    join: async (join) => {
      const { hostId, tokenHash, publicKey, queueUrl, queueGeneration, now } = join;
      const host = hosts.get(hostId);
      if (host?.joinTokenHash !== tokenHash || (host.joinTokenExpiresAt ?? 0) <= now)
        return "refused";
      const { joinTokenHash, joinTokenExpiresAt, bootId, ...registration } = host;
      hosts.put(hostId, { ...registration, queueUrl, queueGeneration });
      const { bootId: earlier, ...heartbeat } = heartbeats.get(hostId) ?? {
        hostId,
        bootOrdinal: join.bootOrdinal,
        vmCount: 0,
      };
      heartbeats.put(hostId, { ...heartbeat, publicKey, seq: -1 });
      return "joined";
    },
    openSession: async ({ hostId, publicKey, bootId, agentVersion, migrationUri, queue, now }) => {
      const host = hosts.get(hostId);
      const heartbeat = heartbeats.get(hostId);
      if (host === undefined || heartbeat?.publicKey !== publicKey) return { status: "refused" };
      const { silent, ...last } = heartbeat;
      const same = last.bootId === bootId;
      const bootOrdinal = same ? last.bootOrdinal : last.bootOrdinal + 1;
      if (same && silent !== true) return { status: "open", bootOrdinal };
      const seq = same ? last.seq : -1;
      const heard = same ? last.heard : {};
      hosts.put(hostId, {
        ...host,
        ...(host.fence === undefined ? { state: "Up", untold: undefined } : {}),
        ...{ bootId, bootOrdinal, migrationUri },
        ...(queue === undefined ? {} : { queueUrl: queue.url, queueGeneration: queue.generation }),
      });
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
    beat: async (beat) => {
      const { hostId, publicKey, bootId, seq, digest, vmCount, now, leaseUntil, selfFence } = beat;
      const heartbeat = heartbeats.get(hostId);
      if (heartbeat?.publicKey !== publicKey) return { status: "wrong_key" };
      if (heartbeat.bootId !== bootId) return { status: "stale_boot" };
      if (heartbeat.seq >= seq) return { status: "replayed", heartbeat };
      const heard = crowded({ ...heartbeat.heard, [digest]: { seq, at: now } }, seq);
      const blind = beat.blind && (heartbeat.blind ?? { since: now, ...beat.blind });
      const said = { seq, vmCount, lastReportAt: now, leaseUntil, selfFence, heard, blind };
      const next = { ...heartbeat, ...said };
      heartbeats.put(hostId, next);
      return { status: "beaten", heartbeat: next };
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
