import { afterEach, expect, test } from "vitest";
import type { Agent } from "../../agent/agent.ts";
import { type AgentRig, agentRig } from "../support/agent/agent-rig.ts";
import { aCommand, startArgs, vmId } from "../support/agent/commands.ts";

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

test("a started agent opens a session and reports whole, once, as startup", async () => {
  const rig = agentRig({ running: [{ vmId: vmId(1), name: "one" }] });
  await started(rig);
  expect(rig.plane.sessions).toEqual(["boot-0001"]);
  expect(rig.plane.reports).toEqual([
    {
      bootId: "boot-0001",
      seq: 1,
      kind: "startup",
      complete: true,
      observedAt: expect.any(String),
      capacity: { cpus: 64, memoryMiB: 262_144 },
      vms: [{ vmId: vmId(1), power: "on", detail: "running", name: "one" }],
    },
  ]);
});

test("a start is run, answered with the power read back, and reported as an event", async () => {
  const rig = agentRig();
  await started(rig);
  rig.plane.send(aCommand({ commandId: "c1", verb: "start" }));
  await rig.time.advance(1000);
  expect(rig.resultOf("c1")).toMatchObject({ status: "done", power: "on", epoch: 1 });
  expect(rig.plane.queue()).toEqual([]);
  expect(rig.plane.reports.at(-1)).toMatchObject({
    kind: "event",
    vms: [{ vmId: vmId(1), power: "on", epoch: 1 }],
  });
});

test("a start of what is on already fails already_running and tells that it is on", async () => {
  const rig = agentRig({ running: [{ vmId: vmId(1), name: "one" }] });
  await started(rig);
  rig.plane.send(aCommand({ commandId: "c1", verb: "start" }));
  await rig.time.advance(1000);
  expect(rig.resultOf("c1")).toMatchObject({
    status: "failed",
    code: "already_running",
    power: "on",
  });
});

test("a shutdown that the guest obeys is done; one that it ignores fails with timeout and on", async () => {
  const rig = agentRig({
    running: [
      { vmId: vmId(1), name: "obeys" },
      { vmId: vmId(2), name: "stubborn" },
    ],
  });
  await started(rig);
  rig.plane.send(
    aCommand({ commandId: "c1", verb: "shutdown" }),
    aCommand({ commandId: "c2", vm: 2, verb: "shutdown" }),
  );
  await rig.time.advance(29_000);
  expect(rig.resultOf("c1")).toMatchObject({ status: "done", power: "off" });
  expect(rig.resultOf("c2")).toBeUndefined();
  await rig.time.advance(2000);
  expect(rig.resultOf("c2")).toMatchObject({ status: "failed", code: "timeout", power: "on" });
});

test("a power-off is not held up by a shutdown that waits, and ends it", async () => {
  const rig = agentRig({ running: [{ vmId: vmId(1), name: "stubborn" }] });
  await started(rig);
  rig.plane.send(aCommand({ commandId: "c1", verb: "shutdown" }));
  await rig.time.advance(1000);
  rig.plane.send(aCommand({ commandId: "c2", verb: "poweroff" }));
  await rig.time.advance(1000);
  expect(rig.resultOf("c2")).toMatchObject({ status: "done", power: "off" });
  expect(rig.resultOf("c1")).toMatchObject({ status: "failed", code: "outcome_unknown" });
});

test("agents that stop leave no timer that keeps a session", async () => {
  const rig = agentRig();
  const agent = await started(rig);
  await agent.stop();
  await agent.stopped;
  const reports = rig.plane.reports.length;
  await rig.time.advance(600_000);
  expect(rig.plane.reports).toHaveLength(reports);
});

test("an HA start is refused while the lease is out", async () => {
  const rig = agentRig();
  Object.assign(rig.plane.grant, { leaseSeconds: 10, selfFence: true });
  await started(rig);
  rig.plane.refuse = (operation) =>
    operation === "report"
      ? { status: "unavailable", detail: "cut off", retryAfterMs: 0 }
      : undefined;
  await rig.time.advance(71_000);
  rig.plane.send(aCommand({ commandId: "c1", verb: "start", args: startArgs({ ha: true }) }));
  await rig.time.advance(1000);
  expect(rig.resultOf("c1")).toMatchObject({ status: "failed", code: "lease_expired" });
});

const isPower = (rig: AgentRig, power: string) => async () => {
  const read = await rig.hypervisor.read(vmId(1));
  return read.ok && read.power === power;
};

