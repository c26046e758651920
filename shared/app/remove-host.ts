/** Forgetting a host that has none of our VMs any more. */
import type { HostId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import { tellIncident } from "./open-incident.ts";
import type { Ports } from "./ports.ts";
import { removeQueue } from "./remove-queue.ts";

/** Incidents closed with it; a host with more has a problem that its going does not end. */
const INCIDENTS_MAX = 1000;

/** Its own incidents are over with it: nobody is left to resolve them. */
export async function removeHost(
  deps: Pick<Ports, "hosts" | "commandQueues" | "incidents" | "bus" | "clock" | "telemetry">,
  { hostId }: { readonly hostId: HostId },
): Promise<Answer<undefined>> {
  const row = await deps.hosts.read(hostId);
  const removed = row === undefined ? "host_not_found" : await deps.hosts.remove(hostId);
  if (removed === "host_not_found") return refuse("host_not_found", `there is no host ${hostId}`);
  if (removed === "not_empty")
    return refuse("host_not_empty", `VMs hold room on ${hostId}: move or stop them first`);
  await removeQueue(deps, { hostId, queueUrl: row?.host.queueUrl });
  const open = await deps.incidents.list({ hostId, state: "open" }, { limit: INCIDENTS_MAX });
  const now = deps.clock.now();
  for (const incident of open.ok ? open.items : []) {
    // One of a VM's own is its apartment's to resolve.
    if (!HOST_KINDS.has(incident.kind)) continue;
    if ((await deps.incidents.resolve(incident.id, now)) === "resolved")
      await tellIncident(deps, { ...incident, resolvedAt: now }, "resolved");
  }
  return { ok: true, value: undefined };
}

const HOST_KINDS: ReadonlySet<string> = new Set(["host_down", "mass_absence", "orphan"]);
