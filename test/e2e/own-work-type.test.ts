import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Job } from "../../shared/model/job.ts";
import { Settings } from "../../shared/model/settings.ts";
import { asInShared, synthesiseWith } from "../support/own-work.ts";
import { type RunningStack, runningStack } from "../support/running-stack.ts";

const OWN = { file: "test/fixtures/vm-power-cycle.ts", name: "vmPowerCycle" };
const ROOT = join(import.meta.dirname, "../..");
const QUICK = { startMs: 5, shutdownMs: 5, powerOffMs: 5 };

describe("a work type of one's own", () => {
  const folder = mkdtempSync(join(tmpdir(), "vmsync-own-work-"));
  let stack: RunningStack;

  beforeAll(async () => {
    const settings = Settings.parse({});
    stack = await runningStack({
      synthesise: synthesiseWith(OWN, { folder, stage: "vmsync", settings }),
    });
    await stack.addHost("host-a", QUICK);
  });
  afterAll(async () => {
    await stack.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is one file and one line: its verb is on the API and its jobs run, with others inside of them", async () => {
    const { client } = stack;
    const vm = await client.createVm({ name: "cycled" });
    await client.run(vm.id, "start");
    const job = await client.submit(vm.id, "power-cycle", { restSeconds: 1 });
    const step = async () =>
      Job.parse((await client.call("GET", `/v1/jobs/${job.id}`)).body).progress?.step;
    await expect.poll(step, { timeout: 20_000 }).toBe("resting");
    expect(await client.vm(vm.id)).toMatchObject({ state: "Stopped", activeJobId: job.id });
    // By its schedule the sweeper would first run after a minute.
    void stack.stack.invoke("vmsync-sweeper", "{}");
    const ended = await client.ended(job.id);
    expect(ended).toMatchObject({ status: "succeeded", result: { hostId: "host-a" } });
    expect(await client.vm(vm.id)).toMatchObject({ state: "Running", hostId: "host-a" });
    const { body } = await client.call("GET", `/v1/jobs?vmId=${vm.id}`);
    const inside = Object(body).items.filter((each: Job) => each.parentId === job.id);
    expect(inside.map(({ type }: Job) => type)).toEqual(["vm.start", "vm.stop"]);
  });

  it("is refused an input that its schema does not take", async () => {
    const { client } = stack;
    const vm = await client.createVm({ name: "refused" });
    const path = `/v1/vms/${vm.id}/power-cycle`;
    expect(await client.call("POST", path, { restSeconds: 0 })).toMatchObject({
      status: 400,
      body: { code: "invalid_request", errors: [{ path: "restSeconds" }] },
    });
  });

  it("is told in the docs as it is", () => {
    const told = readFileSync(join(ROOT, "docs/own-work-type.md"), "utf8");
    expect(told).toContain(asInShared(readFileSync(join(ROOT, OWN.file), "utf8")).trimEnd());
  });
});
