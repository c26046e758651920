import { describe, expect, it } from "vitest";
import { getJob } from "../../../shared/app/read-jobs.ts";
import { AccountId } from "../../../shared/model/ids.ts";
import type { Caller } from "../../../shared/model/token.ts";
import { aJob, jobIdOf } from "../../support/a-record.ts";
import { okValue } from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const caller: Caller = { account: AccountId.parse("acme"), role: "viewer" };
const jobId = jobIdOf(1);

async function aWorldWithJob() {
  const world = aWorld();
  await world.deps.submissions.accept({ job: aJob(1), now: 0 });
  return world;
}

describe("reading a job", () => {
  it("answers at once where nothing is waited for", async () => {
    const world = await aWorldWithJob();
    const before = world.clock.now();
    expect(okValue(await getJob(world.deps, { caller, jobId })).status).toBe("queued");
    expect(world.clock.now()).toBe(before);
  });

  it("waits for its end as long as asked, and answers it as it is then", async () => {
    const world = await aWorldWithJob();
    const before = world.clock.now();
    const job = okValue(await getJob(world.deps, { caller, jobId, waitSeconds: 5 }));
    expect(job.status).toBe("queued");
    expect(world.clock.now() - before).toBe(5_000);
  });

  it("answers as soon as it has ended, with its journal", async () => {
    const world = await aWorldWithJob();
    const before = world.clock.now();
    const sleep = async (ms: number) => {
      world.clock.at += ms;
      await world.deps.jobs.project({
        ...{ kind: "job", jobId, revision: 2, status: "succeeded", attempts: 1 },
        journal: [{ at: 1, step: "ended", note: "is off" }],
      });
    };
    const deps = { ...world.deps, clock: { ...world.deps.clock, sleep } };
    const job = okValue(await getJob(deps, { caller, jobId, waitSeconds: 20 }));
    expect(job).toMatchObject({ status: "succeeded", journal: [{ note: "is off" }] });
    expect(world.clock.now() - before).toBeLessThan(1_000);
  });

  it("does not know another account's", async () => {
    const world = await aWorldWithJob();
    const other = { ...caller, account: AccountId.parse("other") };
    expect(await getJob(world.deps, { caller: other, jobId })).toMatchObject({
      code: "job_not_found",
    });
    const admin = { ...other, role: "admin" as const };
    expect(await getJob(world.deps, { caller: admin, jobId })).toMatchObject({ ok: true });
  });
});
