import { describe, expect, it } from "vitest";
import { cancelJob } from "../../../shared/app/cancel-job.ts";
import { AccountId } from "../../../shared/model/ids.ts";
import type { JobRecord } from "../../../shared/model/job.ts";
import type { Caller } from "../../../shared/model/token.ts";
import { aJob, jobIdOf, T0, vmId } from "../../support/a-record.ts";
import { aWorld } from "../../support/memory-world.ts";

const caller: Caller = { account: AccountId.parse("acme"), role: "operator" };
const ask = { caller, jobId: jobIdOf(1), reason: "never mind" };

async function worldWith(job: Partial<JobRecord> = {}) {
  const world = aWorld();
  await world.deps.submissions.accept({ job: aJob(1, job), now: T0 });
  return world;
}

describe("calling a job off", () => {
  it("notes it on the job's record and tells the apartment, as often as it is asked", async () => {
    const world = await worldWith();
    for (const _ of ["once", "again"])
      expect(await cancelJob(world.deps, ask)).toMatchObject({
        ok: true,
        value: { cancelRequested: true, cancelReason: "never mind", status: "queued" },
      });
    expect(world.memory.tables.jobs.get(jobIdOf(1))).toMatchObject({
      cancelRequested: true,
      revision: 0,
    });
    const cancel = {
      logicalId: `cancel:${jobIdOf(1)}`,
      body: { kind: "cancel", reason: "never mind" },
    };
    // Within its window the queue takes the second for the first; the apartment would too.
    expect(world.taken()).toMatchObject([{ to: vmId, message: cancel }]);
  });

  it("notes it before it tells anybody, so that what cannot be told is found", async () => {
    const world = await worldWith();
    const apartmentQueue = { send: () => Promise.reject(new Error("throttled")) };
    await expect(cancelJob({ ...world.deps, apartmentQueue }, ask)).rejects.toThrow("throttled");
    expect(world.memory.tables.jobs.get(jobIdOf(1))?.cancelRequested).toBe(true);
  });

  it("A7 answers a job that has ended as it ended, and tells nobody", async () => {
    const world = await worldWith({ status: "succeeded", revision: 3 });
    expect(await cancelJob(world.deps, ask)).toMatchObject({
      value: { status: "succeeded", cancelRequested: false },
    });
    expect(world.taken()).toEqual([]);
  });

  it.each([
    ["no job", { jobId: jobIdOf(2) }],
    ["another account's", { caller: { ...caller, account: AccountId.parse("other") } }],
  ])("finds %s and changes nothing", async (_, change) => {
    const world = await worldWith();
    const answer = await cancelJob(world.deps, { ...ask, ...change });
    expect(answer).toMatchObject({ ok: false, code: "job_not_found" });
    expect(world.memory.tables.jobs.get(jobIdOf(1))).toEqual(aJob(1));
    expect(world.taken()).toEqual([]);
  });
});
