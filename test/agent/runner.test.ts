import fc from "fast-check";
import { expect, test } from "vitest";
import { aftermath } from "../../agent/aftermath.ts";
import { commandLog } from "../../agent/command-log.ts";
import type { Hypervisor } from "../../agent/hypervisor/hypervisor.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "../../agent/hypervisor/simulated.ts";
import type { LogFile } from "../../agent/log-file.ts";
import { observer } from "../../agent/observer.ts";
import type { Ended } from "../../agent/results.ts";
import { type Runner, runner } from "../../agent/runner.ts";
import type { LogEntry } from "../../shared/model/agent-state.ts";
import type { Command } from "../../shared/model/command.ts";
import { BootId } from "../../shared/model/ids.ts";
import { aCommand, startArgs, vmId } from "../support/agent/commands.ts";
import { type ManualTime, manualTime, settled } from "../support/agent/manual-time.ts";
import { type MemoryDisk, memoryDisk, openMemoryLog } from "../support/agent/memory-log-file.ts";

type Step =
  /** One batch after the other, without waiting. */
  | { readonly do: "deliver"; readonly picks: readonly number[] }
  | { readonly do: "pass"; readonly ms: number }
  /** The process dies at the n-th write to its log from now, which is written whole, half or not at all. */
  | { readonly do: "crash"; readonly write: number; readonly written: number };

/** One life of an agent's process. A dead one asks, writes and says nothing more; its promises stay open. */
type Life = {
  readonly bootId: BootId;
  readonly runner: Runner;
  readonly crashAt: (write: number, written: number) => void;
  readonly isDead: () => boolean;
  readonly stop: () => void;
  /** Does it while the first entry of that kind is being written. */
  readonly during: (entry: LogEntry["entry"], act: () => Promise<void>) => void;
};

type World = {
  readonly time: ManualTime;
  readonly hypervisor: SimulatedHypervisor;
  readonly disk: MemoryDisk;
  /** Starts that the hypervisor was asked for, with the boot that asked. */
  readonly asked: { readonly name: string; readonly bootId: BootId; readonly highest: number }[];
  readonly told: Ended[];
};

const never = new Promise<never>(() => {});

function world(): World {
  const time = manualTime();
  const hypervisor = simulatedHypervisor({ time, random: () => 0.5 });
  return { time, hypervisor, disk: memoryDisk(), asked: [], told: [] };
}

function live(at: World, boot: number): Life {
  const bootId = BootId.parse(`boot-000${boot}`);
  const { time, disk } = at;
  let dead = false;
  let dieIn = Number.POSITIVE_INFINITY;
  let written = 1;
  let meanwhile: { readonly entry: string; readonly act: () => Promise<void> } | undefined;
  const opened = openMemoryLog(disk);
  const file: LogFile = {
    append: (text) => {
      if (dead) return never;
      dieIn -= 1;
      if (dieIn > 0 && meanwhile !== undefined && text.includes(`"entry":"${meanwhile.entry}"`)) {
        const { act } = meanwhile;
        meanwhile = undefined;
        return act().then(() => opened.file.append(text));
      }
      if (dieIn > 0) return opened.file.append(text);
      dead = true;
      disk.text += text.slice(0, Math.floor(text.length * written));
      return never;
    },
    replace: (text) => (dead ? never : opened.file.replace(text)),
    close: opened.file.close,
  };
  const log = commandLog({ text: opened.text, file });
  const stop = new AbortController();
  const asking: Hypervisor = {
    ...at.hypervisor,
    start: (request) => {
      if (dead) return never;
      at.asked.push({ name: request.name, bootId, highest: log.highestEpoch(request.vmId) });
      return at.hypervisor.start(request);
    },
    powerOff: (id) => (dead ? never : at.hypervisor.powerOff(id)),
    requestShutdown: (id) => (dead ? never : at.hypervisor.requestShutdown(id)),
  };
  return {
    bootId,
    isDead: () => dead,
    stop: () => stop.abort(),
    during: (entry, act) => {
      meanwhile = { entry, act };
    },
    crashAt: (write, share) => {
      dieIn = write;
      written = share;
    },
    runner: runner({
      time,
      hypervisor: asking,
      log,
      observer: observer(),
      aftermath: aftermath({ time, hypervisor: asking }),
      leaseIsHeld: () => true,
      bootId: () => bootId,
      tell: (ended) => {
        if (!dead) at.told.push(ended);
      },
      broken: (error) => {
        throw error;
      },
      signal: stop.signal,
    }),
  };
}

