/** Tells the topic of a host that its state changed. */
import type { HostState } from "../model/host.ts";
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
  },
): Promise<void> {
  const { hostId, id, from, to } = change;
  await deps.bus.put([
    {
      family: "host.state",
      topic: `host.state.${hostId}`,
      id,
      at: deps.clock.now(),
      detail: { hostId, from, to },
    },
  ]);
}
