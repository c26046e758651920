/**
 * A hypervisor in memory, for `--simulated`, `npm start -- --hosts N`, tests and the simulation. It outlives the agent
 * that uses it, as a real one does: give the same one to the next agent.
 *
 * Deterministic: what it does follows from what it is asked, when, and from `time` and `random` alone.
 *
 * How a guest behaves follows from words in its VM's name, separated by `-`, `_`, `.` or spaces:
 *   `stubborn`    ignores shutdown and reboot, and lets go of no device
 *   `slow`        takes ten times as long to start, to shut down, to restart and to be moved
 *   `unbootable`  its start fails (`simulated_unbootable`)
 *   `crashing`    crashes `crashMs` after it started
 * A name with none of these obeys.
 *
 *  S1 A VM that is starting is `unknown` ("starting up") and held, as under libvirt; a power-off ends the start.
 *  S2 `isReachable: false` is a hung or dead daemon: looks fail, guests run on, events are lost, migrations end.
 *  S3 A host without power has no guest on and answers nobody: no migration reaches it.
 */
import type { VmId } from "../../shared/model/ids.ts";
import { type BehindTheBack, behindTheBack } from "./behind-the-back.ts";
import {
  type Done,
  type Failure,
  type HostCapacity,
  type Hypervisor,
  UNREACHABLE,
} from "./hypervisor.ts";
import { NOT_FOUND_FAILURE, NOT_RUNNING_FAILURE, simulatedChanges } from "./simulated-changes.ts";
import {
  type Guest,
  type GuestHost,
  type GuestOptions,
  guestHost,
  SEEN,
  saysName,
  slowness,
} from "./simulated-guests.ts";
import { dropMigrations, migrateGuest, type SimulatedNetwork } from "./simulated-migration.ts";

/** As measured with real guests (`reference/hypervisor.md` §1, Timings), so that a local run feels like one. */
const SHUTDOWN_MS = 250;
const POWER_OFF_MS = 200;
const PAUSE_MS = 30;
const CAPACITY: HostCapacity = { cpus: 64, memoryMiB: 262_144 };

export type SimulatedOptions = GuestOptions & {
  readonly shutdownMs?: number;
  readonly powerOffMs?: number;
  readonly capacity?: HostCapacity;
  /** With both, guests move to and from the others of that network. */
  readonly network?: SimulatedNetwork;
  readonly migrationUri?: string;
};

export type SimulatedHypervisor = Hypervisor & {
  readonly behindTheBack: BehindTheBack & {
    readonly setReachable: (reach: "reachable" | "unreachable") => void;
  };
};

export function simulatedHypervisor(options: SimulatedOptions): SimulatedHypervisor {
  const { capacity = CAPACITY, network, migrationUri } = options;
  const host = guestHost(options);
  const { guests, emit } = host;
  let isReachable = true;
  const answers = () => isReachable && host.power.isOn; // S3
  host.setAudible(() => isReachable);
  if (migrationUri !== undefined) network?.join(migrationUri, { host, isReachable: answers });
  const asked = <T>(answer: () => Promise<T>): Promise<T | Failure> =>
    answers() ? answer() : Promise.resolve(UNREACHABLE_FAILURE);
  const changes = simulatedChanges(host);

  return {
    list: async () =>
      answers()
        ? {
            complete: true,
            vms: [...guests].map(([vmId, { name, state }]) => ({ vmId, name, ...SEEN[state] })),
          }
        : { complete: false, reason: UNREACHABLE_FAILURE.detail },
    read: (vmId) =>
      asked(async () => {
        const guest = guests.get(vmId);
        return guest === undefined ? NOT_FOUND_FAILURE : { ok: true, ...SEEN[guest.state] };
      }),
    start: (request) => asked(() => host.start(request)),
    requestShutdown: (vmId) => asked(() => shutdown(host, vmId, options.shutdownMs)),
    powerOff: (vmId) => asked(() => powerOff(host, vmId, options.powerOffMs)),
    requestReboot: (vmId) => asked(() => reboot(host, vmId, options.shutdownMs)),
    reset: (vmId) => asked(() => reset(host, vmId)),
    suspend: (vmId) => asked(() => pause(host, vmId, { from: "on", to: "paused" })),
    resume: (vmId) => asked(() => pause(host, vmId, { from: "paused", to: "on" })),
    migrate: (request) => asked(() => migrateGuest(host, network, request)),
    isAtWork: async (vmId) => {
      if (!answers()) return "cannot_tell";
      return guests.get(vmId)?.moves === true ? "yes" : "no";
    },
    undefine: (vmId) => asked(() => changes.undefine(vmId)),
    snapshot: (vmId, name) => asked(() => changes.snapshot(vmId, name)),
    revert: (vmId, name) => asked(() => changes.revert(vmId, name)),
    deleteSnapshot: (vmId, name) => asked(() => changes.deleteSnapshot(vmId, name)),
    attach: (vmId, device) => asked(() => changes.attach(vmId, device)),
    detach: (vmId, device, signal) => asked(() => changes.detach(vmId, device, signal)),
    scale: (vmId, size) => asked(() => changes.scale(vmId, size)),
    describe: (vmId) => asked(() => changes.describe(vmId)),
    migrationUri: network === undefined ? undefined : migrationUri,
    capacity: async () => (answers() ? capacity : undefined),
    subscribe: host.subscribe,
    close: async () => {},
    behindTheBack: {
      ...behindTheBack(host, network),
      setReachable: (reach) => {
        if (isReachable === (reach === "reachable")) return;
        isReachable = true;
        emit(reach === "reachable" ? { kind: "regained" } : { kind: "lost", reason: "simulated" });
        isReachable = reach === "reachable"; // S2
        if (!isReachable) dropMigrations(host);
      },
    },
  };
}

