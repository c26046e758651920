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
import type { AgentTime } from "../time.ts";
import {
  ALREADY_RUNNING,
  type Done,
  type Failure,
  type HostCapacity,
  type Hypervisor,
  type HypervisorEvent,
  NOT_FOUND,
  type PowerSeen,
  type StartRequest,
  UNREACHABLE,
} from "./hypervisor.ts";

/** As measured with real guests (`reference/hypervisor.md` §1, Timings), so that a local run feels like one. */
const START_MS = 450;
const SHUTDOWN_MS = 250;
const POWER_OFF_MS = 200;
const CRASH_MS = 5000;
const SLOW_FACTOR = 10;
/** Durations vary by this share either way. */
const JITTER = 0.2;
const CAPACITY: HostCapacity = { cpus: 64, memoryMiB: 262_144 };

export type SimulatedOptions = {
  readonly time: AgentTime;
  readonly random: () => number;
  readonly startMs?: number;
  readonly shutdownMs?: number;
  readonly powerOffMs?: number;
  readonly crashMs?: number;
  readonly capacity?: HostCapacity;
  /** VMs that are on from the beginning. */
  readonly running?: readonly { readonly vmId: VmId; readonly name: string }[];
};

type Guest = {
  readonly name: string;
  state: "off" | "crashed" | "starting" | "on" | "paused";
  /** Grows with each change of state: a timer of an earlier life finds that it is not meant. */
  life: number;
  /** A start under way, to be told that it was ended. */
  endStart?: ((ended: Failure) => void) | undefined;
};

/** What happens to a host and its guests without anybody asking. */
export interface BehindTheBack {
  readonly powerOn: (vmId: VmId, name: string) => void;
  readonly powerOff: (vmId: VmId) => void;
  readonly crash: (vmId: VmId) => void;
  readonly pause: (vmId: VmId) => void;
  readonly remove: (vmId: VmId) => void;
  /** Everything is off; nothing says so. */
  readonly hostPowerFailure: () => void;
  readonly setReachable: (reach: "reachable" | "unreachable") => void;
}

export type SimulatedHypervisor = Hypervisor & { readonly behindTheBack: BehindTheBack };

const SEEN: Readonly<Record<Guest["state"], PowerSeen>> = {
  off: { power: "off", detail: "shut off", held: false },
  crashed: { power: "crashed", detail: "shut off (crashed)", held: false },
  starting: { power: "unknown", detail: "paused (starting up)", held: true }, // S1
  on: { power: "on", detail: "running", held: true },
  paused: { power: "paused", detail: "paused (user)", held: true },
};

export function simulatedHypervisor(options: SimulatedOptions): SimulatedHypervisor {
  const { time, random, capacity = CAPACITY } = options;
  const host = guestHost(options);
  const { guests, change, emit } = host;
  let isReachable = true;
  host.setAudible(() => isReachable);
  const lasting = (ms: number) => ms * (1 - JITTER + 2 * JITTER * random());
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
        ? { complete: true, vms: [...guests].map(([vmId, guest]) => seenOf(vmId, guest)) }
        : { complete: false, reason: UNREACHABLE_FAILURE.detail },
    read: (vmId) =>
      asked(async () => {
        const guest = guests.get(vmId);
        return guest === undefined ? NOT_FOUND_FAILURE : { ok: true, ...SEEN[guest.state] };
      }),
    start: (request) => asked(() => host.start(request, lasting)),
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

type GuestHost = ReturnType<typeof guestHost>;

/** The guests and what changes them. */
function guestHost(options: SimulatedOptions) {
  const { time } = options;
  const guests = new Map<VmId, Guest>();
  const listeners = new Set<(event: HypervisorEvent) => void>();
  let isAudible = () => true;

  const emit = (event: HypervisorEvent) => {
    if (isAudible()) for (const listener of [...listeners]) listener(event);
  };
  const change = (vmId: VmId, guest: Guest, state: Guest["state"]) => {
    guest.state = state;
    guest.life += 1;
    guest.endStart?.({ ok: false, code: "simulated_ended", detail: "ended while starting" });
    emit({ kind: "vm", vmId });
    const { life } = guest;
    if (state === "on" && saysName(guest, "crashing"))
      time.after(
        options.crashMs ?? CRASH_MS,
        () => guest.life === life && change(vmId, guest, "crashed"),
      );
  };
  const start = (
    request: StartRequest,
    lasting: (ms: number) => number,
  ): Promise<Done | Failure> => {
    const { vmId, name } = request;
    const known = guests.get(vmId);
    if (known !== undefined && SEEN[known.state].held)
      return Promise.resolve({
        ok: false,
        code: ALREADY_RUNNING,
        detail: SEEN[known.state].detail,
      });
    const guest: Guest = { name, state: "off", life: (known?.life ?? 0) + 1 };
    guests.set(vmId, guest);
    change(vmId, guest, "starting");
    return new Promise((resolve) => {
      const cancel = time.after(lasting((options.startMs ?? START_MS) * slowness(guest)), () => {
        guest.endStart = undefined;
        const boots = !saysName(guest, "unbootable");
        change(vmId, guest, boots ? "on" : "off");
        resolve(boots ? { ok: true } : UNBOOTABLE_FAILURE);
      });
      guest.endStart = (ended) => {
        guest.endStart = undefined;
        cancel();
        resolve(ended);
      };
    });
  };
  for (const { vmId, name } of options.running ?? [])
    guests.set(vmId, { name, state: "on", life: 0 });

  return {
    guests,
    change,
    emit,
    start,
    setAudible: (audible: () => boolean) => {
      isAudible = audible;
    },
    subscribe: (listener: (event: HypervisorEvent) => void) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

function behindTheBack({ guests, change, emit }: GuestHost): Omit<BehindTheBack, "setReachable"> {
  const to = (state: Guest["state"]) => (vmId: VmId) => {
    const guest = guests.get(vmId);
    if (guest !== undefined) change(vmId, guest, state);
  };
  return {
    powerOn: (vmId, name) => {
      const guest = guests.get(vmId) ?? { name, state: "off", life: 0 };
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
    hostPowerFailure: () => {
      for (const guest of guests.values()) {
        guest.life += 1;
        guest.state = "off";
        guest.endStart?.({ ok: false, code: "simulated_ended", detail: "host power failure" });
      }
    },
  };
}

const NOT_FOUND_FAILURE: Failure = { ok: false, code: NOT_FOUND, detail: "no such VM here" };
const UNREACHABLE_FAILURE: Failure = { ok: false, code: UNREACHABLE, detail: "does not answer" };
const UNBOOTABLE_FAILURE: Failure = {
  ok: false,
  code: "simulated_unbootable",
  detail: "the name says that it cannot boot",
};

function seenOf(vmId: VmId, guest: Guest) {
  return { vmId, name: guest.name, ...SEEN[guest.state] };
}

function slowness(guest: Guest): number {
  return saysName(guest, "slow") ? SLOW_FACTOR : 1;
}

function saysName(guest: Guest, word: string): boolean {
  return guest.name.split(/[-_. ]/).includes(word);
}
