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