/** A start's name is its command's id, so that what the hypervisor was asked tells who asked. */
const anyCommands = fc
  .array(
    fc.record({
      vm: fc.integer({ min: 1, max: 2 }),
      epoch: fc.integer({ min: 1, max: 4 }),
      boot: fc.integer({ min: 1, max: 3 }),
      verb: fc.constantFrom("start", "shutdown", "poweroff", "probe"),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((wishes) =>
    wishes.map(({ vm, epoch, boot, verb }, at) =>
      aCommand({
        commandId: `c${at}`,
        vm,
        epoch,
        bootId: `boot-000${boot}`,
        verb,
        timeoutSeconds: 5,
        ...(verb === "start" ? { args: startArgs({ name: `c${at}` }) } : {}),
      }),
    ),
  );

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("deliver"),
      picks: fc.array(fc.nat(7), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.nat(3000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("crash"),
      write: fc.integer({ min: 1, max: 4 }),
      written: fc.constantFrom(0, 0.5, 1),
    }),
  },
);

/** Plays the steps: any order, any repetition of the commands, crashes at any write. */
async function play(commands: readonly Command[], steps: readonly Step[]): Promise<World> {
  const at = world();
  let boots = 1;
  let life = live(at, boots);
  await life.runner.begin();
  for (const step of steps) {
    for (const pick of step.do === "deliver" ? step.picks : []) {
      const command = commands[pick % commands.length];
      if (command !== undefined) void life.runner.take([command]);
    }
    if (step.do === "crash") life.crashAt(step.write, step.written);
    await at.time.advance(step.do === "pass" ? step.ms : 0);
    if (!life.isDead()) continue;
    boots += 1;
    life = live(at, Math.min(boots, 9));
    void life.runner.begin();
    await at.time.advance(0);
  }
  await at.time.advance(60_000);
  return at;
}

test("whatever is delivered however often, and wherever the process dies, a start is asked for at most once", async () => {
  await fc.assert(
    fc.asyncProperty(anyCommands, fc.array(anyStep, { maxLength: 25 }), async (commands, steps) => {
      const { asked } = await play(commands, steps);
      expect(new Set(asked.map((start) => start.name)).size).toBe(asked.length);
    }),
  );
});

test("a start is asked for only in its own boot and under no lower epoch than the VM has seen", async () => {
  await fc.assert(
    fc.asyncProperty(anyCommands, fc.array(anyStep, { maxLength: 25 }), async (commands, steps) => {
      for (const start of (await play(commands, steps)).asked) {
        const command = commands.find(({ commandId }) => commandId === start.name);
        expect(command?.bootId).toBe(start.bootId);
        expect(command?.epoch).toBe(start.highest);
      }
    }),
  );
});

test("a command that was told an outcome is told the same one ever after", async () => {
  await fc.assert(
    fc.asyncProperty(anyCommands, fc.array(anyStep, { maxLength: 25 }), async (commands, steps) => {
      const { told } = await play(commands, steps);
      const first = new Map<string, Ended>();
      for (const ended of told) {
        const before = first.get(ended.commandId) ?? ended;
        first.set(ended.commandId, before);
        expect(ended.outcome).toEqual(before.outcome);
      }
    }),
  );
});

test("every command that got into the log ends, if the agent lives on", async () => {
  await fc.assert(
    fc.asyncProperty(anyCommands, fc.array(anyStep, { maxLength: 25 }), async (commands, steps) => {
      const calm = steps.filter((step) => step.do !== "crash");
      const { told, disk } = await play(commands, calm);
      const received = new Set(
        commandLog(openMemoryLog(disk))
          .commands()
          .map(({ commandId }) => commandId),
      );
      expect(new Set(told.map(({ commandId }) => commandId))).toEqual(received);
    }),
  );
});

test("R1: a command is on the disk when it was taken", async () => {
  const at = world();
  const { runner: taking } = live(at, 1);
  await taking.take([aCommand({ commandId: "c1", verb: "start" })]);
  expect(at.disk.text).toContain('"commandId":"c1"');
});

test("R5: what a dead process had begun is outcome_unknown, what it had not is stale", async () => {
  const at = world();
  const first = live(at, 1);
  void first.runner.take([
    aCommand({ commandId: "c1", verb: "start" }),
    aCommand({ commandId: "c2", verb: "shutdown" }),
  ]);
  await at.time.advance(0);
  const second = live(at, 2);
  await second.runner.begin();
  expect(
    at.told.map(({ commandId, outcome }) => [commandId, outcome.status, outcome.code]),
  ).toEqual([
    ["c1", "failed", "outcome_unknown"],
    ["c2", "stale", undefined],
  ]);
});

test("a probe is busy while a start that the dead process had begun may still come true, and not for ever", async () => {
  const at = world();
  void live(at, 1).runner.take([aCommand({ commandId: "c1", verb: "start" })]);
  await at.time.advance(0);
  const { runner: second } = live(at, 2);
  await second.begin();
  const probe = (commandId: string) =>
    second.take([aCommand({ commandId, epoch: 2, bootId: "boot-0002" })]);
  await probe("p1");
  await at.time.advance(10_000);
  await probe("p2");
  await at.time.advance(0);
  const busy = at.told.filter(({ commandId }) => commandId.startsWith("p"));
  expect(busy.map(({ outcome }) => outcome.busy)).toEqual([true, false]);
});

test("R4: a start that takes too long is timeout, and its VM stays busy until it is over", async () => {
  const at = world();
  const { runner: taking } = live(at, 1);
  const slow = startArgs({ name: "slow guest" });
  await taking.take([aCommand({ commandId: "c1", verb: "start", args: slow, timeoutSeconds: 1 })]);
  await at.time.advance(1500);
  await taking.take([aCommand({ commandId: "p1", epoch: 2 })]);
  await at.time.advance(10_000);
  await taking.take([aCommand({ commandId: "p2", epoch: 2 })]);
  await at.time.advance(10);
  expect(at.told.map(({ commandId, outcome }) => [commandId, outcome.code, outcome.busy])).toEqual([
    ["c1", "timeout", undefined],
    ["p1", undefined, true],
    ["p2", undefined, false],
  ]);
});

test("a power-off ends a start under way, and nothing turns the VM on afterwards", async () => {
  const at = world();
  const { runner: taking } = live(at, 1);
  await taking.take([aCommand({ commandId: "c1", verb: "start" })]);
  await at.time.advance(100);
  await taking.take([aCommand({ commandId: "c2", verb: "poweroff" })]);
  await at.time.advance(5000);
  expect(at.told.at(-1)).toMatchObject({
    commandId: "c2",
    outcome: { status: "done", power: "off" },
  });
});

test("a start that a power-off supersedes while it is being logged never reaches the hypervisor", async () => {
  const at = world();
  const { runner: taking } = live(at, 1);
  void taking.take([aCommand({ commandId: "c1", verb: "start" })]);
  void taking.take([aCommand({ commandId: "c2", verb: "poweroff" })]);
  await at.time.advance(1000);
  expect(at.asked).toEqual([]);
  expect(at.told.map(({ commandId, outcome }) => [commandId, outcome.status])).toEqual([
    ["c1", "stale"],
    ["c2", "done"],
  ]);
});

test("a command of a higher epoch drops what waits and stops what can be stopped", async () => {
  const at = world();
  at.hypervisor.behindTheBack.powerOn(vmId(1), "stubborn");
  const { runner: taking } = live(at, 1);
  await taking.take([
    aCommand({ commandId: "c1", verb: "shutdown" }),
    aCommand({ commandId: "c2", verb: "start" }),
  ]);
  await at.time.advance(1000);
  await taking.take([aCommand({ commandId: "p1", epoch: 2 })]);
  await at.time.advance(1000);
  expect(
    at.told.map(({ commandId, outcome }) => [commandId, outcome.status, outcome.code]),
  ).toEqual([
    ["c2", "stale", undefined],
    ["c1", "failed", "outcome_unknown"],
    ["p1", "done", undefined],
  ]);
  expect(at.told.at(-1)?.outcome).toMatchObject({ power: "on", busy: false });
});

test("a probe of the same epoch stops nothing and says busy", async () => {
  const at = world();
  at.hypervisor.behindTheBack.powerOn(vmId(1), "stubborn");
  const { runner: taking } = live(at, 1);
  await taking.take([aCommand({ commandId: "c1", verb: "shutdown" })]);
  await at.time.advance(1000);
  await taking.take([aCommand({ commandId: "p1" })]);
  await at.time.advance(1000);
  expect(at.told.map(({ commandId, outcome }) => [commandId, outcome.busy])).toEqual([
    ["p1", true],
  ]);
});

test("VMs do not wait for each other", async () => {
  const at = world();
  const { runner: taking } = live(at, 1);
  await taking.take([
    aCommand({ commandId: "c1", verb: "start", args: startArgs({ name: "slow" }) }),
    aCommand({ commandId: "c2", vm: 2, verb: "start" }),
  ]);
  await at.time.advance(1000);
  expect(at.told.map(({ commandId }) => commandId)).toEqual(["c2"]);
});

test("a VM that this host does not know is off for shutdown, power-off and probe, and not_found is said", async () => {
  const at = world();
  const { runner: taking } = live(at, 1);
  await taking.take(
    ["shutdown", "poweroff", "probe"].map((verb, n) => aCommand({ commandId: verb, vm: n, verb })),
  );
  await at.time.advance(1000);
  expect(at.told).toHaveLength(3);
  for (const { outcome } of at.told)
    expect(outcome).toMatchObject({ status: "done", code: "not_found", power: "off" });
});

test("a hypervisor out of reach fails a probe and tells no power", async () => {
  const at = world();
  at.hypervisor.behindTheBack.setReachable("unreachable");
  const { runner: taking } = live(at, 1);
  await taking.take([aCommand({ commandId: "p1" })]);
  await at.time.advance(10);
  expect(at.told[0]?.outcome).toMatchObject({ status: "failed", code: "hypervisor_unreachable" });
  expect(at.told[0]?.outcome.power).toBeUndefined();
});

test("an error text of any length leaves a log that the next process can read, and a result of the protocol", async () => {
  const at = world();
  Object.assign(at.hypervisor, {
    start: async () => ({ ok: false, code: "libvirt_1", detail: "😀".repeat(5000) }),
  });
  const { runner: taking } = live(at, 1);
  await taking.take([aCommand({ commandId: "c1", verb: "start" })]);
  await at.time.advance(10);
  expect(at.told[0]?.outcome.detail).toBe("😀".repeat(512));
  expect(commandLog(openMemoryLog(at.disk)).commands()).toHaveLength(1);
});

test("R6: an agent that stops leaves no wait behind, and begins nothing", async () => {
  const at = world();
  at.hypervisor.behindTheBack.powerOn(vmId(1), "stubborn");
  const { runner: taking, stop } = live(at, 1);
  await taking.take([
    aCommand({ commandId: "c1", verb: "shutdown", args: { graceSeconds: 3600 } }),
    aCommand({ commandId: "c2", verb: "start", timeoutSeconds: 86_400 }),
  ]);
  await at.time.advance(1000);
  stop();
  await taking.take([aCommand({ commandId: "c3", vm: 2, verb: "start" })]);
  await at.time.advance(0);
  expect(at.time.waiting()).toBe(0);
  expect(at.asked).toEqual([]);
  expect(
    commandLog(openMemoryLog(at.disk))
      .commands()
      .map(({ phase }) => phase),
  ).toEqual(["ended", "received", "received"]);
});

test("a higher epoch that is logged while `begun` is being written keeps a start from the hypervisor", async () => {
  const at = world();
  const { runner: taking, during } = live(at, 1);
  const later = aCommand({ commandId: "c2", epoch: 2, verb: "migrate" });
  during("begun", () => taking.take([later]));
  await taking.take([aCommand({ commandId: "c1", verb: "start" })]);
  await at.time.advance(1000);
  expect(at.asked).toEqual([]);
  expect(at.told.map(({ commandId, outcome }) => [commandId, outcome.status])).toEqual([
    ["c2", "failed"],
    ["c1", "stale"],
  ]);
});

test("R1: a command counts as taken when the disk has it, and not while it is being written", async () => {
  const at = world();
  const { runner: taking, during } = live(at, 1);
  let isTaken = false;
  const seen: boolean[] = [];
  during("received", async () => {
    await settled();
    seen.push(isTaken);
  });
  await taking.take([aCommand({ commandId: "c1" })]);
  isTaken = true;
  await at.time.advance(10);
  expect(seen).toEqual([false]);
});
