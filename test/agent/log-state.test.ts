import fc from "fast-check";
import { expect, test } from "vitest";
import {
  applyEntry,
  COMMANDS_KEPT,
  emptyLog,
  entriesOf,
  forget,
  type LogState,
} from "../../agent/log-state.ts";
import { type CommandOutcome, LogEntry } from "../../shared/model/agent-state.ts";
import { CommandId } from "../../shared/model/ids.ts";
import { BOOT, vmId } from "../support/agent/commands.ts";

const OUTCOME: CommandOutcome = { seq: 1, bootId: BOOT, status: "done" };

/** Entries about few commands of few VMs, in any order: also such as no agent would write. */
const anyEntry: fc.Arbitrary<LogEntry> = fc
  .record({
    n: fc.integer({ min: 0, max: 12 }),
    kind: fc.constantFrom("received", "begun", "ended", "accepted", "vm"),
    ha: fc.boolean(),
  })
  .map(({ n, kind, ha }) => {
    const commandId = CommandId.parse(`c${n}`);
    const of = vmId(n % 3);
    switch (kind) {
      case "received":
        return {
          entry: "received",
          commandId,
          vmId: of,
          epoch: (n * 7) % 5,
          bootId: BOOT,
          verb: "start",
          ha,
        };
      case "begun":
        return { entry: "begun", commandId };
      case "ended":
        return { entry: "ended", commandId, outcome: OUTCOME };
      case "accepted":
        return { entry: "accepted", commandId };
      default:
        return { entry: "vm", vmId: of, epoch: n % 5, ha };
    }
  });

function stateOf(entries: Iterable<LogEntry>): LogState {
  const state = emptyLog();
  for (const entry of entries) applyEntry(state, entry);
  return state;
}

/** `n` commands of one VM, each of the next epoch, ended and accepted. */
function finished(n: number): LogEntry[] {
  return Array.from({ length: n }, (_, at): LogEntry[] => {
    const commandId = CommandId.parse(`c${at}`);
    return [
      { entry: "received", commandId, vmId: vmId(1), epoch: at, bootId: BOOT, verb: "probe" },
      { entry: "begun", commandId },
      { entry: "ended", commandId, outcome: OUTCOME },
      { entry: "accepted", commandId },
    ];
  }).flat();
}

test("L1: a VM's epoch never falls, whatever is logged", () => {
  fc.assert(
    fc.property(fc.array(anyEntry), (entries) => {
      const state = emptyLog();
      for (const entry of entries) {
        const before = new Map([...state.vms].map(([id, vm]) => [id, vm.epoch]));
        applyEntry(state, entry);
        for (const [id, epoch] of before)
          expect(state.vms.get(id)?.epoch).toBeGreaterThanOrEqual(epoch);
      }
    }),
  );
});

test("an outcome, once logged, is never replaced", () => {
  const [received, begun, ended] = finished(1);
  const other: LogEntry = {
    entry: "ended",
    commandId: CommandId.parse("c0"),
    outcome: { ...OUTCOME, seq: 2, status: "failed" },
  };
  const entries = [received, begun, ended, other].filter((entry) => entry !== undefined);
  expect(stateOf(entries).commands.get(CommandId.parse("c0"))).toMatchObject({ outcome: OUTCOME });
});

test("the entries of a state make that state again", () => {
  fc.assert(
    fc.property(fc.array(anyEntry), (entries) => {
      const state = stateOf(entries);
      const again = stateOf([...entriesOf(state)].map((entry) => LogEntry.parse(entry)));
      expect([...again.commands]).toEqual([...state.commands]);
      expect([...again.vms].map(([id, { epoch, ha }]) => [id, epoch, ha]).sort()).toEqual(
        [...state.vms].map(([id, { epoch, ha }]) => [id, epoch, ha]).sort(),
      );
    }),
  );
});

test("L3: the last thousand commands and a VM's last one are kept, older ones go", () => {
  const state = stateOf(finished(COMMANDS_KEPT + 50));
  forget(state);
  expect(state.commands.size).toBe(COMMANDS_KEPT);
  expect(state.commands.has(CommandId.parse("c49"))).toBe(false);
  expect(state.commands.has(CommandId.parse("c50"))).toBe(true);
});

test.each<readonly [string, (entries: LogEntry[]) => LogEntry[]]>([
  ["is of its VM's highest epoch", (all) => all.map((entry) => sameEpoch(entry))],
  ["has not ended", (all) => all.filter((entry) => !isFirst(entry, "ended", "accepted"))],
  ["was not accepted", (all) => all.filter((entry) => !isFirst(entry, "accepted"))],
])("L2: a command that %s is kept however old it is", (_, change) => {
  const state = stateOf(change(finished(COMMANDS_KEPT + 50)));
  forget(state);
  expect(state.commands.has(CommandId.parse("c0"))).toBe(true);
});

function sameEpoch(entry: LogEntry): LogEntry {
  return entry.entry === "received" ? { ...entry, epoch: 7 } : entry;
}

function isFirst(entry: LogEntry, ...kinds: readonly string[]): boolean {
  return "commandId" in entry && entry.commandId === "c0" && kinds.includes(entry.entry);
}
