/**
 * What makes a report quiet: it says the same as the last one that was worked off.
 *
 * The digest is of what `reconcile-host` looks at: capacity, and each VM's power, detail and epoch, by id. The heartbeat
 * keeps it of the last report applied; `unlike` keeps one that no report ever has, so that the next is not quiet.
 */
import type { Report } from "../model/agent-protocol.ts";
import type { Ports } from "./ports.ts";

export function reportDigest(
  { names }: Pick<Ports, "names">,
  report: Pick<Report, "capacity" | "vms">,
): string {
  const vms = report.vms
    .map(({ vmId, power, detail = null, epoch = null }) => [vmId, power, detail, epoch] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const { cpus = null, memoryMiB = null } = report.capacity ?? {};
  return names.hash(JSON.stringify([cpus, memoryMiB, vms]));
}

/** A digest's mark for a report that leaves something open: an absence, or all that an incomplete one did not list. */
export function unlike(digest: string): string {
  return `open:${digest}`;
}
