import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { jobsApi } from "../../functions/api-jobs.ts";
import { aJob, jobIdOf, T0, vmId } from "../support/a-record.ts";
import { aCaller } from "../support/api-caller.ts";
import { aWorld } from "../support/memory-world.ts";

const params = { jobId: jobIdOf(1) };

async function anApi() {
  const world = aWorld();
  for (const n of [1, 2])
    await world.deps.submissions.accept({ job: aJob(n, { createdAt: T0 + n }), now: T0 });
  const handler = jobsApi(world.deps);
  return { world, handler, viewer: await aCaller(world, handler, { role: "viewer" }) };
}

describe("jobs through the API", () => {
  it("are read one by one with their journal, and listed newest first without", async () => {
    const { viewer } = await anApi();
    expect(await viewer("getJob", { params })).toMatchObject({
      status: 200,
      json: { id: jobIdOf(1), status: "queued", journal: [] },
    });
    const { json } = await viewer("listJobs", { query: { vmId, status: "queued" } });
    expect(json.items.map(({ id }: { id: string }) => id)).toEqual([jobIdOf(2), jobIdOf(1)]);
    expect(json.items[0]).not.toHaveProperty("journal");
  });

  it("are waited for as long as was asked", async () => {
    const { viewer, world } = await anApi();
    await viewer("getJob", { params, query: { waitSeconds: "20" } });
    expect(world.clock.at).toBe(T0 + 20_000);
  });

  it("are called off by an operator, and not by a viewer", async () => {
    const { viewer, world, handler } = await anApi();
    const body = { reason: "never mind" };
    expect(await viewer("cancelJob", { params, body })).toMatchObject({ status: 403 });
    const operator = await aCaller(world, handler, { role: "operator" });
    expect(await operator("cancelJob", { params, body })).toMatchObject({
      status: 202,
      json: { cancelRequested: true, cancelReason: "never mind" },
    });
    expect(await operator("cancelJob", { params })).toMatchObject({ status: 202 });
    const unknown = await operator("cancelJob", { params, body: { why: "?" } });
    expect(unknown).toMatchObject({ status: 400, json: { errors: [{ path: "why" }] } });
  });

  it("of another account are not found", async () => {
    const { world, handler } = await anApi();
    const stranger = await aCaller(world, handler, { role: "admin", account: "other" });
    expect(await stranger("getJob", { params })).toMatchObject({ status: 200 });
    const other = await aCaller(world, handler, { role: "operator", account: "other" });
    expect(await other("getJob", { params })).toMatchObject({ json: { code: "job_not_found" } });
    expect((await other("listJobs")).json.items).toEqual([]);
  });

  it.each([
    ["getJob", { params: { jobId: "1" } }, "jobId"],
    ["getJob", { params, query: { waitSeconds: "21" } }, "waitSeconds"],
    ["getJob", { params, query: { wait: "1" } }, "wait"],
    ["listJobs", { query: { status: "done" } }, "status"],
  ] as const)("are refused for what does not match: %s %j", async (operation, parts, path) => {
    const { viewer } = await anApi();
    expect(await viewer(operation, parts)).toMatchObject({
      status: 400,
      json: { code: "invalid_request", errors: [{ path }] },
    });
  });
});
