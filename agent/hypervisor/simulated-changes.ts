/** Snapshots, devices and size of simulated guests (`simulated.ts`). */
import type { VmId } from "../../shared/model/ids.ts";
import type { Device } from "../../shared/model/vm.ts";
import { renderDomainXml } from "./domain-xml.ts";
import {
  ALREADY_RUNNING,
  type Done,
  type Failure,
  type Hypervisor,
  NOT_FOUND,
  OUTCOME_UNKNOWN,
  SNAPSHOT_NOT_FOUND,
} from "./hypervisor.ts";
import { type Guest, type GuestHost, SEEN, saysName } from "./simulated-guests.ts";

/** As measured with real guests (`reference/hypervisor.md` §1, and `test/real/`). */
const SNAPSHOT_MS = 100;
const REVERT_MS = 400;
const DEVICE_MS = 60;

type Changes = Pick<
  Hypervisor,
  "snapshot" | "revert" | "deleteSnapshot" | "attach" | "detach" | "scale" | "undefine" | "describe"
>;

export const NOT_FOUND_FAILURE: Failure = { ok: false, code: NOT_FOUND, detail: "no such VM here" };
export const NOT_RUNNING_FAILURE: Failure = {
  ok: false,
  code: "simulated_not_running",
  detail: "",
};
const NOT_OFF_FAILURE: Failure = { ok: false, code: ALREADY_RUNNING, detail: "it is not off" };
const OK: Done = { ok: true };

export function simulatedChanges(host: GuestHost): Changes {
  const { guests, change, emit, after } = host;

  /** After that time, with the guest as it is then. */
  const onGuest = async (
    vmId: VmId,
    lastsMs: number,
    work: (guest: Guest) => Done | Failure,
  ): Promise<Done | Failure> => {
    await after(lastsMs);
    const guest = guests.get(vmId);
    return guest === undefined ? NOT_FOUND_FAILURE : work(guest);
  };
  const isSettled = ({ state }: Guest) => SEEN[state].power !== "unknown";

  return {
    snapshot: (vmId, name) =>
      onGuest(vmId, SNAPSHOT_MS, (guest) => {
        if (!isSettled(guest) || guest.moves) return BUSY_FAILURE;
        const state = guest.state === "crashed" ? "off" : guest.state;
        if (!guest.snapshots.has(name)) guest.snapshots.set(name, state);
        return OK;
      }),
    revert: (vmId, name) =>
      onGuest(vmId, REVERT_MS, (guest) => {
        const state = guest.snapshots.get(name);
        if (state === undefined)
          return { ok: false, code: SNAPSHOT_NOT_FOUND, detail: `no snapshot ${name}` };
        if (!isSettled(guest)) return BUSY_FAILURE;
        change(vmId, guest, state);
        return OK;
      }),
    deleteSnapshot: (vmId, name) =>
      onGuest(vmId, SNAPSHOT_MS, (guest) => {
        guest.snapshots.delete(name);
        return OK;
      }),
    attach: (vmId, device) =>
      onGuest(vmId, DEVICE_MS, (guest) => {
        if (!SEEN[guest.state].held) return NOT_RUNNING_FAILURE;
        if (!has(guest, device)) guest.devices = [...guest.devices, device];
        return OK;
      }),
    detach: async (vmId, device, signal) => {
      const asked = await onGuest(vmId, DEVICE_MS, (guest) => {
        if (!SEEN[guest.state].held) return NOT_RUNNING_FAILURE;
        if (saysName(guest, "stubborn")) return OK;
        guest.devices = guest.devices.filter((one) => !isSame(one, device));
        return OK;
      });
      const guest = guests.get(vmId);
      if (!asked.ok || guest === undefined || !has(guest, device)) return asked;
      await until(signal);
      return { ok: false, code: OUTCOME_UNKNOWN, detail: "the guest has not let go of it" };
    },
    scale: (vmId, size) =>
      onGuest(vmId, 0, (guest) => {
        if (SEEN[guest.state].held) return NOT_OFF_FAILURE;
        const { cpus = guest.spec.cpus, memoryMiB = guest.spec.memoryMiB } = size;
        guest.spec = { ...guest.spec, cpus, memoryMiB };
        return OK;
      }),
    undefine: (vmId) =>
      onGuest(vmId, 0, (guest) => {
        if (SEEN[guest.state].held) return NOT_OFF_FAILURE;
        guests.delete(vmId);
        emit({ kind: "vm", vmId });
        return OK;
      }),
    describe: async (vmId) => {
      const guest = guests.get(vmId);
      if (guest === undefined) return NOT_FOUND_FAILURE;
      const { name, spec } = guest;
      const domainXml = renderDomainXml({ vmId, name, spec, domainType: "qemu" });
      return { ok: true, description: { cpus: spec.cpus, memoryMiB: spec.memoryMiB, domainXml } };
    },
  };
}

const BUSY_FAILURE: Failure = { ok: false, code: "simulated_busy", detail: "it changes just now" };

function has(guest: Guest, device: Device): boolean {
  return guest.devices.some((one) => isSame(one, device));
}

function isSame(one: Device, other: Device): boolean {
  if (one.kind === "disk") return other.kind === "disk" && one.source === other.source;
  return other.kind === "network" && one.bridge === other.bridge;
}

function until(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}
