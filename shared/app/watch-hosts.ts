/**
 * What the sweeper looks for among the hosts, each minute.
 *
 *  1. A host that fell silent is Disconnected, then Down, so that nothing more is placed on it.
 *  2. The lease of a host that is Down is revoked when it has run out, margin included, if the agent's last report said that it
 *     fences itself: by a conditional write on the heartbeat, so that nothing can have renewed it meanwhile.
 *  3. What the apartments of a host's VMs were to be told, and whoever was to do it died, is told now.
 */
import type { Heartbeat, HostState } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import type { Settings } from "../model/settings.ts";
import { fence } from "./fence-host.ts";
import type { HostRow } from "./ports.ts";
import { tellHostState } from "./tell-host-state.ts";
import { type TellDeps, tellVms } from "./tell-vms.ts";

/** Hosts read at once: with one more, by which it is known that there are more, what one `BatchGetItem` takes. */
const PAGE_HOSTS = 99;

export type WatchDeps = TellDeps & { readonly settings: Settings };

export async function watchHosts(deps: WatchDeps): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await deps.hosts.heartbeats({ limit: PAGE_HOSTS, cursor });
    if (!page.ok) throw new Error("the cursor that the hosts' list gave is not taken");
    for (const heartbeat of page.items)
      if (isToBeLookedAt(heartbeat, deps)) await watchHost(deps, heartbeat.hostId);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

/** The list may lag: what it says is only a reason to look. Nothing is untold of a host that is neither silent nor fenced. */
function isToBeLookedAt(
  { lastReportAt, silent, fenced }: Heartbeat,
  { clock, settings }: Pick<WatchDeps, "clock" | "settings">,
): boolean {
  if (silent === true || fenced === true) return true;
  if (lastReportAt === undefined) return false;
  return clock.now() - lastReportAt >= settings.hostDisconnectedAfterSeconds * 1000;
}

async function watchHost(deps: WatchDeps, hostId: HostId): Promise<void> {
  const seen = await deps.hosts.read(hostId);
  if (seen === undefined) return;
  const at = { now: deps.clock.now(), settings: deps.settings };
  const silence = silenceOf(seen.host.state, seen.heartbeat, at);
  if (silence !== undefined) await noteSilence(deps, seen, silence); // 1
  const row = silence === undefined ? seen : await deps.hosts.read(hostId);
  if (row === undefined) return;
  if (isLeaseOver(row, at))
    await fence(deps, row, "ha"); // 2
  else await tellVms(deps, row); // 3
}

async function noteSilence(
  deps: WatchDeps,
  { host }: HostRow,
  silence: NonNullable<ReturnType<typeof silenceOf>>,
): Promise<void> {
  const { lastReportAt, state } = silence;
  if ((await deps.hosts.markSilent({ hostId: host.id, ...silence })) === "heard_since") return;
  await tellHostState(deps, {
    hostId: host.id,
    id: `${host.id}.${lastReportAt}.${state}`,
    from: host.state,
    to: state,
  });
}

/** What a host's silence makes of it; nothing, if that is what it is already. Both times are of the server's clocks. */
export function silenceOf(
  state: HostState,
  heartbeat: Heartbeat | undefined,
  at: { readonly now: number; readonly settings: Settings },
): { readonly lastReportAt: number; readonly state: "Disconnected" | "Down" } | undefined {
  const lastReportAt = heartbeat?.lastReportAt;
  if (lastReportAt === undefined) return undefined;
  const silentSeconds = (at.now - lastReportAt) / 1000;
  if (silentSeconds >= at.settings.hostDownAfterSeconds)
    return state === "Up" || state === "Disconnected" ? { lastReportAt, state: "Down" } : undefined;
  if (silentSeconds >= at.settings.hostDisconnectedAfterSeconds)
    return state === "Up" ? { lastReportAt, state: "Disconnected" } : undefined;
  return undefined;
}

/**
 * Whether the HA VMs of a host are off by now, whatever has become of it. Its agent counts the lease from before it sent the
 * report that renewed it, this counts from after it came: so the agent's runs out earlier, and the margin is for the power-offs.
 */
export function isLeaseOver(
  { host, heartbeat }: HostRow,
  at: { readonly now: number; readonly settings: Settings },
): boolean {
  if (!at.settings.selfFence || host.state !== "Down" || host.fence !== undefined) return false;
  if (heartbeat?.selfFence !== true || heartbeat.leaseUntil === undefined) return false;
  return at.now >= heartbeat.leaseUntil + at.settings.leaseMarginSeconds * 1000;
}
