/** The guests of a simulated host, and what happens to them without anybody asking (`simulated.ts`). */
import type { VmId } from "../../shared/model/ids.ts";
import type { AgentTime } from "../time.ts";
import {
  ALREADY_RUNNING,
  type Done,
  type Failure,
  type HypervisorEvent,
  type PowerSeen,
  type StartRequest,
} from "./hypervisor.ts";

/** As measured with real guests (`reference/hypervisor.md` §1, Timings). */
const START_MS = 450;
const CRASH_MS = 5000;
const SLOW_FACTOR = 10;
/** Durations vary by this share either way. */
const JITTER = 0.2;

export type GuestOptions = {
  readonly time: AgentTime;
  readonly random: () => number;
  readonly startMs?: number;
  readonly crashMs?: number;
  /** VMs that are on from the beginning. */
  readonly running?: readonly { readonly vmId: VmId; readonly name: string }[];
};

export type Guest = {
  readonly name: string;
  state: "off" | "crashed" | "starting" | "on" | "paused";
  /** Grows with each change of state: a timer of an earlier life finds that it is not meant. */
  life: number;
  /** A start under way, to be told that it was ended. */
  endStart?: ((ended: Failure) => void) | undefined;
};

export const SEEN: Readonly<Record<Guest["state"], PowerSeen>> = {
  off: { power: "off", detail: "shut off", held: false },
  crashed: { power: "crashed", detail: "shut off (crashed)", held: false },
  starting: { power: "unknown", detail: "paused (starting up)", held: true }, // S1
  on: { power: "on", detail: "running", held: true },
  paused: { power: "paused", detail: "paused (user)", held: true },
};

/** What happens to a host and its guests without anybody asking. */
export interface BehindTheBack {
  readonly powerOn: (vmId: VmId, name: string) => void;
  readonly powerOff: (vmId: VmId) => void;
  readonly crash: (vmId: VmId) => void;
  readonly pause: (vmId: VmId) => void;
  readonly remove: (vmId: VmId) => void;
  /** What is true of a VM, whoever can see it; nothing, if the host does not know it. */
  readonly seen: (vmId: VmId) => PowerSeen | undefined;
  /** Everything is off; nothing says so. */
  readonly hostPowerFailure: () => void;
}

export type GuestHost = ReturnType<typeof guestHost>;

/** The guests and what changes them. */
export function guestHost(options: GuestOptions) {
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
  const lasting = (ms: number) => ms * (1 - JITTER + 2 * JITTER * options.random());
  const start = (request: StartRequest): Promise<Done | Failure> => {
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
    lasting,
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

/** The means to it. */
export function behindTheBack({ guests, change, emit }: GuestHost): BehindTheBack {
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
    seen: (vmId) => {
      const guest = guests.get(vmId);
      return guest && SEEN[guest.state];
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

const UNBOOTABLE_FAILURE: Failure = {
  ok: false,
  code: "simulated_unbootable",
  detail: "the name says that it cannot boot",
};

export function slowness(guest: Guest): number {
  return saysName(guest, "slow") ? SLOW_FACTOR : 1;
}

export function saysName(guest: Guest, word: string): boolean {
  return guest.name.split(/[-_. ]/).includes(word);
}
