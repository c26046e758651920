import fc from "fast-check";
import { expect, test } from "vitest";
import { commandLog, LogBroken } from "../../agent/command-log.ts";
import type { LogFile } from "../../agent/log-file.ts";
import type { LogEntry } from "../../shared/model/agent-state.ts";
import { CommandId } from "../../shared/model/ids.ts";
import { BOOT, vmId } from "../support/agent/commands.ts";
import { memoryDisk, openMemoryLog } from "../support/agent/memory-log-file.ts";

function received(n: number, epoch = n): LogEntry {
  const commandId = CommandId.parse(`c${n}`);
  return { entry: "received", commandId, vmId: vmId(1), epoch, bootId: BOOT, verb: "probe" };
}

function startReceived(n: number, ha: boolean): LogEntry {
  const commandId = CommandId.parse(`c${n}`);
  return { entry: "received", commandId, vmId: vmId(1), epoch: n, bootId: BOOT, verb: "start", ha };
}

function wholeLife(n: number): LogEntry[] {
  const commandId = CommandId.parse(`c${n}`);
  return [
    received(n),
    { entry: "begun", commandId },
    { entry: "ended", commandId, outcome: { seq: n, bootId: BOOT, status: "done" } },
    { entry: "accepted", commandId },
  ];
}

test("what was recorded is there after a crash at any byte, up to the last whole line", async () => {
  const disk = memoryDisk();
  const log = commandLog(openMemoryLog(disk));
  for (let n = 1; n <= 5; n += 1) await log.record(wholeLife(n));
  const whole = disk.text;
  fc.assert(
    fc.property(fc.nat(whole.length), (bytes) => {
      const torn = memoryDisk(whole.slice(0, bytes));
      const lines = torn.text.split("\n").length - 1;
      const again = commandLog(openMemoryLog(torn));
      expect(again.commands()).toHaveLength(Math.ceil(lines / 4));
      expect(again.highestEpoch(vmId(1))).toBe(Math.ceil(lines / 4));
    }),
  );
});

test("a log stays short over any number of commands, and forgets no epoch", async () => {
  const disk = memoryDisk();
  const log = commandLog(openMemoryLog(disk));
  for (let n = 1; n <= 20_000; n += 1) await log.record(wholeLife(n));
  expect(disk.text.split("\n").length).toBeLessThan(20_000);
  const again = commandLog(openMemoryLog(disk));
  expect(again.highestEpoch(vmId(1))).toBe(20_000);
  expect(again.command(CommandId.parse("c20000"))).toMatchObject({ phase: "ended" });
  expect(again.command(CommandId.parse("c1"))).toBeUndefined();
});

test("the epochs handed out do not change with the log", async () => {
  const log = commandLog(openMemoryLog(memoryDisk()));
  await log.record([received(1)]);
  const before = log.epochs();
  await log.record([received(2)]);
  expect(before.get(vmId(1))).toBe(1);
  expect(log.epochs().get(vmId(1))).toBe(2);
});

test("an HA VM is one whose last start that began said so", async () => {
  const log = commandLog(openMemoryLog(memoryDisk()));
  const start = (n: number, ha: boolean): LogEntry[] => [
    startReceived(n, ha),
    { entry: "begun", commandId: CommandId.parse(`c${n}`) },
  ];
  await log.record(start(1, true));
  expect([...log.haVms()]).toEqual([vmId(1)]);
  await log.record(start(2, false).slice(0, 1));
  expect([...log.haVms()]).toEqual([vmId(1)]);
  await log.record(start(2, false).slice(1));
  expect([...log.haVms()]).toEqual([]);
});

test("a line that is none of the log's is named and stops the agent", () => {
  const disk = memoryDisk('{"entry":"begun","commandId":"c1"}\nnonsense\n');
  expect(() => commandLog(openMemoryLog(disk))).toThrow(
    new LogBroken("the command log is damaged at line 2"),
  );
});

test("a log that cannot be written says so to whoever records", async () => {
  const file: LogFile = {
    append: () => Promise.reject(new Error("ENOSPC: no space left")),
    replace: async () => {},
    close: async () => {},
  };
  await expect(commandLog({ text: "", file }).record([received(1)])).rejects.toThrow(LogBroken);
});
