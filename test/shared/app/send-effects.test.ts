import { describe, expect, it } from "vitest";
import { sendEffects } from "../../../shared/app/send-effects.ts";
import { VmId } from "../../../shared/model/ids.ts";
import { aJob, aRecord, jobIdOf } from "../../support/a-record.ts";
import { aWorld } from "../../support/memory-world.ts";

const other = VmId.parse("22222222-2222-4222-8222-222222222222");

describe("a job that a turn made", () => {
  it("of another apartment is recorded before its submit is sent, and once however often (A3, A4)", async () => {
    const { deps, taken } = aWorld();
    const job = aJob(1, { vmId: other });
    const sent: string[] = [];
    const apartmentQueue = {
      ...deps.apartmentQueue,
      send: async (messages: Parameters<typeof deps.apartmentQueue.send>[0]) => {
        sent.push((await deps.jobs.read(job.id))?.status ?? "not recorded");
        await deps.apartmentQueue.send(messages);
      },
    };
    const record = aRecord({ effects: [{ kind: "new-job", job }] });
    await sendEffects({ ...deps, apartmentQueue }, record);
    expect(sent).toEqual(["queued"]);
    const [submit] = taken();
    expect(submit).toMatchObject({
      to: other,
      message: { body: { kind: "submit", jobId: job.id } },
    });
    await deps.jobs.project({
      kind: "job",
      jobId: job.id,
      revision: 9,
      status: "running",
      attempts: 1,
      journal: [],
    });
    await sendEffects(deps, record);
    expect(await deps.jobs.read(job.id)).toMatchObject({ status: "running", revision: 9 });
  });

  it("and began is not submitted: its apartment has it already", async () => {
    const { deps, taken } = aWorld();
    const job = aJob(1, { status: "running", revision: 3 });
    await sendEffects(deps, aRecord({ effects: [{ kind: "new-job", job }] }));
    expect(await deps.jobs.read(jobIdOf(1))).toEqual(job);
    expect(taken()).toEqual([]);
  });
});
