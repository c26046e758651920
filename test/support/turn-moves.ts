/** What may happen to an apartment in a `TurnWorld`, as fast-check draws it, and a world that it has happened to. */
import fc from "fast-check";
import { HostId } from "../../shared/model/ids.ts";
import type { JobRecord } from "../../shared/model/job.ts";
import type { VmState } from "../../shared/model/vm.ts";
import type { FoundPower } from "../../shared/work/true-state.ts";
import { aJob, aMessage, aRecord, hostId, jobIdOf, otherHostId, T0 } from "./a-record.ts";
import type { How, TurnHost } from "./turn-host.ts";
import type { HostPlan } from "./turn-tables.ts";
import { type Fate, TurnWorld } from "./turn-world.ts";

/** Workers at once: the one the group belongs to, one that lost it by time, one inline. */
const WORKERS_MAX = 3;
/** More than the record remembers of logical ids. */
const FLOOD_MESSAGES = 33;
/** Port calls of one batch and of what stands in its way. */
const CALLS_MAX = 2_000;
const HOSTS = [hostId, otherHostId, HostId.parse("host-c")] as const;

const FATES: readonly Fate[] = ["die_before", "die_after", "throw_before", "throw_after", "repeat"];
const HOWS: readonly How[] = ["refuse", "slow", "doubt", "doubt_done", "mute"];

const host = fc.nat(2);
const index = fc.nat(5);

/** What is submitted, by the type and the input of the job; how often beside the others. */
const SUBMITTED: readonly (readonly [number, Partial<JobRecord> & { readonly input: object }])[] = [
  [4, { type: "vm.start", input: {} }],
  ...HOSTS.map((hostId) => [1, { type: "vm.start", input: { hostId } }] as const),
  [2, { type: "vm.stop", input: {} }],
  [2, { type: "vm.stop", input: { forced: true } }],
  [2, { type: "vm.stop", input: { graceSeconds: 5, thenForce: true } }],
  [1, { type: "vm.stop", input: {}, cancelRequested: true }],
  [4, { type: "vm.migrate", input: {} }],
  ...HOSTS.map((hostId) => [1, { type: "vm.migrate", input: { hostId } }] as const),
  [1, { type: "vm.reboot", input: { forced: true } }],
  [2, { type: "vm.suspend", input: {} }],
  [2, { type: "vm.resume", input: {} }],
  [1, { type: "vm.snapshot", input: { name: "before" } }],
  [2, { type: "vm.revert", input: { snapshot: "before" } }],
  [1, { type: "vm.delete-snapshot", input: { snapshot: "before" } }],
  [1, { type: "vm.attach", input: { device: { kind: "network", bridge: "br0" } } }],
  [1, { type: "vm.detach", input: { device: { kind: "network", bridge: "br0" } } }],
  [1, { type: "vm.scale", input: { memoryMiB: 64 } }],
  [1, { type: "vm.destroy", input: {} }],
  [2, { type: "vm.recover", input: {} }],
  [1, { type: "vm.unheard-of", input: {} }],
];
const Submit = fc.oneof(
  ...SUBMITTED.map(([weight, job]) => ({ weight, arbitrary: fc.constant(job) })),
);

function move<K extends string, P extends object>(
  weight: number,
  kind: K,
  parts: { [N in keyof P]: fc.Arbitrary<P[N]> },
) {
  const arbitrary = fc.record(parts).map((drawn) => ({ kind, ...drawn }));
  return { weight, arbitrary };
}

