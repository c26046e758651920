import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Client,
  type RunningHost,
  type RunningStack,
  runningStack,
} from "../support/running-stack.ts";

const QUICK = { startMs: 5, shutdownMs: 5, powerOffMs: 5 };

describe("a VM starts and stops, through every part of the stack", () => {
  let stack: RunningStack;
  let client: Client;
  let host: RunningHost;

  beforeAll(async () => {
    stack = await runningStack();
    client = stack.client;
    host = await stack.addHost("host-a", QUICK);
  });
  afterAll(() => stack.stop());

  it("runs start and stop as jobs with a journal, and shows VM, job and apartment", async () => {
    const vm = await client.createVm({ name: "web" });
    expect(vm).toMatchObject({ state: "Stopped", power: { state: "unknown" }, queuedJobs: 0 });

    const started = await client.run(vm.id, "start");
    expect(started).toMatchObject({
      status: "succeeded",
      type: "vm.start",
      result: { hostId: "host-a" },
    });
    expect(started.journal?.map((entry) => entry.step)).toEqual(["reserving", "starting", "ended"]);
    expect(await client.vm(vm.id)).toMatchObject({
      state: "Running",
      hostId: "host-a",
      power: { state: "on", hostId: "host-a" },
    });

    const stopped = await client.run(vm.id, "stop");
    expect(stopped).toMatchObject({ status: "succeeded", result: { forced: false } });
    expect(await client.vm(vm.id)).toMatchObject({ state: "Stopped", lastHostId: "host-a" });
    const { body } = await client.call("GET", `/v1/vms/${vm.id}/apartment`);
    expect(body).toMatchObject({ queued: [], unsettled: [], paused: false });
    expect(body).not.toHaveProperty("active");
  });

  it("starts with its creation", async () => {
    const body = { name: "deployed", spec: { cpus: 1, memoryMiB: 64 }, start: true };
    const made = await client.call("POST", "/v1/vms", body);
    expect(made.status).toBe(202);
    const { vm, job } = made.body as { vm: { id: string }; job: { id: string; type: string } };
    expect(job.type).toBe("vm.deploy");
    expect(await client.ended(job.id)).toMatchObject({ status: "succeeded" });
    expect(await client.vm(vm.id)).toMatchObject({ state: "Running" });
  });

  it("takes the power of a guest that ignores the shutdown, when forced or asked to", async () => {
    const vm = await client.createVm({ name: "stubborn-one" });
    await client.run(vm.id, "start");
    const ignored = await client.run(vm.id, "stop", { graceSeconds: 1 });
    expect(ignored).toMatchObject({ status: "failed", error: { code: "timed_out" } });
    expect(await client.vm(vm.id)).toMatchObject({ state: "Running" });
    const forced = await client.run(vm.id, "stop", { graceSeconds: 1, thenForce: true });
    expect(forced).toMatchObject({ status: "succeeded" });
    expect(await client.vm(vm.id)).toMatchObject({ state: "Stopped" });
    await client.run(vm.id, "start");
    expect(await client.run(vm.id, "stop", { forced: true })).toMatchObject({
      result: { forced: true },
    });
  });

  it("runs the jobs of one VM in order, one at a time, however fast they are asked for", async () => {
    const vm = await client.createVm({ name: "busy" });
    const verbs = Array.from({ length: 12 }, (_, n) => (n % 2 === 0 ? "start" : "stop"));
    const jobs = [];
    for (const verb of verbs) jobs.push(await client.submit(vm.id, verb));
    const ended = await Promise.all(jobs.map((job) => client.ended(job.id)));
    expect(ended.map((job) => job.status)).toEqual(Array(12).fill("succeeded"));
    const spans = ended.map((job) => [
      Date.parse(job.startedAt ?? ""),
      Date.parse(job.finishedAt ?? ""),
    ]);
    for (const [at, span] of spans.entries())
      expect(span[0]).toBeGreaterThanOrEqual(spans[at - 1]?.[1] ?? 0);
    expect(await client.vm(vm.id)).toMatchObject({ state: "Stopped", queuedJobs: 0 });
  });

  it("parks jobs while the apartment is paused, and goes on when it is resumed", async () => {
    const vm = await client.createVm({ name: "paused" });
    await client.call("POST", `/v1/vms/${vm.id}/apartment`, { paused: true });
    const job = await client.submit(vm.id, "start");
    await expect
      .poll(async () => (await client.call("GET", `/v1/vms/${vm.id}/apartment`)).body)
      .toMatchObject({ paused: true, queued: [{ jobId: job.id, type: "vm.start" }] });
    const resumed = await client.call("POST", `/v1/vms/${vm.id}/apartment`, { paused: false });
    expect(resumed.body).toMatchObject({ active: { jobId: job.id, step: "reserving" } });
    expect(await client.ended(job.id)).toMatchObject({ status: "succeeded" });
  });

  it("answers the same job for the same key and request, whatever has become of it", async () => {
    const vm = await client.createVm({ name: "keyed" });
    const key = { "idempotency-key": randomUUID() };
    const path = `/v1/vms/${vm.id}/start`;
    const [one, two] = await Promise.all([
      client.call("POST", path, {}, key),
      client.call("POST", path, {}, key),
    ]);
    const { id } = one.body as { id: string };
    expect(two.body).toMatchObject({ id });
    await client.ended(id);
    expect((await client.call("POST", path, {}, key)).body).toMatchObject({
      id,
      status: "succeeded",
    });
    const other = await client.call("POST", path, { hostId: "host-a" }, key);
    expect(other).toMatchObject({ status: 409, body: { code: "idempotency_conflict" } });
    const jobs = await client.call("GET", `/v1/jobs?vmId=${vm.id}`);
    expect((jobs.body as { items: unknown[] }).items).toHaveLength(1);
  });

  it("runs the guest at the hypervisor, and sees it there", async () => {
    const vm = await client.createVm({ name: "seen" });
    await client.run(vm.id, "start");
    const on = async () => {
      const seen = await host.hypervisor.list();
      return seen.complete && seen.vms.some((each) => each.vmId === vm.id && each.power === "on");
    };
    expect(await on()).toBe(true);
    await client.run(vm.id, "stop", { forced: true });
    expect(await on()).toBe(false);
  });

  it("records what happens behind its back, from the host's next report", async () => {
    const vm = await client.createVm({ name: "crashes" });
    await client.run(vm.id, "start");
    host.hypervisor.behindTheBack.crash(vm.id);
    await expect
      .poll(async () => (await client.vm(vm.id)).power.state, { timeout: 10_000 })
      .toBe("crashed");
  });

  it("renames a VM at once, between its jobs", async () => {
    const vm = await client.createVm({ name: "old-name" });
    const patched = await client.call("PATCH", `/v1/vms/${vm.id}`, {
      name: "new-name",
      haEnabled: true,
    });
    expect(patched).toMatchObject({ status: 200, body: { name: "new-name", haEnabled: true } });
    expect(await client.vm(vm.id)).toMatchObject({ name: "new-name" });
  });

  it("refuses what the VM's state or the hosts do not allow, and changes nothing", async () => {
    const vm = await client.createVm({ name: "refused" });
    const stop = await client.call("POST", `/v1/vms/${vm.id}/teleport`, {});
    expect(stop).toMatchObject({ status: 404, body: { code: "route_not_found" } });
    const migrate = await client.call("POST", `/v1/vms/${vm.id}/migrate`, {});
    expect(migrate).toMatchObject({
      status: 409,
      body: { code: "vm_state_conflict", state: "Stopped" },
    });
    const unknown = await client.call("POST", `/v1/vms/${vm.id}/start`, { hostID: "host-a" });
    expect(unknown).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    expect(JSON.stringify(unknown.body)).toContain("hostID");
    expect(await client.vm(vm.id)).toEqual(vm);
  });
});