const cutOff = (operations: readonly string[]) => (operation: string) =>
  operations.includes(operation)
    ? ({ status: "unavailable", detail: "cut off", retryAfterMs: 0 } as const)
    : undefined;

test("reports come at the interval that the server asks for, each a new look", async () => {
  const rig = agentRig();
  rig.plane.grant.reportIntervalSeconds = 10;
  await started(rig);
  await rig.time.advance(30_500);
  expect(rig.plane.reports.map(({ kind, seq }) => [kind, seq])).toEqual([
    ["startup", 1],
    ["periodic", 2],
    ["periodic", 3],
    ["periodic", 4],
  ]);
});

test("events close to each other make one report", async () => {
  const rig = agentRig();
  await started(rig);
  for (let n = 1; n <= 20; n += 1) rig.hypervisor.behindTheBack.powerOn(vmId(n), "guest");
  await rig.time.advance(500);
  expect(rig.plane.reports.map(({ kind, vms }) => [kind, vms.length])).toEqual([
    ["startup", 0],
    ["event", 20],
  ]);
});

test("a hypervisor out of reach is reported as not complete, never as empty and complete", async () => {
  const rig = agentRig({ running: [{ vmId: vmId(1), name: "one" }] });
  await started(rig);
  rig.hypervisor.behindTheBack.setReachable("unreachable");
  await rig.time.advance(61_000);
  rig.hypervisor.behindTheBack.setReachable("reachable");
  await rig.time.advance(1000);
  expect(rig.plane.reports.map(({ complete, vms }) => [complete, vms.length])).toEqual([
    [true, 1],
    [false, 0],
    [false, 0],
    [true, 1],
  ]);
});

test("a report that was not delivered is followed by a new look, and stays startup until one is accepted", async () => {
  const rig = agentRig();
  rig.plane.refuse = cutOff(["report"]);
  await started(rig);
  await rig.time.advance(1000);
  rig.hypervisor.behindTheBack.powerOn(vmId(1), "guest");
  rig.plane.refuse = () => undefined;
  await rig.time.advance(5000);
  expect(rig.plane.reports[0]).toMatchObject({ kind: "startup", vms: [{ power: "on" }] });
});

test("a report that is too large is sent again without what only people read", async () => {
  const rig = agentRig({ running: [{ vmId: vmId(1), name: "one" }] });
  let refused = 0;
  rig.plane.refuse = (operation) => {
    if (operation !== "report" || refused > 0) return undefined;
    refused += 1;
    return { status: "refused", code: "payload_too_large", detail: "" };
  };
  await started(rig);
  await rig.time.advance(1000);
  expect(rig.plane.reports[0]?.vms).toEqual([{ vmId: vmId(1), power: "on" }]);
});

test("results are repeated, the same under the same number, until they are accepted", async () => {
  const rig = agentRig();
  await started(rig);
  const tried: unknown[] = [];
  const { results } = rig.plane.port;
  Object.assign(rig.plane.port, {
    results: (sent: Parameters<typeof results>[0]) => {
      tried.push(sent.results);
      return results(sent);
    },
  });
  rig.plane.refuse = cutOff(["results"]);
  rig.plane.send(aCommand({ commandId: "c1" }));
  await rig.time.advance(2000);
  expect(rig.plane.results).toEqual([]);
  rig.plane.refuse = () => undefined;
  await rig.time.advance(60_000);
  expect(rig.plane.results).toHaveLength(1);
  expect(tried.length).toBeGreaterThan(2);
  for (const results of tried) expect(results).toEqual(rig.plane.results);
});

test("one result that is refused for what it is does not hold up the others", async () => {
  const rig = agentRig();
  await started(rig);
  const { results } = rig.plane.port;
  Object.assign(rig.plane.port, {
    results: async (sent: Parameters<typeof results>[0]) =>
      sent.results.some(({ commandId }) => commandId === "bad")
        ? { status: "refused", code: "invalid_request", detail: "" }
        : await results(sent),
  });
  rig.plane.send(
    ...["c1", "bad", "c2"].map((commandId, at) => aCommand({ commandId, vm: at + 1 })),
  );
  await rig.time.advance(120_000);
  expect(rig.plane.results.map(({ commandId }) => commandId).toSorted()).toEqual(["c1", "c2"]);
  expect(rig.notes.filter((note) => note.level === "error").length).toBeGreaterThan(0);
});

