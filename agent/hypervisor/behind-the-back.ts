/** What happens to a simulated host and its guests without the agent's doing: the means of tests and of the simulation. */
import type { VmId } from "../../shared/model/ids.ts";
import type { Done, Failure, PowerSeen } from "./hypervisor.ts";
import { aGuest, type Guest, type GuestHost, SEEN } from "./simulated-guests.ts";
import { migrateGuest, type SimulatedNetwork } from "./simulated-migration.ts";

export interface BehindTheBack {
  readonly powerOn: (vmId: VmId, name: string) => void;
  readonly powerOff: (vmId: VmId) => void;
  readonly crash: (vmId: VmId) => void;
  readonly pause: (vmId: VmId) => void;
  readonly remove: (vmId: VmId) => void;
  /** A live migration by hand, to the host of that `migrationUri`; resolves when it is over. */
  readonly migrate: (vmId: VmId, targetUri: string) => Promise<Done | Failure>;
  /** What is true of a VM, whoever can see it; nothing, if the host does not know it. */
  readonly seen: (vmId: VmId) => PowerSeen | undefined;
  /** Everything is off; nothing says so, and nobody reaches the host until its power returns. */
  readonly hostPowerFailure: () => void;
  readonly hostPowerReturns: () => void;
}

export function behindTheBack(
  host: GuestHost,
  network: SimulatedNetwork | undefined,
): BehindTheBack {
  const { guests, change, interrupt, emit } = host;
  const to = (state: Guest["state"]) => (vmId: VmId) => {
    const guest = guests.get(vmId);
    if (guest !== undefined) change(vmId, guest, state);
  };
  return {
    powerOn: (vmId, name) => {
      const guest = guests.get(vmId) ?? aGuest({ name, spec: { cpus: 1, memoryMiB: 512 } });
      guests.set(vmId, guest);
      change(vmId, guest, "on");
    },
    powerOff: to("off"),
    crash: to("crashed"),
    pause: to("paused"),
    remove: (vmId) => {
      to("off")(vmId);
      guests.delete(vmId);
      emit({ kind: "vm", vmId });
    },
    migrate: (vmId, targetUri) => {
      const signal = new AbortController().signal;
      return migrateGuest(host, network, { vmId, targetUri, signal });
    },
    seen: (vmId) => {
      const guest = guests.get(vmId);
      return guest && SEEN[guest.state];
    },
    hostPowerFailure: () => {
      host.power.isOn = false;
      for (const guest of [...guests.values()]) {
        guest.state = "off";
        guest.devices = [];
        interrupt(guest, "host power failure");
      }
    },
    hostPowerReturns: () => {
      host.power.isOn = true;
    },
  };
}
