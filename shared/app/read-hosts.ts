/** Reading hosts: an admin's, as hosts belong to no account. */
import type { Host } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import { answerPage, type PageOf } from "./answer-page.ts";
import { hostView } from "./host-view.ts";
import type { PageRequest, Ports } from "./ports.ts";

/** Orphans counted for one answer; hosts with more between them have a problem that no count describes. */
const ORPHANS_MAX = 1000;

type ReadDeps = Pick<Ports, "hosts" | "incidents">;

export async function getHost(
  deps: ReadDeps,
  query: { readonly hostId: HostId },
): Promise<Answer<Host>> {
  const row = await deps.hosts.read(query.hostId);
  if (row === undefined) return refuse("host_not_found", `there is no host ${query.hostId}`);
  const orphans = await countOrphans(deps, query.hostId);
  return { ok: true, value: hostView(row, orphans.get(query.hostId) ?? 0) };
}

/** A page of hosts, by id. */
export async function listHosts(
  deps: ReadDeps,
  query: { readonly page: PageRequest },
): Promise<Answer<PageOf<Host>>> {
  const page = await deps.hosts.list(query.page);
  const orphans = await countOrphans(deps);
  return answerPage(page, (row) => hostView(row, orphans.get(row.host.id) ?? 0));
}

/** Open orphan incidents by host. */
async function countOrphans(
  deps: ReadDeps,
  hostId?: HostId,
): Promise<ReadonlyMap<HostId | undefined, number>> {
  const page = await deps.incidents.list(
    { kind: "orphan", state: "open", hostId },
    { limit: ORPHANS_MAX },
  );
  const counts = new Map<HostId | undefined, number>();
  for (const incident of page.ok ? page.items : [])
    counts.set(incident.hostId, (counts.get(incident.hostId) ?? 0) + 1);
  return counts;
}
