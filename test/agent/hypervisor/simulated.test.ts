import { beforeEach, describe, expect, test } from "vitest";
import type { HypervisorEvent } from "../../../agent/hypervisor/hypervisor.ts";
import {
  type SimulatedHypervisor,
  simulatedHypervisor,
} from "../../../agent/hypervisor/simulated.ts";
import { simulatedNetwork } from "../../../agent/hypervisor/simulated-migration.ts";
import { systemTime } from "../../../agent/time.ts";
import { hypervisorSuite } from "../../contract/hypervisor.contract.ts";
import { vmId } from "../../support/agent/commands.ts";
import { type ManualTime, manualTime } from "../../support/agent/manual-time.ts";

const SPEC = { cpus: 1, memoryMiB: 8 };

let time: ManualTime;
let hypervisor: SimulatedHypervisor;
let events: HypervisorEvent[];
beforeEach(() => {
  time = manualTime();
  hypervisor = simulatedHypervisor({ time, random: () => 0.5 });
  events = [];
  hypervisor.subscribe((event) => events.push(event));
});

describe("the contract, in real time with quick guests", () => {
  const network = simulatedNetwork();
  const [quick, other] = [1, 2].map((n) =>
    simulatedHypervisor({
      time: systemTime(),
      random: Math.random,
      startMs: 2,
      shutdownMs: 2,
      powerOffMs: 2,
      network,
      migrationUri: `simulated:${n}`,
    }),
  );
  if (quick === undefined || other === undefined) throw new Error("two were made");
  let disks = 0;
  hypervisorSuite({
    hypervisor: () => quick,
    target: () => other,
    disk: async () => `/disks/${++disks}`,
    request: async (kind) => ({ name: kind === "ignores" ? "stubborn" : "guest", spec: SPEC }),
    booted: async () => {},
    ignored: async () => {},
    kill: async (id) => quick.behindTheBack.crash(id),
  });
});

async function start(n: number, name: string) {
  const done = hypervisor.start({ vmId: vmId(n), name, spec: SPEC });
  await time.advance(10_000);
  return await done;
}

const powerOf = async (n: number) => {
  const read = await hypervisor.read(vmId(n));
  return read.ok ? read.detail : read.code;
};

test("S1: a VM that starts is held and neither on nor off", async () => {
  const started = hypervisor.start({ vmId: vmId(1), name: "guest", spec: SPEC });
  expect(await hypervisor.read(vmId(1))).toMatchObject({ power: "unknown", held: true });
  await time.advance(449);
  expect(await powerOf(1)).toBe("paused (starting up)");
  await time.advance(1);
  expect(await started).toEqual({ ok: true });
  expect(await powerOf(1)).toBe("running");
});

test("S1: a power-off ends a start, which then fails", async () => {
  const started = hypervisor.start({ vmId: vmId(1), name: "slow", spec: SPEC });
  const off = hypervisor.powerOff(vmId(1));
  await time.advance(60_000);
  expect(await off).toEqual({ ok: true });
  expect(await started).toMatchObject({ ok: false, code: "simulated_ended" });
  expect(await powerOf(1)).toBe("shut off");
});

test("guests do as their names say", async () => {
  expect(await start(1, "web-unbootable")).toMatchObject({ code: "simulated_unbootable" });
  expect(await powerOf(1)).toBe("shut off");
  expect(await start(2, "crashing")).toEqual({ ok: true });
  await time.advance(5000);
  expect(await powerOf(2)).toBe("shut off (crashed)");
  await start(3, "a.stubborn.one");
  await start(4, "unstubbornly");
  await Promise.all([hypervisor.requestShutdown(vmId(3)), hypervisor.requestShutdown(vmId(4))]);
  await time.advance(10_000);
  expect(await powerOf(3)).toBe("running");
  expect(await powerOf(4)).toBe("shut off");
});

test("what happens behind the agent's back is seen and told", async () => {
  hypervisor.behindTheBack.powerOn(vmId(1), "guest");
  expect(await powerOf(1)).toBe("running");
  hypervisor.behindTheBack.pause(vmId(1));
  expect(await powerOf(1)).toBe("paused (user)");
  hypervisor.behindTheBack.powerOff(vmId(1));
  expect(await powerOf(1)).toBe("shut off");
  hypervisor.behindTheBack.remove(vmId(1));
  expect(await powerOf(1)).toBe("not_found");
  expect(events.every((event) => event.kind === "vm" && event.vmId === vmId(1))).toBe(true);
  expect(events.length).toBeGreaterThanOrEqual(4);
});

test("S3: a host's power failure turns everything off, its starts included, and says and answers nothing", async () => {
  hypervisor.behindTheBack.powerOn(vmId(1), "guest");
  const started = hypervisor.start({ vmId: vmId(2), name: "guest", spec: SPEC });
  events.length = 0;
  hypervisor.behindTheBack.hostPowerFailure();
  expect(await started).toMatchObject({ ok: false });
  expect(await start(3, "guest")).toMatchObject({ code: "hypervisor_unreachable" });
  await time.advance(60_000);
  expect(await hypervisor.list()).toMatchObject({ complete: false });
  hypervisor.behindTheBack.hostPowerReturns();
  expect([await powerOf(1), await powerOf(2)]).toEqual(["shut off", "shut off"]);
  expect(events).toEqual([]);
});

test("S2: out of reach nothing is seen or done, while guests go on", async () => {
  hypervisor.behindTheBack.powerOn(vmId(1), "crashing");
  events.length = 0;
  hypervisor.behindTheBack.setReachable("unreachable");
  expect(await hypervisor.list()).toMatchObject({ complete: false });
  expect(await start(2, "guest")).toMatchObject({ code: "hypervisor_unreachable" });
  await time.advance(10_000);
  hypervisor.behindTheBack.setReachable("reachable");
  expect(await powerOf(1)).toBe("shut off (crashed)");
  expect(events.map((event) => event.kind)).toEqual(["lost", "regained"]);
});

test("the same inputs give the same course", async () => {
  const course = async () => {
    const at = manualTime();
    let state = 7;
    const random = () => {
      state = (state * 16_807) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const one = simulatedHypervisor({ time: at, random });
    const told: string[] = [];
    one.subscribe((event) => told.push(`${at.monotonicNow()} ${JSON.stringify(event)}`));
    for (let n = 1; n <= 20; n += 1)
      void one.start({ vmId: vmId(n), name: "crashing", spec: SPEC });
    await at.advance(20_000);
    return told;
  };
  expect(await course()).toEqual(await course());
});
