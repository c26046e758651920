/**
 * Powers off this host's HA VMs while its lease is out, so that they can run elsewhere.
 *
 *  1. It begins no later than the lease ends, and goes on until every HA VM is off or the lease is back: a VM that comes
 *     on meanwhile goes off again, and one whose power-off hangs holds up no other's.
 *  2. A VM that cannot be seen may be on: a failed listing means "power off all of them", never "nothing to do".
 */
import type { VmId } from "../shared/model/ids.ts";
import type { CommandLog } from "./command-log.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import type { Lease } from "./lease.ts";
import type { Noter } from "./note.ts";
import { type AgentTime, pause } from "./time.ts";

/** How often lease and VMs are looked at while it is out. */
const LOOK_MS = 1000;
/**
 * Power-offs under way at once: libvirtd works off twenty calls at a time, and looks must get through. 2,000 VMs take about
 * half a minute.
 */
const POWER_OFFS_MAX = 16;

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
  const { time, lease, log, hypervisor, signal } = deps;
  const powerOffs = fencePowerOffs(deps);
  while (!signal.aborted) {
    await lease.ended(signal);
    if (!lease.isHeld())
      deps.note({ level: "error", message: "lease ran out: powering off HA VMs" });
    while (!signal.aborted && !lease.isHeld()) {
      powerOffs.want(await stillHeld(hypervisor, log.haVms())); // 1
      await pause(time, { delayMs: LOOK_MS, signal });
    }
    powerOffs.want([]);
  }
}

async function stillHeld(
  hypervisor: Hypervisor,
  haVms: ReadonlySet<VmId>,
): Promise<readonly VmId[]> {
  if (haVms.size === 0) return [];
  const listing = await hypervisor.list();
  if (!listing.complete) return [...haVms]; // 2
  const held = new Set(listing.vms.filter((vm) => vm.held).map((vm) => vm.vmId));
  return [...haVms].filter((vmId) => held.has(vmId));
}

/** Powers off what is wanted and not being powered off, a few at a time; what was wanted before and did not begin is not. */
function fencePowerOffs({ hypervisor, note, broken }: SelfFenceDeps) {
  const underWay = new Set<VmId>();
  let waiting: VmId[] = [];
  const begin = () => {
    while (underWay.size < POWER_OFFS_MAX) {
      const vmId = waiting.shift();
      if (vmId === undefined) return;
      underWay.add(vmId);
      hypervisor.powerOff(vmId).then((done) => {
        underWay.delete(vmId);
        const outcome = done.ok ? "powered off" : `${done.code}: ${done.detail}`;
        note({ level: done.ok ? "warn" : "error", message: "fenced HA VM", vmId, outcome });
        begin();
      }, broken);
    }
  };
  return {
    want: (vmIds: readonly VmId[]) => {
      waiting = vmIds.filter((vmId) => !underWay.has(vmId));
      begin();
    },
  };
}
