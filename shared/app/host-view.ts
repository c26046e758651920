/** A host's items as the HTTP API shows them to admins. */
import type { Host } from "../model/host.ts";
import { isoTime, isoTimeIf } from "./iso-time.ts";
import type { HostRow } from "./ports.ts";

/** `orphanCount`: VMs found there that no record knows (their open incidents). */
export function hostView({ host, heartbeat }: HostRow, orphanCount: number): Host {
  return {
    id: host.id,
    state: host.state === "Up" && host.maintenance ? "Maintenance" : host.state,
    capacity: host.capacity,
    reserved: host.reserved,
    labels: host.labels,
    lastReportAt: isoTimeIf(heartbeat?.lastReportAt),
    leaseUntil: isoTimeIf(heartbeat?.leaseUntil),
    // 0 is "no session yet".
    bootOrdinal: host.bootOrdinal === 0 ? undefined : host.bootOrdinal,
    agentVersion: heartbeat?.agentVersion,
    blindSince: isoTimeIf(heartbeat?.blind?.since),
    blindReason: heartbeat?.blind?.reason,
    vmCount: heartbeat?.vmCount ?? 0,
    orphanCount,
    createdAt: isoTime(host.createdAt),
  };
}
