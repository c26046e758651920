import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VmId } from "../../shared/model/ids.ts";
import type { Vm } from "../../shared/model/vm.ts";
import {
  type Client,
  type RunningHost,
  type RunningStack,
  runningStack,
} from "../support/running-stack.ts";

const QUICK = { startMs: 5, shutdownMs: 5, powerOffMs: 5 };

describe("every verb, through every part of the stack", () => {
  let stack: RunningStack;
  let client: Client;
  const hosts = new Map<string, RunningHost>();

  beforeAll(async () => {
    stack = await runningStack();
    client = stack.client;
    for (const name of ["host-a", "host-b"]) hosts.set(name, await stack.addHost(name, QUICK));
  });
  afterAll(() => stack.stop());

  /** A VM that is on there. */
  const running = async (name: string, hostId = "host-a"): Promise<Vm> => {
    const vm = await client.createVm({ name, spec: { cpus: 1, memoryMiB: 64 } });
    await succeeds(vm.id, "start", { hostId });
    return client.vm(vm.id);
  };
  const succeeds = async (id: VmId, verb: string, body: object = {}) => {
    const job = await client.run(id, verb, body);
    expect({ verb, status: job.status, error: job.error }).toEqual({
      verb,
      status: "succeeded",
      error: undefined,
    });
    expect(job.journal?.at(-1)?.step).toBe("ended");
    return job;
  };
  /** As the hypervisors have it; absent where none knows it. */
  const powers = async (id: VmId) => {
    const seen: Record<string, string> = {};
    for (const [name, { hypervisor }] of hosts) {
      const read = await hypervisor.read(id);
      if (read.ok) seen[name] = read.power;
    }
    return seen;
  };

  it("migrates a running guest to the host named and, unnamed, to another, with its room", async () => {
    const { id } = await running("moves");
    const there = await succeeds(id, "migrate", { hostId: "host-b" });
    expect(there).toMatchObject({ type: "vm.migrate", result: { hostId: "host-b" } });
    expect(there.journal?.map(({ step }) => step)).toEqual([
      ...["reserving", "migrating", "probing", "ended"],
    ]);
    expect(await client.vm(id)).toMatchObject({
      state: "Running",
      hostId: "host-b",
      lastHostId: "host-a",
    });
    expect(await powers(id)).toEqual({ "host-b": "on" });
    const back = await succeeds(id, "migrate");
    expect(back).toMatchObject({ result: { hostId: "host-a" } });
    expect(await powers(id)).toEqual({ "host-a": "on" });
    const { body } = await client.call("GET", `/v1/vms/${id}/apartment`);
    expect(body).toMatchObject({ unsettled: [] });
  });

  it("leaves a guest that cannot be moved Running where it is, and says why", async () => {
    const { id } = await running("stays");
    await succeeds(id, "snapshot", { name: "anchor" });
    const job = await client.run(id, "migrate", { hostId: "host-b" });
    expect(job).toMatchObject({ status: "failed", error: { code: "host_refused" } });
    expect(job.error?.detail).toContain("simulated_has_snapshots");
    expect(await client.vm(id)).toMatchObject({ state: "Running", hostId: "host-a" });
    expect(await powers(id)).toEqual({ "host-a": "on" });
  });

  it("reboots, gracefully and forced", async () => {
    const { id } = await running("reboots");
    await succeeds(id, "reboot");
    await succeeds(id, "reboot", { forced: true });
    expect(await client.vm(id)).toMatchObject({ state: "Running", hostId: "host-a" });
  });

  it("suspends and resumes, and keeps its host meanwhile", async () => {
    const { id } = await running("pauses");
    await succeeds(id, "suspend");
    expect(await client.vm(id)).toMatchObject({
      state: "Suspended",
      hostId: "host-a",
      power: { state: "paused" },
    });
    await succeeds(id, "suspend");
    expect((await client.call("POST", `/v1/vms/${id}/start`, {})).status).toBe(409);
    await succeeds(id, "resume");
    expect(await client.vm(id)).toMatchObject({ state: "Running", power: { state: "on" } });
    expect(await powers(id)).toEqual({ "host-a": "on" });
    await succeeds(id, "suspend");
    await succeeds(id, "stop");
    expect(await client.vm(id)).toMatchObject({ state: "Stopped" });
  });

  it("takes, lists, reverts to and deletes snapshots, with the power that they have", async () => {
    const { id } = await running("snaps");
    await succeeds(id, "snapshot", { name: "on" });
    await succeeds(id, "stop", { forced: true });
    await succeeds(id, "snapshot", { name: "off" });
    expect((await client.vm(id)).snapshots).toMatchObject([
      { name: "on", hostId: "host-a" },
      { name: "off", hostId: "host-a" },
    ]);
    await succeeds(id, "revert", { snapshot: "on" });
    expect(await client.vm(id)).toMatchObject({ state: "Running", hostId: "host-a" });
    await succeeds(id, "revert", { snapshot: "off" });
    expect(await client.vm(id)).toMatchObject({ state: "Stopped" });
    await succeeds(id, "delete-snapshot", { snapshot: "on" });
    expect((await client.vm(id)).snapshots.map(({ name }) => name)).toEqual(["off"]);
    expect(await client.run(id, "revert", { snapshot: "on" })).toMatchObject({
      status: "failed",
      error: { code: "vm_state_conflict" },
    });
  });

  it("attaches and detaches devices of a guest that is on, and of one that is off", async () => {
    const { id } = await running("devices");
    const device = { kind: "disk", source: "/images/data.img", readOnly: true };
    await succeeds(id, "attach", { device });
    const { kind: _, ...disk } = device;
    expect((await client.vm(id)).spec.disks).toEqual([disk]);
    await succeeds(id, "detach", { device });
    expect((await client.vm(id)).spec.disks).toEqual([]);
    await succeeds(id, "stop", { forced: true });
    await succeeds(id, "attach", { device: { kind: "network", bridge: "br0" } });
    expect((await client.vm(id)).spec.networks).toEqual([{ bridge: "br0" }]);
    const bad = await client.call("POST", `/v1/vms/${id}/attach`, { device: { kind: "tape" } });
    expect(bad).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  });

  it("scales a VM that is off, and its next start holds that much room", async () => {
    const { id } = await running("grows");
    expect((await client.call("POST", `/v1/vms/${id}/scale`, { cpus: 2 })).status).toBe(409);
    await succeeds(id, "stop", { forced: true });
    await succeeds(id, "scale", { cpus: 2, memoryMiB: 128 });
    expect((await client.vm(id)).spec).toMatchObject({ cpus: 2, memoryMiB: 128 });
    expect((await client.call("POST", `/v1/vms/${id}/scale`, {})).status).toBe(400);
    const reserved = async () => {
      const { body } = await client.call("GET", "/v1/hosts/host-b");
      return (body as { reserved: { memoryMiB: number } }).reserved.memoryMiB;
    };
    const before = await reserved();
    await succeeds(id, "start", { hostId: "host-b" });
    expect((await reserved()) - before).toBe(128);
  });

  it("destroys, recovers, and expunges: gone for whoever asks, its jobs still there", async () => {
    const { id } = await running("ends");
    await succeeds(id, "destroy");
    expect(await client.vm(id)).toMatchObject({ state: "Destroyed", lastHostId: "host-a" });
    expect(await powers(id)).toEqual({ "host-a": "off" });
    await succeeds(id, "recover");
    await succeeds(id, "destroy");
    const { id: jobId } = await succeeds(id, "expunge");
    expect(await powers(id)).toEqual({});
    for (const path of [`/v1/vms/${id}`, `/v1/vms/${id}/apartment`])
      expect(await client.call("GET", path)).toMatchObject({
        status: 404,
        body: { code: "vm_not_found" },
      });
    expect((await client.call("POST", `/v1/vms/${id}/start`, {})).status).toBe(404);
    expect(await client.call("GET", `/v1/jobs/${jobId}`)).toMatchObject({ status: 200 });
    const again = { id, name: "again", spec: { cpus: 1, memoryMiB: 64 } };
    expect(await client.call("POST", "/v1/vms", again)).toMatchObject({
      status: 409,
      body: { code: "vm_exists" },
    });
    const { body } = await client.call("GET", "/v1/vms?limit=200");
    expect((body as { items: { id: string }[] }).items.map((vm) => vm.id)).not.toContain(id);
  });

  it("destroys and expunges a running VM in one job, and gives its room back", async () => {
    const { id } = await running("at-once");
    expect(await succeeds(id, "destroy", { expunge: true, forced: true })).toMatchObject({
      result: { expunged: true },
    });
    expect(await powers(id)).toEqual({});
    expect((await client.call("GET", `/v1/vms/${id}`)).status).toBe(404);
  });

  it("starts and changes a VM that its owner's XML describes", async () => {
    const domainXml =
      "<domain type='qemu'><name>own</name><memory>65536</memory><devices/></domain>";
    const vm = await client.createVm({ name: "own", spec: { cpus: 1, memoryMiB: 64, domainXml } });
    await succeeds(vm.id, "attach", { device: { kind: "disk", source: "/images/more.img" } });
    await succeeds(vm.id, "scale", { cpus: 4 });
    await succeeds(vm.id, "start");
    expect(await client.vm(vm.id)).toMatchObject({
      state: "Running",
      spec: { cpus: 4, domainXml },
    });
  });
});
