/** Hosts that fell silent are Disconnected, then Down, so that nothing more is placed on them. */
import type { Heartbeat, HostState } from "../model/host.ts";
import type { Settings } from "../model/settings.ts";
import type { HostRow, Ports } from "./ports.ts";

/** Hosts read at once. */
const PAGE_HOSTS = 100;

export async function markSilentHosts(
  deps: Pick<Ports, "hosts" | "bus" | "clock"> & { readonly settings: Settings },
): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await deps.hosts.list({ limit: PAGE_HOSTS, cursor });
    if (!page.ok) throw new Error("the cursor that the host list gave is not taken");
    for (const row of page.items) await markIfSilent(deps, row);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

async function markIfSilent(
  deps: Pick<Ports, "hosts" | "bus" | "clock"> & { readonly settings: Settings },
  { host, heartbeat }: HostRow,
): Promise<void> {
  const now = deps.clock.now();
  const silence = silenceOf(host.state, heartbeat, { now, settings: deps.settings });
  if (silence === undefined) return;
  if ((await deps.hosts.markSilent({ hostId: host.id, ...silence })) === "heard_since") return;
  await deps.bus.put([
    {
      family: "host.state",
      topic: `host.state.${host.id}`,
      id: `${host.id}.${silence.lastReportAt}.${silence.state}`,
      at: now,
      detail: { hostId: host.id, from: host.state, to: silence.state },
    },
  ]);
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
