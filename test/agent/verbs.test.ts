/** The agent's verbs but start, shutdown and power-off, on simulated hosts. */
import { afterEach, describe, expect, test } from "vitest";
import type { Agent } from "../../agent/agent.ts";
import { simulatedHypervisor } from "../../agent/hypervisor/simulated.ts";
import { simulatedNetwork } from "../../agent/hypervisor/simulated-migration.ts";
import type { Results, SessionRequest } from "../../shared/model/agent-protocol.ts";
import { type AgentRig, agentRig } from "../support/agent/agent-rig.ts";
import { aCommand, type CommandWish, vmId } from "../support/agent/commands.ts";

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
});

async function started(rig: AgentRig): Promise<Agent> {
  const agent = rig.start();
  agents.push(agent);
  await agent.ready;
  await rig.time.advance(0);
  return agent;
}

const TARGET = "simulated:target";

/** A host that runs VM 1 by that name, and one that it can be moved to. */
async function twoHosts(name: string) {
  const network = simulatedNetwork();
  const rig = agentRig({
    network,
    migrationUri: "simulated:here",
    running: [{ vmId: vmId(1), name, spec: { cpus: 3, memoryMiB: 96 } }],
  });
  const target = simulatedHypervisor({
    time: rig.time,
    random: () => 0.5,
    network,
    migrationUri: TARGET,
  });
  const agent = await started(rig);
  return { rig, target, agent };
}

/** Sends it, lets `ms` pass, and answers its result. */
async function done(rig: AgentRig, wish: CommandWish, ms = 2000) {
  rig.plane.send(aCommand(wish));
  await rig.time.advance(ms);
  return rig.resultOf(wish.commandId);
}

const MIGRATE = { verb: "migrate", args: { targetHostId: "target", targetUri: TARGET } } as const;
const DISK = { device: { kind: "disk", source: "/disks/extra" } } as const;

type Row = Pick<CommandWish, "verb" | "args"> & {
  readonly before?: "off";
  readonly result: object;
};
const ROWS: readonly Row[] = [
  { verb: "reboot", result: { status: "done", power: "on" } },
  { verb: "reset", result: { status: "done", power: "on" } },
  { verb: "suspend", result: { status: "done", power: "paused" } },
  { verb: "resume", result: { status: "done", power: "on" } },
  { ...MIGRATE, result: { status: "done", power: "off" } },
  { verb: "undefine", result: { status: "failed", code: "already_running", power: "on" } },
  { verb: "snapshot", args: { name: "one" }, result: { status: "done", power: "on" } },
  {
    verb: "revert",
    args: { snapshot: "none" },
    result: { status: "failed", code: "snapshot_not_found", power: "on" },
  },
  { verb: "delete-snapshot", args: { snapshot: "none" }, result: { status: "done", power: "on" } },
  { verb: "attach", args: DISK, result: { status: "done", power: "on" } },
  { verb: "detach", args: DISK, result: { status: "done", power: "on" } },
  {
    verb: "scale",
    args: { cpus: 2 },
    result: { status: "failed", code: "already_running", power: "on" },
  },
  {
    before: "off",
    verb: "reboot",
    result: { status: "failed", code: "simulated_not_running", power: "off" },
  },
  {
    before: "off",
    verb: "resume",
    result: { status: "failed", code: "simulated_not_running", power: "off" },
  },
  {
    before: "off",
    ...MIGRATE,
    result: { status: "failed", code: "simulated_not_running", power: "off" },
  },
  { before: "off", verb: "undefine", result: { status: "done", power: "off" } },
  { before: "off", verb: "scale", args: { cpus: 2 }, result: { status: "done", power: "off" } },
  {
    before: "off",
    verb: "snapshot",
    args: { name: "one" },
    result: { status: "done", power: "off" },
  },
];

/** What the hypervisor is asked for by each verb. */
const ASKS = {
  reboot: "requestReboot",
  reset: "reset",
  suspend: "suspend",
  resume: "resume",
  migrate: "migrate",
  undefine: "undefine",
  snapshot: "snapshot",
  revert: "revert",
  "delete-snapshot": "deleteSnapshot",
  attach: "attach",
  detach: "detach",
  scale: "scale",
} as const;

