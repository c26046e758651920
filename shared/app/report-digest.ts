/**
 * What makes a report quiet: it says the same as the last one that was worked off.
 *
 * The digest is of what `reconcile-host` looks at: capacity, and each VM's power, detail and epoch, by id. The heartbeat
 * keeps it of the last report applied, and of those that are not known to be (`Heartbeat.heard`).
 */
import type { Report } from "../model/agent-protocol.ts";
import type { Ports } from "./ports.ts";

/** 128 bits: two reports of one host with one digest happen to nobody. Every report writes the item that keeps it. */
const DIGEST_CHARS = 32;
const OPEN = "open:";

export function reportDigest(
  { names }: Pick<Ports, "names">,
  report: Pick<Report, "complete" | "capacity" | "vms">,
): string {
  const vms = report.vms
    .map(({ vmId, power, detail = null, epoch = null }) => [vmId, power, detail, epoch] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const { cpus = null, memoryMiB = null } = report.capacity ?? {};
  const digest = names.hash(JSON.stringify([cpus, memoryMiB, vms])).slice(0, DIGEST_CHARS);
  return report.complete ? digest : unlike(digest);
}

/** A digest that no complete report has: for one that leaves something open, an absence or all that it did not list. */
export function unlike(digest: string): string {
  return digest.startsWith(OPEN) ? digest : `${OPEN}${digest}`;
}
