/**
 * VMs whose start may still come true although nobody waits for it: the agent died over it, or the connection did.
 *
 * A hypervisor that has taken such a call shows the VM within `AFTERMATH_MS` (libvirt: "starting up" before QEMU runs;
 * measured 20 to 1,200 ms). Until then a probe must say `busy`: "off" would let the control plane start it elsewhere. A
 * daemon that hung meanwhile begins late, so the time counts from when it was last found again.
 */
import type { VmId } from "../shared/model/ids.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import type { AgentTime } from "./time.ts";

/** Eight times the slowest first start measured. */
export const AFTERMATH_MS = 10_000;

export interface Aftermath {
  readonly begin: (vmId: VmId) => void;
  readonly isOver: (vmId: VmId) => boolean;
}

export function aftermath(deps: {
  readonly time: AgentTime;
  readonly hypervisor: Hypervisor;
}): Aftermath {
  const since = new Map<VmId, number>();
  deps.hypervisor.subscribe((event) => {
    if (event.kind !== "regained") return;
    for (const vmId of since.keys()) since.set(vmId, deps.time.monotonicNow());
  });
  return {
    begin: (vmId) => {
      since.set(vmId, deps.time.monotonicNow());
    },
    isOver: (vmId) => {
      const at = since.get(vmId);
      if (at === undefined) return true;
      if (deps.time.monotonicNow() - at < AFTERMATH_MS) return false;
      since.delete(vmId);
      return true;
    },
  };
}
