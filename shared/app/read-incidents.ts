/** Reading incidents: an account sees those of its VMs, an admin all. */
import type { Incident } from "../model/incident.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import { incidentView } from "./incident-view.ts";
import type { IncidentFilter, PageRequest, Ports } from "./ports.ts";
import type { PageOf } from "./read-vms.ts";

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
  if (!page.ok) return refuse("invalid_request", "the cursor is not of this list");
  const items = page.items.map(incidentView);
  return {
    ok: true,
    value: page.nextCursor === undefined ? { items } : { items, nextCursor: page.nextCursor },
  };
}