const UNREACHABLE_FAILURE: Failure = { ok: false, code: UNREACHABLE, detail: "does not answer" };

async function shutdown(
  host: GuestHost,
  vmId: VmId,
  shutdownMs = SHUTDOWN_MS,
): Promise<Done | Failure> {
  return await soon(host, vmId, shutdownMs, (guest) => host.change(vmId, guest, "off"));
}

async function reboot(
  host: GuestHost,
  vmId: VmId,
  rebootMs = SHUTDOWN_MS,
): Promise<Done | Failure> {
  return await soon(host, vmId, rebootMs, () => host.emit({ kind: "vm", vmId, rebooted: true }));
}

/** Asks the guest, which does it in its own time, or does not. */
async function soon(
  { guests, time, lasting }: GuestHost,
  vmId: VmId,
  lastsMs: number,
  obey: (guest: Guest) => void,
): Promise<Done | Failure> {
  const guest = guests.get(vmId);
  if (guest === undefined) return NOT_FOUND_FAILURE;
  if (guest.state !== "on") return NOT_RUNNING_FAILURE;
  if (saysName(guest, "stubborn")) return { ok: true };
  const { life } = guest;
  time.after(lasting(lastsMs * slowness(guest)), () => {
    if (guest.life === life) obey(guest);
  });
  return { ok: true };
}

async function powerOff(
  { guests, after, change }: GuestHost,
  vmId: VmId,
  powerOffMs = POWER_OFF_MS,
): Promise<Done | Failure> {
  await after(powerOffMs);
  const guest = guests.get(vmId);
  if (guest === undefined) return NOT_FOUND_FAILURE;
  if (SEEN[guest.state].held) change(vmId, guest, "off");
  return { ok: true };
}

async function reset({ guests, after, emit }: GuestHost, vmId: VmId): Promise<Done | Failure> {
  await after(PAUSE_MS);
  const guest = guests.get(vmId);
  if (guest === undefined) return NOT_FOUND_FAILURE;
  if (!SEEN[guest.state].held) return NOT_RUNNING_FAILURE;
  emit({ kind: "vm", vmId, rebooted: true });
  return { ok: true };
}

/** And back. One that is there already stays so. */
async function pause(
  { guests, after, change }: GuestHost,
  vmId: VmId,
  way: { readonly from: "on" | "paused"; readonly to: "on" | "paused" },
): Promise<Done | Failure> {
  await after(PAUSE_MS);
  const guest = guests.get(vmId);
  if (guest === undefined) return NOT_FOUND_FAILURE;
  if (guest.state === way.to) return { ok: true };
  if (guest.state !== way.from) return NOT_RUNNING_FAILURE;
  change(vmId, guest, way.to);
  return { ok: true };
}
