/** The guests of a simulated host, and what happens to them without anybody asking (`simulated.ts`). */
import type { VmId } from "../../shared/model/ids.ts";
import type { Device, VmSpec } from "../../shared/model/vm.ts";
import type { AgentTime } from "../time.ts";
import { devicesOf } from "./domain-xml.ts";
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
/** Of a guest that nobody told of. */
const SPEC: VmSpec = { cpus: 1, memoryMiB: 512 };

export type GuestOptions = {
  readonly time: AgentTime;
  readonly random: () => number;
  readonly startMs?: number;
  readonly crashMs?: number;
  /** VMs that are on from the beginning. */
  readonly running?: readonly {
    readonly vmId: VmId;
    readonly name: string;
    readonly spec?: VmSpec | undefined;
  }[];
};

type GuestState = "off" | "crashed" | "starting" | "incoming" | "on" | "paused" | "outgoing";

export type Guest = {
  readonly name: string;
  /** What the next start gives it. */
  spec: VmSpec;
  state: GuestState;
  /** Grows with each change of state: a timer of an earlier life finds that it is not meant. */
  life: number;
  /** What it has while it runs. */
  devices: readonly Device[];
  /** By name, with the state that a revert brings back. */
  readonly snapshots: Map<string, GuestState>;
  /** A start or a migration under way, to be told that it was ended. */
  interrupt?: ((ended: Failure) => void) | undefined;
  /** It is being moved away from here. */
  moves: boolean;
};

/** `incoming` and `outgoing`: both hosts of a migration have it, and neither can tell whose it is (`power-map.ts`, P2). */
export const SEEN: Readonly<Record<GuestState, PowerSeen>> = {
  off: { power: "off", detail: "shut off", held: false },
  crashed: { power: "crashed", detail: "shut off (crashed)", held: false },
  starting: { power: "unknown", detail: "paused (starting up)", held: true }, // S1
  incoming: { power: "unknown", detail: "paused (migrating)", held: true },
  on: { power: "on", detail: "running", held: true },
  paused: { power: "paused", detail: "paused (user)", held: true },
  outgoing: { power: "unknown", detail: "paused (migrating)", held: true },
};

export function aGuest(
  made: Pick<Guest, "name" | "spec"> & Partial<Pick<Guest, "state" | "life" | "snapshots">>,
): Guest {
  return { state: "off", life: 0, snapshots: new Map(), devices: [], moves: false, ...made };
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
  /** Ends what is under way with it, and whatever it was going to do. */
  const interrupt = (guest: Guest, detail: string) => {
    guest.life += 1;
    const told = guest.interrupt;
    guest.interrupt = undefined;
    guest.moves = false;
    told?.({ ok: false, code: "simulated_ended", detail });
  };
  const change = (vmId: VmId, guest: Guest, state: GuestState) => {
    guest.state = state;
    if (!SEEN[state].held) guest.devices = [];
    interrupt(guest, "it changed meanwhile");
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
    const { vmId, name, spec } = request;
    const known = guests.get(vmId);
    if (known !== undefined && SEEN[known.state].held)
      return Promise.resolve({
        ok: false,
        code: ALREADY_RUNNING,
        detail: SEEN[known.state].detail,
      });
    const { snapshots = new Map() } = known ?? {};
    const guest = aGuest({ name, spec, snapshots, life: (known?.life ?? 0) + 1 });
    guests.set(vmId, guest);
    change(vmId, guest, "starting");
    guest.devices = devicesOf(spec);
    return new Promise((resolve) => {
      const cancel = time.after(lasting((options.startMs ?? START_MS) * slowness(guest)), () => {
        guest.interrupt = undefined;
        const boots = !saysName(guest, "unbootable");
        change(vmId, guest, boots ? "on" : "off");
        resolve(boots ? { ok: true } : UNBOOTABLE_FAILURE);
      });
      guest.interrupt = (ended) => {
        cancel();
        resolve(ended);
      };
    });
  };
  for (const { vmId, name, spec = SPEC } of options.running ?? [])
    guests.set(vmId, { ...aGuest({ name, spec, state: "on" }), devices: devicesOf(spec) });

  return {
    time,
    guests,
    change,
    interrupt,
    emit,
    lasting,
    /** Resolves when about that time is over. */
    after: (delayMs: number) => new Promise<void>((done) => time.after(lasting(delayMs), done)),
    start,
    power: { isOn: true },
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
