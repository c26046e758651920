/**
 * Fencing a host: nothing runs there any more, or nothing that matters, and nothing that it says is taken until it has come back
 * (`open-session.ts`, `reconcile-host.ts`).
 */
import type { FenceScope, Host } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { HostRow, Ports } from "./ports.ts";
import { getHost } from "./read-hosts.ts";
import { tellHostState } from "./tell-host-state.ts";
import { type TellDeps, tellVms } from "./tell-vms.ts";

/** A host that is alive after all reports in between, but not this often. */
const ATTEMPTS_MAX = 8;

/** An operator or a fencing device vouches that the host is off. Said twice is said once, while it has not come back. */
export async function vouchFenced(
  deps: TellDeps & Pick<Ports, "incidents">,
  { hostId }: { readonly hostId: HostId },
): Promise<Answer<Host>> {
  for (let attempts = 1; attempts <= ATTEMPTS_MAX; attempts += 1) {
    const row = await deps.hosts.read(hostId);
    if (row === undefined) return refuse("host_not_found", `there is no host ${hostId}`);
    if (row.heartbeat === undefined)
      return refuse("host_not_up", `${hostId} has never joined: nothing runs there`);
    const isFenced = row.host.fence?.scope === "all" && row.host.bootId === undefined;
    if (isFenced) await tellVms(deps, row);
    if (isFenced || (await fence(deps, row, "all")) === "fenced") return getHost(deps, { hostId });
  }
  throw new Error(`host ${hostId} was heard ${ATTEMPTS_MAX} times while it was being fenced`);
}

/** Fences a host as it was read, and tells its VMs. */
export async function fence(
  deps: TellDeps,
  { host, heartbeat }: HostRow,
  scope: FenceScope,
): Promise<"fenced" | "changed"> {
  if (heartbeat === undefined) return "changed";
  const { id: hostId } = host;
  const now = deps.clock.now();
  const fenced = await deps.hosts.fence({ hostId, scope, read: heartbeat, now });
  if (fenced === "changed") return "changed";
  const bootOrdinal = heartbeat.bootOrdinal + 1;
  await tellHostState(deps, {
    hostId,
    id: `${hostId}.${bootOrdinal}.fenced`,
    from: host.state,
    to: scope === "all" ? "Fenced" : host.state,
    fence: scope,
  });
  const row = await deps.hosts.read(hostId);
  if (row !== undefined) await tellVms(deps, row);
  return "fenced";
}