describe.each(ROWS)("$verb of a VM that is $before (on unless said)", (row) => {
  const { verb, args, before, result } = row;
  const wish = { commandId: "c1", verb: String(verb), ...(args && { args }) };

  test("comes to what it should, and the power is read back", async () => {
    const { rig } = await twoHosts("obeys");
    if (before === "off") rig.hypervisor.behindTheBack.powerOff(vmId(1));
    expect(await done(rig, wish)).toMatchObject(result);
  });

  test("is asked for once, however often it is delivered, by this process or by the next", async () => {
    const { rig, agent } = await twoHosts("obeys");
    if (before === "off") rig.hypervisor.behindTheBack.powerOff(vmId(1));
    const ask = Object.entries(ASKS).find(([name]) => name === verb)?.[1] ?? "reset";
    const really = rig.hypervisor[ask];
    let asked = 0;
    Object.assign(rig.hypervisor, {
      [ask]: (...given: unknown[]) => {
        asked += 1;
        return Reflect.apply(really, rig.hypervisor, given);
      },
    });
    rig.plane.send(aCommand(wish), aCommand(wish));
    const first = await done(rig, wish);
    await done(rig, wish);
    await agent.stop();
    await started(rig);
    expect(await done(rig, wish)).toMatchObject({ status: first?.status });
    expect(asked).toBe(1);
  });
});

test("a guest that does not restart when it is asked ends in timeout, and is on", async () => {
  const { rig } = await twoHosts("stubborn");
  const wish = { commandId: "c1", verb: "reboot", timeoutSeconds: 30 };
  expect(await done(rig, wish, 31_000)).toMatchObject({ code: "timeout", power: "on" });
});

test("a guest that goes off instead of restarting has not restarted", async () => {
  const { rig } = await twoHosts("slow");
  rig.plane.send(aCommand({ commandId: "c1", verb: "reboot" }));
  await rig.time.advance(100);
  rig.hypervisor.behindTheBack.powerOff(vmId(1));
  await rig.time.advance(100);
  expect(rig.resultOf("c1")).toMatchObject({ code: "did_not_last", power: "off" });
});

test("a device that a guest does not let go of is timeout, and may go later", async () => {
  const { rig } = await twoHosts("stubborn");
  await done(rig, { commandId: "c1", verb: "attach", args: DISK });
  const wish = { commandId: "c2", verb: "detach", args: DISK, timeoutSeconds: 10 };
  expect(await done(rig, wish, 11_000)).toMatchObject({ status: "failed", code: "timeout" });
});

