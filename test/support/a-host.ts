/** Hosts for tests: registered, joined, in a session. */
import type { HostStore } from "../../shared/app/ports.ts";
import { HostRecord } from "../../shared/model/host.ts";
import { BootId, type HostId } from "../../shared/model/ids.ts";
import { bootId, hostId, T0 } from "./a-record.ts";

export const publicKey = `${"A".repeat(43)}=`;
export const otherKey = `${"B".repeat(43)}=`;
export const otherBootId = BootId.parse("boot-0002");
export const tokenHash = "a".repeat(64);

export function aHost(overrides: Partial<HostRecord> = {}): HostRecord {
  return HostRecord.parse({
    id: hostId,
    state: "Registered",
    reserved: { cpus: 0, memoryMiB: 0 },
    labels: {},
    maintenance: false,
    bootOrdinal: 0,
    queueGeneration: 0,
    createdAt: T0,
    ...overrides,
  });
}

/** The join of a host whose token is `tokenHash`. */
export function aJoin(id: HostId = hostId) {
  return {
    hostId: id,
    tokenHash,
    publicKey,
    queueUrl: `http://127.0.0.1:1/000000000000/${id}-1.fifo`,
    queueGeneration: 1,
    bootOrdinal: 0,
    now: T0,
  };
}

export function aSession(id: HostId = hostId) {
  return { hostId: id, publicKey, bootId, agentVersion: "1.0.0", now: T0 };
}

/** A host that is Up in its first boot. */
export async function hostUp(hosts: HostStore, overrides: Partial<HostRecord> = {}): Promise<void> {
  const host = aHost({ joinTokenHash: tokenHash, joinTokenExpiresAt: T0 + 1_000, ...overrides });
  await hosts.create(host);
  await hosts.join(aJoin(host.id));
  await hosts.openSession(aSession(host.id));
}
