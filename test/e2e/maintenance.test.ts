import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Job } from "../../shared/model/job.ts";
import { type Client, type RunningStack, runningStack } from "../support/running-stack.ts";

const QUICK = { startMs: 5, shutdownMs: 5, powerOffMs: 5 };

describe("the maintenance of a host, through the whole stack", () => {
  let stack: RunningStack;
  let client: Client;

  beforeAll(async () => {
    stack = await runningStack({ set: ["maintenanceParallel=2"] });
    client = stack.client;
    for (const name of ["host-a", "host-b"]) await stack.addHost(name, QUICK);
  });
  afterAll(() => stack.stop());

  it("empties the host by a job that joins one migration for each VM, and gives it back", async () => {
    const vms = [];
    for (const name of ["one", "two", "three"]) vms.push(await client.createVm({ name }));
    for (const { id } of vms) await client.run(id, "start", { hostId: "host-a" });
    const path = "/v1/hosts/host-a/maintenance";
    const begun = await client.call("POST", path, { enabled: true });
    expect(begun.status).toBe(202);
    const job = await client.ended(Job.parse(begun.body).id);
    expect(job).toMatchObject({
      type: "host.evacuate",
      hostId: "host-a",
      status: "succeeded",
      result: { migrated: 3 },
      progress: { percent: 100 },
    });
    for (const { id } of vms)
      expect(await client.vm(id)).toMatchObject({ state: "Running", hostId: "host-b" });
    const { body } = await client.call("GET", "/v1/jobs?type=vm.migrate");
    const parents = Object(body).items.map(({ parentId }: { parentId?: string }) => parentId);
    expect(parents).toEqual([job.id, job.id, job.id]);
    expect((await client.call("GET", "/v1/hosts/host-a")).body).toMatchObject({
      state: "Maintenance",
      reserved: { cpus: 0, memoryMiB: 0 },
    });
    const ended = await client.call("POST", path, { enabled: false });
    expect(ended).toMatchObject({ status: 200, body: { state: "Up" } });
  });
});