describe("a migration", () => {
  const isOn = async (host: AgentRig["hypervisor"]) => {
    const read = await host.read(vmId(1));
    return read.ok ? read.power : read.code;
  };

  test("leads to where the target's session said", async () => {
    const { rig } = await twoHosts("obeys");
    const said: SessionRequest[] = [];
    const { openSession } = rig.plane.port;
    Object.assign(rig.plane.port, {
      openSession: (request: SessionRequest) => {
        said.push(request);
        return openSession(request);
      },
    });
    await started(rig);
    expect(said).toMatchObject([{ migrationUri: "simulated:here" }]);
  });

  test("that takes long holds back no probe, which says busy and that the VM is on", async () => {
    const { rig } = await twoHosts("slow");
    rig.plane.send(aCommand({ commandId: "c1", ...MIGRATE }));
    await rig.time.advance(1000);
    expect(await done(rig, { commandId: "c2" }, 10)).toMatchObject({ power: "on", busy: true });
    await rig.time.advance(10_000);
    expect(rig.resultOf("c1")).toMatchObject({ status: "done" });
    expect(await done(rig, { commandId: "c3" }, 10)).toMatchObject({ power: "off", busy: false });
  });

  test("is ended by a power-off, which waits for nothing", async () => {
    const { rig, target } = await twoHosts("slow");
    rig.plane.send(aCommand({ commandId: "c1", ...MIGRATE }));
    await rig.time.advance(1000);
    const off = await done(rig, { commandId: "c2", verb: "poweroff" }, 1000);
    expect(off).toMatchObject({ status: "done", power: "off" });
    await rig.time.advance(20_000);
    expect([await isOn(rig.hypervisor), await isOn(target)]).toEqual(["off", "not_found"]);
  });

  test("is aborted by a higher epoch, and the guest goes on here", async () => {
    const { rig, target } = await twoHosts("slow");
    rig.plane.send(aCommand({ commandId: "c1", ...MIGRATE }));
    await rig.time.advance(1000);
    expect(await done(rig, { commandId: "c2", epoch: 2 }, 10)).toMatchObject({ busy: false });
    expect(rig.resultOf("c1")).toMatchObject({ status: "failed", code: "aborted", power: "on" });
    expect([await isOn(rig.hypervisor), await isOn(target)]).toEqual(["on", "not_found"]);
  });

  test("that takes longer than its time is called off by the agent's own clock", async () => {
    const { rig, target } = await twoHosts("slow");
    const late = await done(rig, { commandId: "c1", ...MIGRATE, timeoutSeconds: 2 }, 2100);
    expect(late).toMatchObject({ status: "failed", code: "timeout" });
    expect(await done(rig, { commandId: "c2" }, 10)).toMatchObject({ power: "on", busy: false });
    expect(await isOn(target)).toBe("not_found");
  });

  test("goes on when the agent ends; the next one says busy until it is over, and then what is true", async () => {
    const { rig, target, agent } = await twoHosts("slow");
    rig.plane.send(aCommand({ commandId: "c1", ...MIGRATE }));
    await rig.time.advance(1000);
    await agent.stop();
    const next = await started(rig);
    expect(rig.resultOf("c1")).toMatchObject({ status: "failed", code: "outcome_unknown" });
    const probe = (commandId: string) => ({ commandId, bootId: next.bootId() });
    expect(await done(rig, probe("c2"), 10)).toMatchObject({ power: "on", busy: true });
    await rig.time.advance(8000);
    expect(await isOn(target)).toBe("on");
    await rig.time.advance(4000);
    expect(await done(rig, probe("c3"), 10)).toMatchObject({ power: "off", busy: false });
  });

  test("whose daemon dies leaves the guest here, and the VM busy for a while", async () => {
    const { rig, target } = await twoHosts("slow");
    rig.plane.send(aCommand({ commandId: "c1", ...MIGRATE }));
    await rig.time.advance(1000);
    rig.hypervisor.behindTheBack.setReachable("unreachable");
    await rig.time.advance(100);
    rig.hypervisor.behindTheBack.setReachable("reachable");
    await rig.time.advance(100);
    expect(rig.resultOf("c1")).toMatchObject({ status: "failed", code: "outcome_unknown" });
    expect(await done(rig, { commandId: "c2" }, 10)).toMatchObject({ power: "on", busy: true });
    await rig.time.advance(10_000);
    expect(await done(rig, { commandId: "c3" }, 10)).toMatchObject({ power: "on", busy: false });
    expect(await isOn(target)).toBe("not_found");
  });

  test("that is over here with its outcome open leaves nothing busy", async () => {
    const { rig } = await twoHosts("obeys");
    const open = { ok: false, code: "outcome_unknown", detail: "apart", isOverHere: true } as const;
    Object.assign(rig.hypervisor, { migrate: async () => open });
    const failed = await done(rig, { commandId: "c1", ...MIGRATE }, 10);
    expect(failed).toMatchObject({ status: "failed", code: "outcome_unknown", power: "on" });
    expect(await done(rig, { commandId: "c2" }, 10)).toMatchObject({ power: "on", busy: false });
    await rig.start().stop(); // Its log can be read.
  });

  test("whose target is lost leaves the guest here, at once", async () => {
    const { rig, target } = await twoHosts("slow");
    rig.plane.send(aCommand({ commandId: "c1", ...MIGRATE }));
    await rig.time.advance(1000);
    target.behindTheBack.hostPowerFailure();
    await rig.time.advance(10);
    expect(rig.resultOf("c1")).toMatchObject({ code: "simulated_target_lost", power: "on" });
  });
});

test("S3: a migration does not reach a host without power", async () => {
  const { rig, target } = await twoHosts("obeys");
  target.behindTheBack.hostPowerFailure();
  const failed = await done(rig, { commandId: "c1", ...MIGRATE }, 10);
  expect(failed).toMatchObject({ status: "failed", code: "simulated_no_target", power: "on" });
  target.behindTheBack.hostPowerReturns();
  expect(target.behindTheBack.seen(vmId(1))).toBeUndefined();
});

