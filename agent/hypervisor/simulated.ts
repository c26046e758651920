/**
 * A hypervisor in memory, for `--simulated`, `npm start -- --hosts N`, tests and the simulation. It outlives the agent
 * that uses it, as a real one does: give the same one to the next agent.
 *
 * Deterministic: what it does follows from what it is asked, when, and from `time` and `random` alone.
 *
 * How a guest behaves follows from words in its VM's name, separated by `-`, `_`, `.` or spaces:
 *   `stubborn`    ignores shutdown
 *   `slow`        takes ten times as long to start and to shut down
 *   `unbootable`  its start fails (`simulated_unbootable`)
 *   `crashing`    crashes `crashMs` after it started
 * A name with none of these obeys.
 *
 *  S1 A VM that is starting is `unknown` ("starting up") and held, as under libvirt; a power-off ends the start.
 *  S2 `isReachable: false` is a hung or dead daemon: looks fail, guests run on, events are lost.
 */
import type { VmId } from "../../shared/model/ids.ts";
import {
  type Done,
  type Failure,
  type HostCapacity,
  type Hypervisor,
  NOT_FOUND,
  UNREACHABLE,
} from "./hypervisor.ts";
import {
  type BehindTheBack,
  behindTheBack,
  type GuestOptions,
  guestHost,
  SEEN,
  saysName,
  slowness,
} from "./simulated-guests.ts";

/** As measured with real guests (`reference/hypervisor.md` §1, Timings), so that a local run feels like one. */
const SHUTDOWN_MS = 250;
const POWER_OFF_MS = 200;
const CAPACITY: HostCapacity = { cpus: 64, memoryMiB: 262_144 };

export type SimulatedOptions = GuestOptions & {
  readonly shutdownMs?: number;
  readonly powerOffMs?: number;
  readonly capacity?: HostCapacity;
};

export type SimulatedHypervisor = Hypervisor & {
  readonly behindTheBack: BehindTheBack & {
    readonly setReachable: (reach: "reachable" | "unreachable") => void;
  };
};

export function simulatedHypervisor(options: SimulatedOptions): SimulatedHypervisor {
  const { time, capacity = CAPACITY } = options;
  const host = guestHost(options);
  const { guests, change, emit, lasting } = host;
  let isReachable = true;
  host.setAudible(() => isReachable);
  const asked = <T>(answer: () => Promise<T>): Promise<T | Failure> =>
    isReachable ? answer() : Promise.resolve(UNREACHABLE_FAILURE);
  const after = (delayMs: number) =>
    new Promise<void>((resolve) => time.after(lasting(delayMs), resolve));

  const shutdown = async (vmId: VmId): Promise<Done | Failure> => {
    const guest = guests.get(vmId);
    if (guest === undefined) return NOT_FOUND_FAILURE;
    if (guest.state !== "on") return { ok: false, code: "simulated_not_running", detail: "" };
    if (saysName(guest, "stubborn")) return { ok: true };
    const { life } = guest;
    const delayMs = lasting((options.shutdownMs ?? SHUTDOWN_MS) * slowness(guest));
    time.after(delayMs, () => guest.life === life && change(vmId, guest, "off"));
    return { ok: true };
  };

  const powerOff = async (vmId: VmId): Promise<Done | Failure> => {
    await after(options.powerOffMs ?? POWER_OFF_MS);
    const guest = guests.get(vmId);
    if (guest === undefined) return NOT_FOUND_FAILURE;
    if (SEEN[guest.state].held) change(vmId, guest, "off");
    return { ok: true };
  };

  return {
    list: async () =>
      isReachable
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
    requestShutdown: (vmId) => asked(() => shutdown(vmId)),
    powerOff: (vmId) => asked(() => powerOff(vmId)),
    capacity: async () => (isReachable ? capacity : undefined),
    subscribe: host.subscribe,
    close: async () => {},
    behindTheBack: {
      ...behindTheBack(host),
      setReachable: (reach) => {
        if (isReachable === (reach === "reachable")) return;
        isReachable = true;
        emit(reach === "reachable" ? { kind: "regained" } : { kind: "lost", reason: "simulated" });
        isReachable = reach === "reachable"; // S2
      },
    },
  };
}

const NOT_FOUND_FAILURE: Failure = { ok: false, code: NOT_FOUND, detail: "no such VM here" };
const UNREACHABLE_FAILURE: Failure = { ok: false, code: UNREACHABLE, detail: "does not answer" };
