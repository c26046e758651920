/**
 * Powers off this host's HA VMs while its lease is out, so that they can run elsewhere.
 *
 *  1. It begins no later than the lease ends, and goes on until every HA VM is off or the lease is back: a VM that comes
 *     on meanwhile goes off again, and one whose power-off hangs holds up no other's.
 *  2. A VM that cannot be seen may be on: a failed listing means "power off all of them", never "nothing to do".
 */
import type { VmId } from "../shared/model/ids.ts";
import type { CommandLog } from "./command-log.ts";
import type { Done, Failure, Hypervisor } from "./hypervisor/hypervisor.ts";
import type { Lease } from "./lease.ts";
import type { Noter } from "./note.ts";
import { type AgentTime, pause } from "./time.ts";

/** How often the lease is looked at when much of it is left, and the VMs when none is. */
const LOOK_MS = 1000;

export type SelfFenceDeps = {
  readonly time: AgentTime;
  readonly lease: Lease;
  readonly log: CommandLog;
  readonly hypervisor: Hypervisor;
  readonly note: Noter;
  /** Something that must not happen did; the agent stops. */
  readonly broken: (error: unknown) => void;
  readonly signal: AbortSignal;
};

/** Runs until the signal. */
export async function selfFence(deps: SelfFenceDeps): Promise<void> {
  const { time, lease, signal } = deps;
  const underWay = new Set<VmId>();
  let fencing = false;
  while (!signal.aborted) {
    const remainingMs = lease.remainingMs();
    if (remainingMs === 0) {
      if (!fencing) deps.note({ level: "error", message: "lease ran out: powering off HA VMs" });
      await powerOffHaVms(deps, underWay); // 1
    }
    fencing = remainingMs === 0;
    const delayMs = fencing ? LOOK_MS : Math.min(remainingMs ?? LOOK_MS, LOOK_MS);
    await pause(time, { delayMs, signal });
  }
}

/** Begins what has to be done and is not being done; waits for a look at most. */
async function powerOffHaVms(deps: SelfFenceDeps, underWay: Set<VmId>): Promise<void> {
  const { hypervisor, log, note } = deps;
  const haVms = [...log.haVms()];
  if (haVms.length === 0) return;
  const listing = await hypervisor.list();
  const held = listing.complete
    ? new Set(listing.vms.filter((vm) => vm.held).map((vm) => vm.vmId))
    : undefined;
  const isOff = (vmId: VmId) => held !== undefined && !held.has(vmId); // 2
  for (const vmId of haVms) {
    if (isOff(vmId) || underWay.has(vmId)) continue;
    underWay.add(vmId);
    const tell = (done: Done | Failure) => {
      underWay.delete(vmId);
      const outcome = done.ok ? "powered off" : `${done.code}: ${done.detail}`;
      note({ level: done.ok ? "warn" : "error", message: "fenced HA VM", vmId, outcome });
    };
    hypervisor.powerOff(vmId).then(tell, deps.broken);
  }
}
