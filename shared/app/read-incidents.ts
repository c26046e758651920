/** Reading incidents: an account sees those of its VMs, an admin all. */
import type { Incident } from "../model/incident.ts";
import type { Answer } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import { answerPage, type PageOf } from "./answer-page.ts";
import { incidentView } from "./incident-view.ts";
import type { IncidentFilter, PageRequest, Ports } from "./ports.ts";

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
