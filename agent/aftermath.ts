/**
 * VMs that may still come on, here or elsewhere, although nobody waits for it: the agent died over a start or a migration,
 * or its connection did.
 *
 * A hypervisor that has taken such a call shows the VM within `AFTERMATH_MS` (libvirt: "starting up" before QEMU runs;
 * measured 20 to 1,200 ms), and says itself how long it moves one. Until then a probe must say `busy`: "off" would let the
 * control plane start it elsewhere. A daemon that hung meanwhile begins late, so the time counts from when it was last
 * found again.
 */
import type { VmId } from "../shared/model/ids.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import type { AgentTime } from "./time.ts";

/** Eight times the slowest first start measured. */
export const AFTERMATH_MS = 10_000;

export interface Aftermath {
  readonly begin: (vmId: VmId) => void;
  /** Asks the hypervisor only where something is left (`Hypervisor`, H3). */
  readonly isOver: (vmId: VmId) => Promise<boolean>;
}

export function aftermath(deps: {
  readonly time: AgentTime;
  readonly hypervisor: Hypervisor;
}): Aftermath {
  const { time, hypervisor } = deps;
  const since = new Map<VmId, number>();
  hypervisor.subscribe((event) => {
    if (event.kind !== "regained") return;
    for (const vmId of since.keys()) since.set(vmId, time.monotonicNow());
  });
  return {
    begin: (vmId) => {
      since.set(vmId, time.monotonicNow());
    },
    isOver: async (vmId) => {
      const at = since.get(vmId);
      if (at === undefined) return true;
      if (time.monotonicNow() - at < AFTERMATH_MS) return false;
      if ((await hypervisor.isAtWork(vmId)) !== "no") return false;
      if (since.get(vmId) === at) since.delete(vmId);
      return !since.has(vmId);
    },
  };
}
