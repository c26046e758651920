/** A person says that an incident is dealt with. */
import type { Incident } from "../model/incident.ts";
import type { Answer } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import { type ChangeDeps, changeInline } from "./change-vm.ts";
import { incidentView } from "./incident-view.ts";
import { tellIncident } from "./open-incident.ts";
import { seenIncident } from "./read-incidents.ts";

/**
 * Resolving what is resolved answers it as it is. One that a VM's record keeps open is resolved by a turn of that VM (A5),
 * which then lets happen what it held back.
 */
export async function resolveIncident(
  deps: ChangeDeps,
  query: { readonly caller: Caller; readonly id: string },
): Promise<Answer<Incident>> {
  const seen = await seenIncident(deps, query);
  if (!seen.ok) return seen;
  const incident = seen.value;
  if (incident.resolvedAt !== undefined) return { ok: true, value: incidentView(incident) };
  if (incident.vmId !== undefined) {
    await changeInline(deps, incident.vmId, { kind: "incident-resolved", incidentId: incident.id });
    const after = await deps.incidents.read(incident.id);
    if (after?.resolvedAt !== undefined) return { ok: true, value: incidentView(after) };
  }
  const resolved = { ...incident, resolvedAt: deps.clock.now() };
  if ((await deps.incidents.resolve(incident.id, resolved.resolvedAt)) === "resolved")
    await tellIncident(deps, resolved, "resolved");
  return { ok: true, value: incidentView(resolved) };
}
