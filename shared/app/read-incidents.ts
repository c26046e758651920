/** Reading incidents: an account sees those of its VMs, an admin all. */
import { type Incident, IncidentId, type IncidentRecord } from "../model/incident.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import { answerPage, type PageOf } from "./answer-page.ts";
import { maySee } from "./find-vm.ts";
import { incidentView } from "./incident-view.ts";
import type { IncidentFilter, PageRequest, Ports } from "./ports.ts";

/** What is not shaped like an id is no incident's; another account's is as unknown as one that never was. */
export async function seenIncident(
  deps: Pick<Ports, "incidents">,
  query: { readonly caller: Caller; readonly id: string },
): Promise<Answer<IncidentRecord>> {
  const id = IncidentId.safeParse(query.id);
  const incident = id.success ? await deps.incidents.read(id.data) : undefined;
  return incident === undefined || !maySee(query.caller, incident)
    ? refuse("incident_not_found", `there is no incident ${query.id}`)
    : { ok: true, value: incident };
}

/** One, as it is. */
export async function getIncident(
  deps: Pick<Ports, "incidents">,
  query: { readonly caller: Caller; readonly id: string },
): Promise<Answer<Incident>> {
  const seen = await seenIncident(deps, query);
  return seen.ok ? { ok: true, value: incidentView(seen.value) } : seen;
}

/** A page of incidents, newest first. */
export async function listIncidents(
  deps: Pick<Ports, "incidents">,
  query: {
    readonly caller: Caller;
    readonly filter: Omit<IncidentFilter, "account">;
    readonly page: PageRequest;
  },
): Promise<Answer<PageOf<Incident>>> {
  const account = query.caller.role === "admin" ? undefined : query.caller.account;
  const page = await deps.incidents.list({ ...query.filter, account }, query.page);
  return answerPage(page, incidentView);
}
