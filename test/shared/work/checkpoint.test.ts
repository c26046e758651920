import { describe, expect, it } from "vitest";
import { changeInline } from "../../../shared/app/change-vm.ts";
import { systemNames } from "../../../shared/aws/system.ts";
import {
  type AnyApartmentRecord,
  QUEUED_JOBS_MAX,
} from "../../../shared/model/apartment-record.ts";
import { twoSteps } from "../../support/errands.ts";
import { JobWorld, vmIdNumber } from "../../support/job-world.ts";

const vmId = vmIdNumber(1);
const job = { type: twoSteps.name, vmId };

/** Notes what is committed; the n-th commit may be the last thing that its worker does. */
function watched(world: JobWorld, diesAfter?: number): readonly AnyApartmentRecord[] {
  const commits: AnyApartmentRecord[] = [];
  const { apartments } = world.deps;
  world.deps = {
    ...world.deps,
    apartments: {
      ...apartments,
      commit: async (next) => {
        const answer = await apartments.commit(next);
        if (answer === "committed") commits.push(next);
        if (commits.length === diesAfter) throw new Error("died");
        return answer;
      },
    },
  };
  return commits;
}

describe("a job that comes to a checkpoint", () => {
  it("goes on from its own commit, in the same go and without another read", async () => {
    const world = new JobWorld({ work: [twoSteps] });
    const commits = watched(world);
    let loads = 0;
    const { apartments } = world.deps;
    const load: typeof apartments.load = (...query) => {
      loads += 1;
      return apartments.load(...query);
    };
    world.deps = { ...world.deps, apartments: { ...apartments, load } };
    const submitted = await world.submit(1, job);
    await world.turn();
    expect(commits.map(({ active }) => active?.waitFor.kind)).toEqual(["checkpoint", undefined]);
    expect(loads).toBe(1);
    const { status, result, journal } = world.job(submitted);
    expect({ status, result }).toEqual({ status: "succeeded", result: { first: submitted.id } });
    expect(journal.map(({ note }) => note)).toEqual([
      "took the first step",
      "took the second step",
    ]);
  });

  it.each([1, 2])(
    "A4 takes each step once where its worker dies after commit %i",
    async (commit) => {
      const world = new JobWorld({ work: [twoSteps] });
      const whole = world.deps;
      const commits = watched(world, commit);
      const submitted = await world.submit(1, job);
      await world.turn();
      expect(commits).toHaveLength(commit);
      world.deps = whole;
      // Its message comes again.
      await world.drain();
      expect(world.job(submitted)).toMatchObject({ status: "succeeded" });
      expect(world.job(submitted).journal).toHaveLength(2);
    },
  );

  it("is followed by all that wait behind it, without a look of the sweeper", async () => {
    const world = new JobWorld({ work: [twoSteps] });
    const names = systemNames;
    const pause = (paused: boolean) =>
      changeInline({ ...world.world.deps, ...world.deps, names }, vmId, { kind: "pause", paused });
    const first = await world.submit(1, job);
    await world.drain();
    await pause(true);
    const waiting = [];
    for (let n = 0; n < QUEUED_JOBS_MAX; n += 1)
      waiting.push(await world.submit(1, { ...job, id: systemNames.jobId() }));
    await world.drain();
    const commits = watched(world);
    await pause(false);
    // Whoever resumes the apartment waits for one step of them, not for all.
    expect(commits).toHaveLength(1);
    await world.drain();
    for (const each of [first, ...waiting])
      expect(world.job(each)).toMatchObject({ status: "succeeded" });
  });

  it("A8 is due, should nobody go on", async () => {
    const world = new JobWorld({ work: [twoSteps] });
    const commits = watched(world, 1);
    await world.submit(1, job);
    await world.turn();
    expect(commits[0]?.wakeAt).toBeGreaterThan(world.world.clock.at);
    expect(commits[0]?.wakeAt).toBeLessThan(world.world.clock.at + 60_000);
  });

  it("A2 goes on once where another worker went on from there meanwhile", async () => {
    const world = new JobWorld({ work: [twoSteps] });
    const { jobs } = world.deps;
    const whole = world.deps;
    let others = 0;
    world.deps = {
      ...whole,
      jobs: {
        ...jobs,
        project: async (effect) => {
          others += 1;
          const answer = await jobs.project(effect);
          if (others === 1) {
            const late = new JobWorld({ work: [twoSteps] }, world.world);
            await world.world.deps.apartmentQueue.send([
              {
                to: vmId,
                message: {
                  v: 1,
                  logicalId: "wake:late" as never,
                  body: { kind: "wake", dueAt: world.world.clock.at },
                },
              },
            ]);
            await late.drain();
          }
          return answer;
        },
      },
    };
    const submitted = await world.submit(1, job);
    await world.finish();
    expect(world.job(submitted)).toMatchObject({ status: "succeeded" });
    expect(world.job(submitted).journal).toHaveLength(2);
  });
});
