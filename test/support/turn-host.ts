/**
 * A host for `TurnWorld`: its agent and hypervisor, as far as one VM's commands, results and reports go, with the truth
 * beside it that no agent ever says. The driver decides when it receives, how each command goes, and when what it says
 * arrives. What it may do is what contract.md allows an agent:
 *
 *  H1 each command acts at most once by its id; one that comes again is answered as before.
 *  H2 an epoch below the highest received, or another boot, is `stale` and does nothing.
 *  H3 a start that timed out or whose outcome is unknown may still come true; until that is over, probes say `busy`.
 *  H4 a restarted agent has another boot; what it had begun is `outcome_unknown`. One that lost its disk knows nothing.
 */
import type { ApartmentMessageBody, ResultBody } from "../../shared/model/apartment-message.ts";
import type { Command } from "../../shared/model/command.ts";
import { BootId, type CommandId, type HostId } from "../../shared/model/ids.ts";

/** How a command goes. `mute`: begun, and nothing is heard of it. */
export type How = "obey" | "refuse" | "slow" | "doubt" | "doubt_done" | "mute";

type Ended = Pick<ResultBody, "status" | "code" | "power" | "busy">;
type Said = Extract<ApartmentMessageBody, { kind: "result" | "observed" }>;

export class TurnHost {
  readonly hostId: HostId;
  bootOrdinal = 1;
  /** The truth. */
  on: boolean;
  /** Receives nothing and says nothing. */
  silent = false;
  /** Commands in its queue, in their order. */
  inbox: Command[] = [];
  /** Said, and not arrived yet. */
  told: Said[] = [];
  /** Starts that may still come true. */
  starting: Command[] = [];
  /** The highest epochs under which the VM was on, and off, here. */
  onEpoch = -1;
  offEpoch = -1;
  private seq = 0;
  private highestEpoch = 0;
  private trueEpoch = 0;
  private waiting: Command[] = [];
  /** Lost its disk: it does not know what may still come true, but whoever looks at the hypervisor sees what came. */
  private forgot = false;
  private readonly received = new Set<CommandId>();
  /** What came of each command; the command itself while nothing has. */
  private readonly log = new Map<CommandId, ResultBody | Command>();
  private readonly now: () => number;
  private readonly aboutToStart: (command: Command) => void;

  constructor(
    hostId: HostId,
    world: {
      readonly on: boolean;
      readonly now: () => number;
      /** Called before a start takes effect. */
      readonly aboutToStart: (command: Command) => void;
    },
  ) {
    this.hostId = hostId;
    this.on = world.on;
    this.now = world.now;
    this.aboutToStart = world.aboutToStart;
    this.noteTruth();
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
    this.trueEpoch = Math.max(this.trueEpoch, epoch);
    this.log.set(commandId, command);
    this.noteTruth();
    if (stale) this.end(command, { status: "stale" });
    else {
      for (const waits of this.waiting.splice(0))
        this.end(waits, { status: "failed", code: "outcome_unknown" });
      const ended = this.act(command, how);
      if (ended !== undefined) this.end(command, ended);
    }
  }

  /** The oldest start that may still come true does, or never will. */
  finishStart(comesTrue: boolean): void {
    const command = this.starting.shift();
    if (command === undefined) return;
    if (comesTrue && !this.on) this.turnOn(command);
    if (this.log.get(command.commandId) !== command) return; // it was answered before
    if (comesTrue) this.end(command, { status: "done", power: "on" });
    else this.end(command, { status: "failed", code: "libvirt_1", power: this.power });
  }

  /** The guest turns itself off. */
  powerOff(): void {
    this.on = false;
    this.noteTruth();
  }

  /** A report says what is true, under the epoch that its agent knows. */
  report(missing: boolean): void {
    this.seq += 1;
    const { hostId, bootOrdinal, seq } = this;
    const power = missing && !this.on ? "missing" : this.power;
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
    if ([...this.starting, ...this.waiting].some((each) => each.commandId === commandId))
      return false;
    return (
      this.received.has(commandId) || epoch < this.highestEpoch || bootId !== this.bootId // H1, H2
    );
  }

  private get power(): "on" | "off" {
    return this.on ? "on" : "off";
  }

  /** What it answers; nothing where it is mute. */
  private act(command: Command, how: How): Ended | undefined {
    switch (command.verb) {
      case "start":
        return this.start(command, how);
      case "probe":
        return this.probe(how);
      default:
        return this.stop(command, how);
    }
  }

  private start(command: Command, how: How): Ended | undefined {
    while (this.starting.length > 0) this.finishStart(true); // one after the other
    if (this.on) return { status: "failed", code: "already_running", power: "on" };
    switch (how) {
      case "obey":
        this.turnOn(command);
        return { status: "done", power: "on" };
      case "refuse":
        return { status: "failed", code: "libvirt_1", power: "off" };
      case "doubt_done":
        this.turnOn(command);
        return { status: "failed", code: "outcome_unknown" };
      case "slow":
        this.starting.push(command); // H3
        return { status: "failed", code: "timeout", power: "off" };
      case "doubt":
        this.starting.push(command); // H3
        return { status: "failed", code: "outcome_unknown" };
      case "mute":
        this.starting.push(command);
        return undefined;
      default:
        return how satisfies never;
    }
  }

  /** Shutdown and power-off; a power-off waits for the starts before it, and takes their power too. */
  private stop(command: Command, how: How): Ended | undefined {
    const { power } = this;
    if (how === "obey" || how === "doubt_done") {
      if (command.verb === "poweroff") while (this.starting.length > 0) this.finishStart(true);
      this.powerOff();
    }
    switch (how) {
      case "obey":
        return { status: "done", power: "off" };
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
    if (this.forgot) while (this.starting.length > 0) this.finishStart(true);
    const busy = this.starting.length > 0;
    switch (how) {
      case "obey":
      case "doubt_done":
        return { status: "done", power: this.power, busy };
      case "refuse":
        return { status: "failed", code: "hypervisor_unreachable", busy };
      case "slow":
        return { status: "failed", code: "timeout", busy };
      case "doubt":
        return { status: "done", power: this.power, busy: true };
      case "mute":
        return undefined;
      default:
        return how satisfies never;
    }
  }

  private turnOn(command: Command): void {
    this.aboutToStart(command);
    this.on = true;
    this.noteTruth();
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

  private noteTruth(): void {
    if (this.on) this.onEpoch = Math.max(this.onEpoch, this.trueEpoch);
    else this.offEpoch = Math.max(this.offEpoch, this.trueEpoch);
  }
}
