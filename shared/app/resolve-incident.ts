/** A person says that an incident is dealt with. */
import { type Incident, IncidentId } from "../model/incident.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import { maySee } from "./find-vm.ts";
import { incidentView } from "./incident-view.ts";
import { tellIncident } from "./open-incident.ts";
import type { Ports } from "./ports.ts";

/** Resolving what is resolved answers it as it is. What is not shaped like an id is no incident's. */
export async function resolveIncident(
  deps: Pick<Ports, "incidents" | "bus" | "clock">,
  query: { readonly caller: Caller; readonly id: string },
): Promise<Answer<Incident>> {
  const id = IncidentId.safeParse(query.id);
  const incident = id.success ? await deps.incidents.read(id.data) : undefined;
  if (incident === undefined || !maySee(query.caller, incident))
    return refuse("incident_not_found", `there is no incident ${query.id}`);
  if (incident.resolvedAt !== undefined) return { ok: true, value: incidentView(incident) };
  const resolved = { ...incident, resolvedAt: deps.clock.now() };
  if ((await deps.incidents.resolve(incident.id, resolved.resolvedAt)) === "resolved")
    await tellIncident(deps, resolved, "resolved");
  return { ok: true, value: incidentView(resolved) };
}