test("one result that is refused again and again for another reason does not hold up the others", async () => {
  const rig = agentRig();
  await started(rig);
  const { results } = rig.plane.port;
  Object.assign(rig.plane.port, {
    results: async (sent: Parameters<typeof results>[0]) =>
      sent.results.some(({ commandId }) => commandId === "bad")
        ? { status: "refused", code: "forbidden", detail: "" }
        : await results(sent),
  });
  rig.plane.send(
    ...["bad", "c1", "c2"].map((commandId, at) => aCommand({ commandId, vm: at + 1 })),
  );
  await rig.time.advance(120_000);
  expect(rig.plane.results.map(({ commandId }) => commandId).toSorted()).toEqual(["c1", "c2"]);
});

test("what one host says is numbered in the order in which it was seen, reports and results alike", async () => {
  const rig = agentRig();
  rig.plane.grant.reportIntervalSeconds = 1;
  await started(rig);
  for (let n = 1; n <= 5; n += 1) {
    rig.plane.send(aCommand({ commandId: `on${n}`, vm: n, epoch: 1, verb: "start" }));
    await rig.time.advance(700);
    rig.plane.send(aCommand({ commandId: `off${n}`, vm: n, epoch: 2, verb: "poweroff" }));
    await rig.time.advance(700);
  }
  await rig.time.advance(5000);
  const seqs = [...rig.plane.reports, ...rig.plane.results].map(({ seq }) => seq);
  expect(new Set(seqs).size).toBe(seqs.length);
  // The last word by number is the last truth.
  for (let n = 1; n <= 5; n += 1) {
    const said = [
      ...rig.plane.results.filter((result) => result.vmId === vmId(n)),
      ...rig.plane.reports.flatMap(({ seq, vms }) =>
        vms.filter((vm) => vm.vmId === vmId(n)).map((vm) => ({ seq, power: vm.power })),
      ),
    ];
    expect(said.toSorted((a, b) => a.seq - b.seq).at(-1)?.power).toBe("off");
  }
});

test("a report claims an epoch only for what was seen after the command of that epoch had come", async () => {
  const rig = agentRig({ running: [{ vmId: vmId(1), name: "one" }] });
  await started(rig);
  const { list } = rig.hypervisor;
  const listing = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  Object.assign(rig.hypervisor, {
    list: async () => {
      const seen = await list();
      asked.resolve();
      await listing.promise;
      return seen;
    },
  });
  rig.hypervisor.behindTheBack.pause(vmId(1));
  await rig.time.advance(100);
  await asked.promise;
  rig.plane.send(aCommand({ commandId: "c1", epoch: 9, verb: "poweroff" }));
  await rig.time.advance(100);
  listing.resolve();
  await rig.time.advance(0);
  expect(rig.plane.reports[1]?.vms).toEqual([expect.not.objectContaining({ epoch: 9 })]);
  await rig.time.advance(2000);
  expect(rig.plane.reports.at(-1)?.vms).toEqual([expect.objectContaining({ epoch: 9 })]);
});

test("a message that is no command is dropped with a line and holds up nothing", async () => {
  const rig = agentRig();
  await started(rig);
  rig.plane.send("nonsense", '{"v":2}', aCommand({ commandId: "c1" }));
  await rig.time.advance(100);
  expect(rig.resultOf("c1")?.status).toBe("done");
  expect(rig.plane.queue()).toEqual([]);
  expect(rig.notes.filter((note) => note.level === "error")).toHaveLength(2);
});

test("a command that comes again is answered again with the old outcome and not done again", async () => {
  const rig = agentRig();
  await started(rig);
  const command = aCommand({ commandId: "c1", verb: "start" });
  rig.plane.send(command);
  await rig.time.advance(1000);
  rig.hypervisor.behindTheBack.powerOff(vmId(1));
  rig.plane.send(command);
  await rig.time.advance(5000);
  const [first, second] = rig.plane.results;
  expect(second).toEqual(first);
  expect(await isPower(rig, "off")()).toBe(true);
});

test("verbs that this agent does not know fail as unsupported and raise the epoch all the same", async () => {
  const rig = agentRig();
  await started(rig);
  rig.plane.send(aCommand({ commandId: "c1", epoch: 5, verb: "migrate" }));
  await rig.time.advance(100);
  rig.plane.send(aCommand({ commandId: "c2", epoch: 4, verb: "start" }));
  await rig.time.advance(1000);
  expect(rig.resultOf("c1")).toMatchObject({ status: "failed", code: "unsupported" });
  expect(rig.resultOf("c2")).toMatchObject({ status: "stale" });
});

