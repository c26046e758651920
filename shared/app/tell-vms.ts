/**
 * Tells the apartments of a host's VMs what has become of it: it is lost, or fenced. Who noted that on the registration noted
 * also that it is to be told (`untold`), so that the sweeper tells it if this does not get to its end; twice is once (A3).
 */
import type { ApartmentMessage, ApartmentMessageBody } from "../model/apartment-message.ts";
import type { HostRecord } from "../model/host.ts";
import { type HostId, LogicalId, VmId } from "../model/ids.ts";
import { IncidentId, type IncidentRecord } from "../model/incident.ts";
import { openIncident, tellIncident } from "./open-incident.ts";
import type { HostRow, Ports } from "./ports.ts";

export type TellDeps = Pick<
  Ports,
  "hosts" | "placement" | "apartmentQueue" | "incidents" | "bus" | "clock" | "telemetry"
>;

/** Tells what is untold; nothing, where nothing is. */
export async function tellVms(deps: TellDeps, { host, heartbeat }: HostRow): Promise<void> {
  const { id: hostId, untold, bootOrdinal } = host;
  const message = messageOf(host, heartbeat?.lastReportAt ?? 0);
  if (untold === undefined || message === undefined) return;
  const vmIds = await vmsOf(deps, hostId);
  await deps.apartmentQueue.send(vmIds.map((to) => ({ to, message })));
  deps.telemetry.count(untold === "lost" ? "vmsLost" : "vmsFenced", vmIds.length);
  if (host.fence?.scope === "all") await resolveDown(deps, hostId);
  else await openIncident(deps, downIncident(hostId, deps.clock.now()));
  const marked = await deps.hosts.markTold({ hostId, bootOrdinal, untold });
  // Heard again meanwhile, and whoever heard it found nothing to resolve yet.
  if (marked === "superseded" && untold === "lost") await resolveDown(deps, hostId);
}

/** The host is heard again, or known to be off: nothing is open about its silence. */
export async function resolveDown(
  deps: Pick<Ports, "incidents" | "bus" | "clock">,
  hostId: HostId,
): Promise<void> {
  const now = deps.clock.now();
  const incident = downIncident(hostId, now);
  if ((await deps.incidents.resolve(incident.id, now)) === "resolved")
    await tellIncident(deps, { ...incident, resolvedAt: now }, "resolved");
}

/** Those that hold room there, and those that it said it had, room or not. */
async function vmsOf(deps: TellDeps, hostId: HostId): Promise<readonly VmId[]> {
  const [holders, inventory] = await Promise.all([
    deps.placement.holders(hostId),
    deps.hosts.readInventory(hostId),
  ]);
  const listed = Object.keys(inventory?.vms ?? {}).map((id) => VmId.parse(id));
  return [...new Set([...holders, ...listed])];
}

function messageOf(
  { id: hostId, untold, bootOrdinal, fence }: HostRecord,
  lastReportAt: number,
): ApartmentMessage | undefined {
  const named = (name: string, body: ApartmentMessageBody): ApartmentMessage => ({
    v: 1,
    logicalId: LogicalId.parse(name),
    body,
  });
  if (untold === "lost")
    return named(`lost:${hostId}:${bootOrdinal}:${lastReportAt}`, {
      ...{ kind: "host-lost", hostId, bootOrdinal, lastReportAt },
    });
  if (untold === "fenced" && fence !== undefined)
    return named(`fenced:${hostId}:${fence.bootOrdinal}`, {
      ...{ kind: "host-fenced", hostId, ...fence },
    });
  return undefined;
}

function downIncident(hostId: HostId, openedAt: number): IncidentRecord {
  return {
    id: IncidentId.parse(`host_down.${hostId}`),
    kind: "host_down",
    hostId,
    openedAt,
    detail: `${hostId} is Down: nothing was heard of it`,
  };
}