/** One thing that the world may do next; which port call goes on, and how a worker dies there, is part of it. */
const Move = fc.oneof(
  move(8, "step", { index }),
  move(4, "fault", { index, fate: fc.constantFrom(...FATES) }),
  move(5, "deliver", { count: fc.integer({ min: 1, max: 10 }) }),
  /** A batch, to its end. */
  move(8, "turn", { count: fc.integer({ min: 1, max: 10 }) }),
  /** There and back: turns, what hosts are sent and say of it, and turns again. */
  move(12, "round", { how: fc.constantFrom("obey" as const, ...HOWS) }),
  move(1, "calm", {}),
  /** A worker sends again what the commit of so many versions ago stored. */
  move(2, "late", { versions: fc.nat(9) }),
  move(6, "tick", {}),
  move(8, "submit", { job: Submit }),
  move(1, "resubmit", { index: fc.nat(7) }),
  /** A cancel that may overtake the job's submit, which comes again in any case. */
  move(2, "cancel", { index: fc.nat(7), overtakes: fc.boolean() }),
  move(1, "rename", { n: fc.nat(99) }),
  move(1, "pause", { paused: fc.boolean() }),
  move(1, "poison", { n: fc.nat(9) }),
  /** So much is said that the record forgets what it applied; then a job is submitted again. */
  move(1, "flood", { host, index: fc.nat(7) }),
  move(8, "receive", { host, how: fc.constantFrom("obey" as const, ...HOWS) }),
  move(6, "tell", { host, index, agent: fc.constantFrom("heard_so" as const, "repeats" as const) }),
  move(1, "lose", { host, index }),
  move(3, "finish", { host, comesTrue: fc.boolean() }),
  move(2, "restart", { host, disk: fc.constantFrom("kept" as const, "lost" as const) }),
  move(2, "hush", { host, state: fc.constantFrom("Up", "Disconnected", "heard", "heard") }),
  move(2, "guest_off", { host }),
  move(4, "report", { host, missing: fc.boolean() }),
  move(3, "spoof", {
    host,
    index: fc.nat(3),
    said: fc.constantFrom(
      { status: "done" as const, power: "off" as const },
      { status: "done" as const, power: "on" as const },
      { status: "stale" as const },
      { status: "failed" as const, code: "libvirt_1" },
      { status: "failed" as const, code: "timeout" },
    ),
  }),
);
export type Move = typeof Move extends fc.Arbitrary<infer M> ? M : never;

/** Hosts with room for none, one or two VMs of this size; the VM's state, and whether it is on at the first. */
export type Plan = {
  readonly rooms: readonly number[];
  readonly begins: {
    readonly state: VmState;
    readonly on: boolean;
    readonly snapshot: FoundPower;
  };
};

export const Plan: fc.Arbitrary<Plan> = fc.record({
  rooms: fc.array(fc.constantFrom(0, 1, 1, 2), { minLength: 2, maxLength: 3 }),
  begins: fc.constantFrom<Plan["begins"]>(
    { state: "Stopped", on: false, snapshot: "on" },
    { state: "Running", on: true, snapshot: "off" },
    { state: "Running", on: true, snapshot: "on" },
    { state: "Unknown", on: true, snapshot: "paused" },
    { state: "Unknown", on: false, snapshot: "off" },
  ),
});

export function movesOf(longest: number): fc.Arbitrary<Move[]> {
  return fc.array(Move, { minLength: 40, maxLength: longest, size: "max" });
}

/** A world in the middle of it all. */
export async function play({ rooms, begins }: Plan, moves: readonly Move[]): Promise<Player> {
  const plans = HOSTS.slice(0, rooms.length).map((hostId, n): HostPlan => {
    const roomForVms = rooms[n] ?? 0;
    const holds = begins.state !== "Stopped" && n === 0;
    return {
      hostId,
      roomForVms: holds ? Math.max(1, roomForVms) : roomForVms,
      on: holds && begins.on,
      ...(n === 0 ? { snapshot: { name: "before", power: begins.snapshot } } : {}),
    };
  });
  const { state } = begins;
  const snapshots = [{ name: "before", hostId, takenAt: T0 }];
  const vm = state === "Stopped" ? { state, snapshots } : { state, snapshots, hostId };
  const player = new Player(new TurnWorld(aRecord({ vm }), plans));
  for (const each of moves) await player.make(each);
  return player;
}

export class Player {
  readonly world: TurnWorld;
  private jobs = 0;

  constructor(world: TurnWorld) {
    this.world = world;
  }

  /** Submits the next job. */
  submit(job: Partial<JobRecord>): JobRecord {
    this.jobs += 1;
    const submitted = aJob(this.jobs, job);
    this.world.submit(submitted);
    return submitted;
  }

  /** Everybody is there again, and everything comes to its end. */
  async recover(): Promise<void> {
    for (const each of this.world.hosts.values()) this.world.hush(each, "heard");
    await this.finish();
  }

  /** Everything comes to its end with the hosts as they are. */
  async finish(): Promise<void> {
    await this.world.drain();
    this.world.inline({ kind: "pause", paused: false });
    await this.world.drain();
  }

  async make(next: Move): Promise<void> {
    await this.world.settle();
    if ("host" in next) this.atHost(next);
    else await this.inApartment(next);
  }

