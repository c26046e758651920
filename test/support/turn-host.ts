/**
 * A host for `TurnWorld`: its agent and hypervisor, as far as one VM's commands, results and reports go, with the truth
 * beside it that no agent ever says. The driver decides when it receives, how each command goes, and when what it says
 * arrives. What it may do is what contract.md allows an agent:
 *
 *  H1 each command acts at most once by its id; one that comes again is answered as before.
 *  H2 an epoch below the highest received, or another boot, is `stale` and does nothing.
 *  H3 a start, a revert or a migration that timed out or whose outcome is unknown may still come true; until that is over,
 *     probes say `busy`.
 *  H4 a restarted agent has another boot; what it had begun is `outcome_unknown`. One that lost its disk knows nothing.
 */
import type { ApartmentMessageBody, ResultBody } from "../../shared/model/apartment-message.ts";
import type { Command } from "../../shared/model/command.ts";
import { BootId, type CommandId, type HostId } from "../../shared/model/ids.ts";
import { type Deed, TurnGuest } from "./turn-guest.ts";
import type { HostPlan } from "./turn-tables.ts";

/** How a command goes. `mute`: begun, and nothing is heard of it. */
export type How = "obey" | "refuse" | "slow" | "doubt" | "doubt_done" | "mute";

type Ended = Pick<ResultBody, "status" | "code" | "power" | "busy">;
type Said = Extract<ApartmentMessageBody, { kind: "result" | "observed" }>;

export class TurnHost {
  readonly hostId: HostId;
  bootOrdinal = 1;
  /** The truth. */
  readonly guest: TurnGuest;
  /** Receives nothing and says nothing. */
  silent = false;
  /** Commands in its queue, in their order. */
  inbox: Command[] = [];
  /** Said, and not arrived yet. */
  told: Said[] = [];
  /** What may still come true. */
  pending: Command[] = [];
  private seq = 0;
  private highestEpoch = 0;
  private waiting: Command[] = [];
  /** Lost its disk: it does not know what may still come true, but whoever looks at the hypervisor sees what came. */
  private forgot = false;
  private readonly received = new Set<CommandId>();
  /** What came of each command; the command itself while nothing has. */
  private readonly log = new Map<CommandId, ResultBody | Command>();
  private readonly now: () => number;

  constructor(
    hostId: HostId,
    world: {
      readonly on: boolean;
      readonly snapshot?: HostPlan["snapshot"];
      readonly now: () => number;
      /** Called before the VM comes on here. */
      readonly aboutToTurnOn: () => void;
      readonly guestAt: (hostId: HostId) => TurnGuest | undefined;
    },
  ) {
    this.hostId = hostId;
    this.guest = new TurnGuest(world.on ? "on" : "off", world);
    const { snapshot } = world;
    if (snapshot !== undefined) this.guest.snapshots.set(snapshot.name, snapshot.power);
    this.now = world.now;
  }

  get on(): boolean {
    return this.guest.on;
  }

  get bootId(): BootId {
    return BootId.parse(`boot-${this.bootOrdinal.toString().padStart(4, "0")}`);
  }

  /** The next command of its queue. */
  receive(how: How): void {
    const command = this.inbox.shift();
    if (command === undefined) return;
    const { commandId, epoch, bootId } = command;
    const seen = this.log.get(commandId);
    if (seen !== undefined) {
      if ("kind" in seen) this.told.push(seen); // H1
      return;
    }
    const stale = epoch < this.highestEpoch || bootId !== this.bootId; // H2
    this.received.add(commandId);
    this.highestEpoch = Math.max(this.highestEpoch, epoch);
    this.guest.hear(epoch);
    this.log.set(commandId, command);
    if (stale) this.end(command, { status: "stale" });
    else {
      for (const waits of this.waiting.splice(0))
        this.end(waits, { status: "failed", code: "outcome_unknown" });
      const ended = this.act(command, how);
      if (ended !== undefined) this.end(command, ended);
    }
  }

  /** The oldest thing that may still come true does, or never will. */
  finish(comesTrue: boolean): void {
    const command = this.pending.shift();
    if (command === undefined) return;
    if (comesTrue) this.guest.deedOf(command).apply();
    if (this.log.get(command.commandId) !== command) return; // it was answered before
    if (comesTrue) this.end(command, { status: "done", power: this.guest.power });
    else this.end(command, { status: "failed", code: "libvirt_1", power: this.guest.power });
  }

  /** The guest turns itself off. */
  powerOff(): void {
    this.guest.become("off");
  }

