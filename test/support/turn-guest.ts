/**
 * The VM as one host's hypervisor has it, for `TurnWorld`: the truth that no agent ever says whole, and what a command would
 * make of it.
 */
import { type Command, MigrateArgs } from "../../shared/model/command.ts";
import type { HostId } from "../../shared/model/ids.ts";
import type { FoundPower } from "../../shared/work/true-state.ts";

/** What a command does there, now or when it comes true. */
export type Deed = {
  /** The hypervisor would do it. */
  readonly can: boolean;
  /** It may come true long after its agent gave up on it. */
  readonly mayComeLate: boolean;
  readonly apply: () => void;
};

export class TurnGuest {
  power: FoundPower;
  /** The highest epochs under which it was so. */
  readonly seen: Record<FoundPower, number> = { on: -1, paused: -1, off: -1 };
  /** With the power that a revert brings back. */
  readonly snapshots = new Map<string, FoundPower>();
  /** The highest epoch that any command here had. */
  trueEpoch = 0;
  private readonly world: {
    /** Called before it comes on here. */
    readonly aboutToTurnOn: () => void;
    readonly guestAt: (hostId: HostId) => TurnGuest | undefined;
  };

  constructor(power: FoundPower, world: TurnGuest["world"]) {
    this.power = power;
    this.world = world;
    this.note();
  }

  get on(): boolean {
    return this.power !== "off";
  }

  become(power: FoundPower): void {
    if (power !== "off" && !this.on) this.world.aboutToTurnOn();
    this.power = power;
    this.note();
  }

  /** What is true now was true under this epoch. */
  hear(epoch: number): void {
    this.trueEpoch = Math.max(this.trueEpoch, epoch);
    this.note();
  }

  deedOf({ verb, args }: Command): Deed {
    switch (verb) {
      case "start":
        return late(!this.on, () => this.become("on"));
      case "shutdown":
      case "poweroff":
        return now(true, () => this.become("off"));
      case "reboot":
      case "reset":
        return now(this.power === "on", () => {});
      case "suspend":
        return now(this.on, () => this.become("paused"));
      case "resume":
        return now(this.on, () => this.become("on"));
      case "migrate":
        return this.migration(this.world.guestAt(MigrateArgs.parse(args).targetHostId));
      case "undefine":
        return now(!this.on, () => this.snapshots.clear());
      case "snapshot":
        return now(true, () => this.take(String(args["name"])));
      case "delete-snapshot":
        return now(true, () => void this.snapshots.delete(String(args["snapshot"])));
      case "revert":
        return this.revert(this.snapshots.get(String(args["snapshot"])));
      case "attach":
      case "detach":
        return now(this.on, () => {});
      default:
        throw new Error(`no host knows the verb ${verb}`);
    }
  }

  /** It runs here until it runs there, and never at both. */
  private migration(target: TurnGuest | undefined): Deed {
    const can = () => this.power === "on" && target?.power === "off";
    return late(can(), () => {
      if (!can()) return;
      this.become("off");
      target?.become("on");
    });
  }

  private revert(power: FoundPower | undefined): Deed {
    return late(power !== undefined, () => {
      if (power !== undefined) this.become(power);
    });
  }

  private take(name: string): void {
    if (!this.snapshots.has(name)) this.snapshots.set(name, this.power);
  }

  private note(): void {
    this.seen[this.power] = Math.max(this.seen[this.power], this.trueEpoch);
  }
}

function now(can: boolean, apply: () => void): Deed {
  return { can, mayComeLate: false, apply };
}

function late(can: boolean, apply: () => void): Deed {
  return { can, mayComeLate: true, apply };
}