test("a refused boot ends: the next session has a new boot, and what was meant for the old one is stale", async () => {
  const rig = agentRig();
  const agent = await started(rig);
  rig.plane.takeOver();
  await rig.time.advance(61_000);
  expect(rig.plane.sessions).toEqual(["boot-0001", "boot-0002"]);
  expect(agent.bootId()).toBe("boot-0002");
  expect(rig.plane.reports.at(-1)).toMatchObject({ bootId: "boot-0002", kind: "startup" });
  rig.plane.send(aCommand({ commandId: "c1", verb: "start", bootId: "boot-0001" }));
  await rig.time.advance(1000);
  expect(rig.resultOf("c1")).toMatchObject({ status: "stale" });
});

test("a result of the boot that ended is told under the new one, renumbered and without its power", async () => {
  const rig = agentRig();
  await started(rig);
  rig.plane.refuse = cutOff(["results"]);
  rig.plane.send(aCommand({ commandId: "c1", verb: "start" }));
  await rig.time.advance(1000);
  rig.plane.takeOver();
  rig.plane.refuse = () => undefined;
  await rig.time.advance(120_000);
  const result = rig.resultOf("c1");
  expect(result).toMatchObject({ status: "done" });
  expect(result?.power).toBeUndefined();
  expect(result?.seq).toBeGreaterThan(rig.plane.reports[0]?.seq ?? 0);
});

test("of two agents in one host's name the newer goes on and the older stops with a line", async () => {
  const rig = agentRig();
  rig.plane.grant.reportIntervalSeconds = 1;
  const older = await started(rig);
  const newer = await started(rig);
  const stopped = older.stopped.then(
    () => "as told",
    (error: Error) => error.message,
  );
  await rig.time.advance(60_000);
  expect(await stopped).toMatch(/another agent keeps opening sessions/);
  expect(rig.plane.sessions.at(-1)).toBe(newer.bootId());
  const reports = rig.plane.reports.length;
  await rig.time.advance(10_000);
  expect(rig.plane.reports.length).toBeGreaterThan(reports + 5);
});

test("a session that the control plane refuses stops the agent with a line", async () => {
  const rig = agentRig();
  rig.plane.refuse = () => ({ status: "refused", code: "unauthenticated", detail: "" });
  const agent = rig.start();
  await expect(agent.ready).rejects.toThrow(/join with a new token/);
  await expect(agent.stopped).rejects.toThrow(/join with a new token/);
});

test("a control plane that is not there yet is waited for", async () => {
  const rig = agentRig();
  rig.plane.refuse = cutOff(["session"]);
  const agent = rig.start();
  agents.push(agent);
  await rig.time.advance(60_000);
  expect(rig.plane.sessions).toEqual([]);
  rig.plane.refuse = () => undefined;
  await rig.time.advance(31_000);
  await agent.ready;
  expect(rig.plane.reports).toHaveLength(1);
});

test("credentials are renewed before they end, under the same boot", async () => {
  const rig = agentRig();
  await started(rig);
  await rig.time.advance(3_600_000);
  expect(rig.plane.sessions).toEqual(["boot-0001", "boot-0001"]);
});

test("an agent that comes back tells the results that were never accepted, and does nothing twice", async () => {
  const rig = agentRig();
  const first = await started(rig);
  rig.plane.refuse = cutOff(["results"]);
  const command = aCommand({ commandId: "c1", verb: "start" });
  rig.plane.send(command);
  await rig.time.advance(1000);
  await first.stop();
  rig.plane.refuse = () => undefined;
  rig.hypervisor.behindTheBack.powerOff(vmId(1));
  await started(rig);
  rig.plane.send(command);
  await rig.time.advance(5000);
  expect(rig.resultOf("c1")).toMatchObject({ status: "done" });
  expect(await isPower(rig, "off")()).toBe(true);
});

test("an HA VM is powered off no later than the lease ends, counted from the sending of the last accepted report", async () => {
  const rig = agentRig();
  Object.assign(rig.plane.grant, {
    leaseSeconds: 30,
    selfFence: true,
    reportIntervalSeconds: 10,
  });
  await started(rig);
  rig.plane.send(
    aCommand({ commandId: "c1", verb: "start", args: startArgs({ ha: true }) }),
    aCommand({ commandId: "c2", vm: 2, verb: "start" }),
  );
  await rig.time.advance(1000);
  rig.plane.refuse = cutOff(["report", "results", "session"]);
  const lastAcceptedAtMs = rig.time.monotonicNow();
  await rig.time.advance(28_000);
  expect(await isPower(rig, "on")()).toBe(true);
  await rig.time.advance(lastAcceptedAtMs + 30_500 - rig.time.monotonicNow());
  expect(await isPower(rig, "off")()).toBe(true);
  expect(await rig.hypervisor.read(vmId(2))).toMatchObject({ power: "on" });
});

