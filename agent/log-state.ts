/**
 * What the command log amounts to: pure, so that "any prefix of the file is a state" can be tested.
 *
 *  L1 A VM's epoch is the highest of all commands ever received for it, probes and refused ones included; it never falls.
 *  L2 A command that is forgotten has an epoch below its VM's, has ended, and its result was accepted. So one that comes
 *     again after it was forgotten is stale: nothing is ever done twice, however short the memory.
 *  L3 The last `COMMANDS_KEPT` commands, and each VM's last one, are never forgotten (contract, "Agent protocol").
 */
import type { CommandOutcome, LogEntry } from "../shared/model/agent-state.ts";
import type { BootId, CommandId, VmId } from "../shared/model/ids.ts";

/** Commands remembered at least, over all VMs (contract, "Agent protocol"). */
export const COMMANDS_KEPT = 1000;

/** How far a command got. `begun` without an end: what it did is not known, unless this very process is doing it. */
export type LoggedPhase =
  | { readonly phase: "received" }
  | { readonly phase: "begun" }
  | { readonly phase: "ended"; readonly outcome: CommandOutcome; readonly accepted: boolean };
export type LoggedCommand = {
  readonly commandId: CommandId;
  readonly vmId: VmId;
  readonly epoch: number;
  readonly bootId: BootId;
  readonly verb: string;
  readonly ha?: boolean | undefined;
} & LoggedPhase;

export type LoggedVm = {
  readonly epoch: number;
  /** The last command that began and said something of it said so. */
  readonly ha: boolean;
  readonly lastCommandId?: CommandId | undefined;
};

/** Commands in the order in which they were received. */
export type LogState = {
  readonly commands: Map<CommandId, LoggedCommand>;
  readonly vms: Map<VmId, LoggedVm>;
};

export function emptyLog(): LogState {
  return { commands: new Map(), vms: new Map() };
}

/** Changes `state` by one entry. An entry about a command that was forgotten changes nothing. */
export function applyEntry(state: LogState, entry: LogEntry): void {
  switch (entry.entry) {
    case "received": {
      if (state.commands.has(entry.commandId)) return;
      const { entry: _, ...command } = entry;
      state.commands.set(entry.commandId, { ...command, phase: "received" });
      const vm = state.vms.get(entry.vmId);
      state.vms.set(entry.vmId, {
        epoch: Math.max(vm?.epoch ?? 0, entry.epoch), // L1
        ha: vm?.ha ?? false,
        lastCommandId: entry.commandId,
      });
      return;
    }
    case "begun": {
      const command = state.commands.get(entry.commandId);
      if (command?.phase !== "received") return;
      state.commands.set(entry.commandId, { ...command, phase: "begun" });
      const vm = state.vms.get(command.vmId);
      if (vm !== undefined && command.ha !== undefined)
        state.vms.set(command.vmId, { ...vm, ha: command.ha });
      return;
    }
    case "ended": {
      const command = state.commands.get(entry.commandId);
      if (command === undefined || command.phase === "ended") return;
      state.commands.set(entry.commandId, {
        ...command,
        phase: "ended",
        outcome: entry.outcome,
        accepted: false,
      });
      return;
    }
    case "accepted": {
      const command = state.commands.get(entry.commandId);
      if (command?.phase === "ended")
        state.commands.set(entry.commandId, { ...command, accepted: true });
      return;
    }
    case "vm": {
      const vm = state.vms.get(entry.vmId);
      state.vms.set(entry.vmId, {
        ...vm,
        epoch: Math.max(vm?.epoch ?? 0, entry.epoch),
        ha: entry.ha,
      });
      return;
    }
    default:
      entry satisfies never;
  }
}

/** Drops from `state` what L2 and L3 let it drop. */
export function forget(state: LogState): void {
  let surplus = state.commands.size - COMMANDS_KEPT;
  for (const command of state.commands.values()) {
    if (surplus <= 0) return;
    surplus -= 1;
    const vm = state.vms.get(command.vmId);
    const mayGo =
      command.phase === "ended" &&
      command.accepted &&
      vm !== undefined &&
      command.epoch < vm.epoch && // L2
      vm.lastCommandId !== command.commandId; // L3
    if (mayGo) state.commands.delete(command.commandId);
  }
}

/** The entries that make `state` from nothing; the VMs come last, as they have the last word on `ha`. */
export function* entriesOf(state: LogState): Generator<LogEntry> {
  for (const command of state.commands.values()) {
    const { commandId, vmId, epoch, bootId, verb, ha } = command;
    yield {
      entry: "received",
      commandId,
      vmId,
      epoch,
      bootId,
      verb,
      ...(ha === undefined ? {} : { ha }),
    };
    if (command.phase === "begun") yield { entry: "begun", commandId };
    if (command.phase !== "ended") continue;
    yield { entry: "ended", commandId, outcome: command.outcome };
    if (command.accepted) yield { entry: "accepted", commandId };
  }
  for (const [vmId, vm] of state.vms) yield { entry: "vm", vmId, epoch: vm.epoch, ha: vm.ha };
}
