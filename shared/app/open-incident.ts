/** Opens an incident that belongs to no apartment's record, and tells its topic; counts whatever is opened. */
import type { IncidentRecord } from "../model/incident.ts";
import type { Ports } from "./ports.ts";

/** Of a name that says what it is about, so that opening it twice is opening it once. Whether it is open now because of this. */
export async function openIncident(
  deps: Pick<Ports, "incidents" | "bus" | "telemetry">,
  incident: IncidentRecord,
): Promise<"opened" | "already_open"> {
  const outcome = await keepIncident(deps, incident);
  if (outcome === "opened") await tellIncident(deps, incident, "opened");
  return outcome;
}

/** Told by whoever else decided on it. */
export async function keepIncident(
  deps: Pick<Ports, "incidents" | "telemetry">,
  incident: IncidentRecord,
): Promise<"opened" | "already_open"> {
  const outcome = await deps.incidents.open(incident);
  if (outcome === "opened") deps.telemetry.count(`incidents.${incident.kind}`);
  return outcome;
}

/** One event of an incident's topic. */
export async function tellIncident(
  deps: Pick<Ports, "bus">,
  incident: IncidentRecord,
  change: "opened" | "resolved",
): Promise<void> {
  const { id, kind, account, vmId = null, hostId = null } = incident;
  const at = change === "opened" ? incident.openedAt : (incident.resolvedAt ?? incident.openedAt);
  await deps.bus.put([
    {
      family: "incident",
      topic: `incident.${kind}`,
      id: `${id}.${at}.${change}`,
      at,
      account,
      detail: { incidentId: id, vmId, hostId, change, detail: incident.detail },
    },
  ]);
}
