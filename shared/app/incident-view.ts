/** An incident's record as the HTTP API shows it. */
import type { Incident, IncidentRecord } from "../model/incident.ts";
import { isoTime, isoTimeIf } from "./iso-time.ts";

export function incidentView(incident: IncidentRecord): Incident {
  const { id, kind, vmId, hostId, openedAt, resolvedAt, detail } = incident;
  return {
    ...{ id, kind, vmId, hostId, detail },
    openedAt: isoTime(openedAt),
    resolvedAt: isoTimeIf(resolvedAt),
  };
}