describe("a probe", () => {
  test("describes the VM when it is asked to: what its next start would give it", async () => {
    const { rig } = await twoHosts("obeys");
    const wish = { verb: "probe", args: { describe: true } };
    expect(await done(rig, { commandId: "c1", ...wish })).toMatchObject({
      status: "done",
      description: { cpus: 3, memoryMiB: 96, domainXml: expect.stringContaining(vmId(1)) },
    });
    const plain = await done(rig, { commandId: "c2" });
    expect(plain).not.toHaveProperty("description");
    const unknown = await done(rig, { commandId: "c3", vm: 2, ...wish });
    expect(unknown).toMatchObject({ status: "done", code: "not_found" });
    expect(unknown).not.toHaveProperty("description");
  });

  test("that describes is answered by itself: its XML may be as large as a request", async () => {
    const { rig } = await twoHosts("obeys");
    const batches: string[][] = [];
    const { results } = rig.plane.port;
    Object.assign(rig.plane.port, {
      results: (sent: Results) => {
        batches.push(sent.results.map((result) => result.commandId));
        return results(sent);
      },
    });
    rig.plane.refuse = (operation) =>
      operation === "results"
        ? { status: "unavailable", detail: "cut off", retryAfterMs: 0 }
        : undefined;
    for (const commandId of ["c1", "c2", "c3", "c4"])
      rig.plane.send(aCommand({ commandId, args: commandId === "c3" ? { describe: true } : {} }));
    await rig.time.advance(100);
    rig.plane.refuse = () => undefined;
    batches.length = 0;
    await rig.time.advance(60_000);
    expect(batches).toEqual([["c1", "c2"], ["c3"], ["c4"]]);
  });

  test("makes a VM one that the host fences, or one that it does not", async () => {
    const { rig } = await twoHosts("obeys");
    rig.hypervisor.behindTheBack.powerOn(vmId(2), "two");
    Object.assign(rig.plane.grant, { leaseSeconds: 30, selfFence: true });
    await started(rig);
    const probe = { verb: "probe", bootId: "boot-0002" };
    for (const vm of [1, 2])
      await done(rig, { commandId: `on${vm}`, vm, ...probe, args: { ha: true } }, 10);
    await done(rig, { commandId: "off2", vm: 2, ...probe, args: { ha: false } }, 10);
    rig.plane.refuse = () => ({ status: "unavailable", detail: "cut off", retryAfterMs: 0 });
    await rig.time.advance(100_000);
    expect(await rig.hypervisor.read(vmId(1))).toMatchObject({ power: "off" });
    expect(await rig.hypervisor.read(vmId(2))).toMatchObject({ power: "on" });
  });
});

test.each([
  ["resume", {}, "paused"],
  ["revert", { snapshot: "one" }, "off"],
  ["migrate", MIGRATE.args, "on"],
])("no HA VM comes on or leaves by %s while the lease is out", async (verb, args, power) => {
  const { rig } = await twoHosts("obeys");
  Object.assign(rig.plane.grant, { leaseSeconds: 30, selfFence: true });
  await started(rig);
  const bootId = "boot-0002";
  await done(rig, { commandId: "c1", bootId, args: { ha: true } });
  await done(rig, { commandId: "c2", bootId, verb: "snapshot", args: { name: "one" } });
  Object.assign(rig.hypervisor, { powerOff: () => new Promise(() => {}) }); // A power-off that hangs.
  const { pause, powerOff } = rig.hypervisor.behindTheBack;
  if (power === "off") powerOff(vmId(1));
  else if (power === "paused") pause(vmId(1));
  rig.plane.refuse = (operation) =>
    operation === "report"
      ? { status: "unavailable", detail: "cut off", retryAfterMs: 0 }
      : undefined;
  await rig.time.advance(100_000);
  const refused = await done(rig, { commandId: "c3", bootId, verb, args });
  expect(refused).toMatchObject({ status: "failed", code: "lease_expired", power });
});

test("a host that fences itself powers off a few at a time, and all of them", async () => {
  const running = Array.from({ length: 50 }, (_, n) => ({ vmId: vmId(n), name: `guest-${n}` }));
  const rig = agentRig({ running });
  Object.assign(rig.plane.grant, { leaseSeconds: 30, selfFence: true });
  await started(rig);
  for (const { vmId: id } of running)
    rig.plane.send({
      ...aCommand({ commandId: id, args: { ha: true } }),
      vmId: id,
    });
  await rig.time.advance(1000);
  const { powerOff } = rig.hypervisor;
  let underWay = 0;
  let most = 0;
  Object.assign(rig.hypervisor, {
    powerOff: async (id: Parameters<typeof powerOff>[0]) => {
      underWay += 1;
      most = Math.max(most, underWay);
      const answer = await powerOff(id);
      underWay -= 1;
      return answer;
    },
  });
  rig.plane.refuse = () => ({ status: "unavailable", detail: "cut off", retryAfterMs: 0 });
  await rig.time.advance(65_000);
  const listing = await rig.hypervisor.list();
  expect(listing.complete && listing.vms.filter((vm) => vm.held)).toEqual([]);
  expect(most).toBeLessThanOrEqual(16);
});
