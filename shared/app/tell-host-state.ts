/** Tells the topic of a host that its state changed. */
import type { FenceScope, HostState } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import type { Ports } from "./ports.ts";

/** `id` is the same whenever the same change is told. */
export async function tellHostState(
  deps: Pick<Ports, "bus" | "clock">,
  change: {
    readonly hostId: HostId;
    readonly id: string;
    readonly from: HostState | null;
    readonly to: HostState;
    /** It was fenced by that. */
    readonly fence?: FenceScope;
  },
): Promise<void> {
  const { id, ...detail } = change;
  await deps.bus.put([
    {
      family: "host.state",
      topic: `host.state.${change.hostId}`,
      id,
      at: deps.clock.now(),
      detail,
    },
  ]);
}