  private async inApartment(next: Exclude<Move, { host: number }>): Promise<void> {
    const { world } = this;
    const free = world.workers.size < WORKERS_MAX;
    switch (next.kind) {
      case "step":
        return world.step(next.index, "pass");
      case "fault":
        return world.step(next.index, next.fate);
      case "deliver":
        return free ? world.deliver(next.count) : undefined;
      case "turn":
        if (free) world.deliver(next.count);
        await world.settle();
        return await this.steps();
      case "round":
        return await this.round(next.how);
      case "calm":
        return await world.calm();
      case "late": {
        const stored = world.history.at(-1 - next.versions);
        return free && stored !== undefined ? world.sendLate(stored) : undefined;
      }
      case "tick":
        return world.tick();
      case "submit":
        this.submit(next.job);
        return;
      case "resubmit":
        return this.resubmit(next.index);
      case "cancel":
        return this.cancel(next.index, next.overtakes);
      case "rename":
        return free ? world.inline({ kind: "patch", name: `web-${next.n}` }) : undefined;
      case "pause":
        return free ? world.inline({ kind: "pause", paused: next.paused }) : undefined;
      case "poison": {
        const { logicalId } = aMessage({ kind: "submit", jobId: jobIdOf(500 + next.n) });
        return world.sendRaw({ ok: false, logicalId, reason: "not JSON" });
      }
      default:
        next satisfies never;
    }
  }

  private atHost(next: Extract<Move, { host: number }>): void {
    const { world } = this;
    const all = [...world.hosts.values()];
    const busy = all.filter((each) => hasWhatIsWanted(next, each));
    const at = busy[next.host % Math.max(1, busy.length)];
    if (at === undefined) return;
    switch (next.kind) {
      case "hush":
        world.hush(at, next.state);
        return;
      case "guest_off":
        at.powerOff();
        return;
      case "flood":
        for (let n = 0; n < FLOOD_MESSAGES; n += 1) {
          at.report(false);
          world.tell(at, at.told.length - 1, "heard_so");
        }
        this.resubmit(next.index);
        return;
      case "receive":
        at.receive(next.how);
        return;
      case "tell":
        world.tell(at, next.index, next.agent);
        return;
      case "lose":
        at.told.splice(next.index, 1);
        return;
      case "finish":
        at.finish(next.comesTrue);
        return;
      case "restart":
        world.restart(at, next.disk);
        return;
      case "report":
        at.report(next.missing);
        return;
      case "spoof": {
        const sent = [...world.addressed.values()].filter(({ hostId }) => hostId !== at.hostId);
        const command = sent[Math.max(0, sent.length - 1 - next.index)];
        if (command !== undefined) world.send(aMessage(at.spoof(command, next.said)));
        return;
      }
      default:
        next satisfies never;
    }
  }

  /** Under the same logical id, as the sweeper and a client's retry do. */
  private resubmit(index: number): void {
    if (this.jobs === 0) return;
    this.world.send(aMessage({ kind: "submit", jobId: jobIdOf(1 + (index % this.jobs)) }));
  }

  /** One of the last jobs; or one whose submit is still to come. */
  private cancel(index: number, overtakes: boolean): void {
    const { world } = this;
    if (overtakes) {
      this.jobs += 1;
      const job = aJob(this.jobs, {});
      world.tables.jobs.put(job.id, job);
      world.cancel(job.id);
      world.send(aMessage({ kind: "submit", jobId: job.id }));
    } else if (this.jobs > 0) world.cancel(jobIdOf(Math.max(1, this.jobs - index)));
  }

  private async round(how: How): Promise<void> {
    const { world } = this;
    await this.steps();
    world.deliver(10);
    await world.settle();
    await this.steps();
    for (const at of world.hosts.values()) {
      if (at.silent) continue;
      at.receive(how);
      while (at.told.length > 0) world.tell(at, 0, "heard_so");
    }
    world.deliver(10);
    await world.settle();
    await this.steps();
  }

  /** Workers go on until none has anything to wait for. */
  private async steps(): Promise<void> {
    for (let calls = 0; calls < CALLS_MAX && this.world.waiting.length > 0; calls += 1) {
      this.world.step(0, "pass");
      await this.world.settle();
    }
  }
}

/** A host where the move does something. */
function hasWhatIsWanted({ kind }: Extract<Move, { host: number }>, at: TurnHost): boolean {
  switch (kind) {
    case "receive":
      return !at.silent && at.inbox.length > 0;
    case "tell":
    case "lose":
      return !at.silent && at.told.length > 0;
    case "finish":
      return !at.silent && at.pending.length > 0;
    case "guest_off":
      return at.on;
    case "hush":
      return true;
    default:
      return !at.silent;
  }
}