  /** A report says what is true, under the epoch that its agent knows. */
  report(missing: boolean): void {
    this.seq += 1;
    const { hostId, bootOrdinal, seq } = this;
    const power = missing && !this.on ? "missing" : this.guest.power;
    const epoch = this.highestEpoch > 0 && power !== "missing" ? { epoch: this.highestEpoch } : {};
    const receivedAt = this.now();
    this.told.push({ kind: "observed", hostId, bootOrdinal, seq, power, receivedAt, ...epoch });
  }

  /** H4 */
  restart(disk: "kept" | "lost"): void {
    this.bootOrdinal += 1;
    this.seq = 0;
    this.waiting = [];
    const untold = this.told.filter((said) => said.kind === "result");
    this.told = this.told.filter((said) => said.kind === "observed");
    if (disk === "lost") {
      this.log.clear();
      this.highestEpoch = 0;
      this.forgot = true;
      return;
    }
    for (const { power: _, ...said } of untold) {
      this.seq += 1;
      this.told.push({ ...said, bootOrdinal: this.bootOrdinal, seq: this.seq });
    }
    for (const entry of this.log.values())
      if (!("kind" in entry)) this.end(entry, { status: "failed", code: "outcome_unknown" });
  }

  /** Another host's command, answered by this one: the server lets it speak only as itself. */
  spoof(command: Pick<Command, "commandId" | "epoch">, said: Ended): ResultBody {
    this.seq += 1;
    return this.resultOf(command, said);
  }

  /** Whether a command that was addressed to this host can have no effect any more. */
  isOver({ commandId, epoch, bootId }: Pick<Command, "commandId" | "epoch" | "bootId">): boolean {
    if ([...this.pending, ...this.waiting].some((each) => each.commandId === commandId))
      return false;
    return (
      this.received.has(commandId) || epoch < this.highestEpoch || bootId !== this.bootId // H1, H2
    );
  }

  /** What it answers; nothing where it is mute. Commands are done one after the other, but for those that end others. */
  private act(command: Command, how: How): Ended | undefined {
    const { verb } = command;
    if (verb === "probe") return this.probe(how);
    const endsOthers = verb === "shutdown" || verb === "poweroff";
    const lasts = verb === "poweroff" && (how === "obey" || how === "doubt_done");
    if (!endsOthers || lasts) while (this.pending.length > 0) this.finish(true);
    const deed = this.guest.deedOf(command);
    if (!deed.can && verb === "start")
      return { status: "failed", code: "already_running", power: this.guest.power };
    return this.answer(command, deed, deed.can ? how : "refuse");
  }

  private answer(command: Command, deed: Deed, how: How): Ended | undefined {
    if (how === "obey" || how === "doubt_done") deed.apply();
    else if (how !== "refuse" && deed.mayComeLate) this.pending.push(command); // H3
    const { power } = this.guest;
    switch (how) {
      case "obey":
        return { status: "done", power };
      case "refuse":
        return { status: "failed", code: "libvirt_55", power };
      case "slow":
        return { status: "failed", code: "timeout", power };
      case "doubt":
      case "doubt_done":
        return { status: "failed", code: "outcome_unknown" };
      case "mute":
        if (command.verb === "shutdown") this.waiting.push(command);
        return undefined;
      default:
        return how satisfies never;
    }
  }

  private probe(how: How): Ended | undefined {
    if (this.forgot) while (this.pending.length > 0) this.finish(true);
    const busy = this.pending.length > 0;
    const { power } = this.guest;
    switch (how) {
      case "obey":
      case "doubt_done":
        return { status: "done", power, busy };
      case "refuse":
        return { status: "failed", code: "hypervisor_unreachable", busy };
      case "slow":
        return { status: "failed", code: "timeout", busy };
      case "doubt":
        return { status: "done", power, busy: true };
      case "mute":
        return undefined;
      default:
        return how satisfies never;
    }
  }

  private end({ commandId, epoch }: Command, ended: Ended): void {
    this.seq += 1;
    const said = this.resultOf({ commandId, epoch }, ended);
    this.log.set(commandId, said);
    this.told.push(said);
  }

  private resultOf(
    command: { readonly commandId: CommandId; readonly epoch: number },
    ended: Ended,
  ): ResultBody {
    const { hostId, bootOrdinal, seq } = this;
    const { commandId, epoch } = command;
    const receivedAt = this.now();
    return {
      kind: "result",
      hostId,
      bootOrdinal,
      seq,
      commandId,
      epoch,
      receivedAt,
      ...ended,
    };
  }
}