test("an HA VM whose power-off hangs does not keep another's from being tried again", async () => {
  const rig = agentRig();
  Object.assign(rig.plane.grant, { leaseSeconds: 30, selfFence: true, reportIntervalSeconds: 10 });
  await started(rig);
  const ha = { verb: "start", args: startArgs({ ha: true }) };
  rig.plane.send(aCommand({ commandId: "c1", ...ha }), aCommand({ commandId: "c2", vm: 2, ...ha }));
  await rig.time.advance(1000);
  rig.plane.refuse = cutOff(["report", "results", "session"]);
  const { powerOff } = rig.hypervisor;
  let refusals = 0;
  Object.assign(rig.hypervisor, {
    powerOff: (id: Parameters<typeof powerOff>[0]) => {
      if (id === vmId(2)) return new Promise(() => {});
      refusals += 1;
      return refusals > 1
        ? powerOff(id)
        : Promise.resolve({ ok: false, code: "hypervisor_unreachable", detail: "" });
    },
  });
  await rig.time.advance(35_000);
  expect(await isPower(rig, "off")()).toBe(true);
});

test("a new agent goes on with what is left of the lease, not with a new one", async () => {
  const rig = agentRig({ running: [] });
  Object.assign(rig.plane.grant, { leaseSeconds: 30, selfFence: true });
  const first = await started(rig);
  rig.plane.send(aCommand({ commandId: "c1", verb: "start", args: startArgs({ ha: true }) }));
  await rig.time.advance(1000);
  await first.stop();
  rig.plane.refuse = cutOff(["report", "results", "session"]);
  await rig.time.advance(25_000);
  agents.push(rig.start());
  await rig.time.advance(2000);
  expect(await isPower(rig, "on")()).toBe(true);
  await rig.time.advance(4000);
  expect(await isPower(rig, "off")()).toBe(true);
});

test("without selfFence nothing is powered off however long the host is cut off", async () => {
  const rig = agentRig();
  rig.plane.grant.leaseSeconds = 5;
  await started(rig);
  rig.plane.send(aCommand({ commandId: "c1", verb: "start", args: startArgs({ ha: true }) }));
  await rig.time.advance(1000);
  rig.plane.refuse = cutOff(["report", "results", "session"]);
  await rig.time.advance(3_600_000);
  expect(await isPower(rig, "on")()).toBe(true);
});

test("a host of 2,000 VMs is reported whole; one more makes the report not complete", async () => {
  const running = Array.from({ length: 2001 }, (_, n) => ({ vmId: vmId(n), name: `guest-${n}` }));
  const whole = agentRig({ running: running.slice(0, 2000) });
  await started(whole);
  expect(whole.plane.reports[0]).toMatchObject({ complete: true });
  expect(whole.plane.reports[0]?.vms).toHaveLength(2000);
  const cut = agentRig({ running });
  await started(cut);
  expect(cut.plane.reports[0]).toMatchObject({ complete: false });
  expect(cut.plane.reports[0]?.vms).toHaveLength(2000);
});

test("a host that fences itself takes no command before its first report was accepted", async () => {
  const rig = agentRig();
  rig.plane.grant.selfFence = true;
  rig.plane.refuse = cutOff(["report"]);
  await started(rig);
  rig.plane.send(aCommand({ commandId: "c1", verb: "start", args: startArgs({ ha: true }) }));
  await rig.time.advance(5000);
  expect(rig.plane.results).toEqual([]);
  rig.plane.refuse = () => undefined;
  await rig.time.advance(30_000);
  expect(rig.resultOf("c1")).toMatchObject({ status: "done", power: "on" });
});

test("a deletion that hangs holds up neither its command nor the next one", async () => {
  const rig = agentRig();
  const { openCommandSource } = rig.plane;
  Object.assign(rig.plane, {
    openCommandSource: (granted: Parameters<typeof openCommandSource>[0]) => ({
      ...openCommandSource(granted),
      remove: () => new Promise(() => {}),
    }),
  });
  await started(rig);
  for (const [at, commandId] of ["c1", "c2"].entries()) {
    rig.plane.send(aCommand({ commandId, vm: at + 1 }));
    await rig.time.advance(10);
    expect(rig.resultOf(commandId)).toMatchObject({ status: "done" });
  }
});
