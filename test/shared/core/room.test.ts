import { describe, expect, it } from "vitest";
import type { Effect } from "../../../shared/model/effect.ts";
import { aJob, aRecord, hostId, jobIdOf, otherHostId } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";
import { TurnWorld } from "../../support/turn-world.ts";

const RUNNING = { state: "Running" as const, hostId };

/** The commit that stored an effect like this. */
function storing(world: TurnWorld, wanted: (effect: Effect) => boolean) {
  const record = world.history.find(({ effects }) => effects.some(wanted));
  if (record === undefined) throw new Error("no commit stored such an effect");
  return record;
}

/** A start that its first host refuses and that goes on to the second. */
async function refusedOnce(): Promise<TurnWorld> {
  const world = new TurnWorld(aRecord(), [
    { hostId, roomForVms: 2 },
    { hostId: otherHostId, roomForVms: 1 },
  ]);
  world.submit(aJob(1));
  await world.exchange();
  world.hosts.get(hostId)?.receive("refuse");
  await world.drain();
  expect(world.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
  return world;
}

describe("the room of a VM", () => {
  it("is kept by a start that begins in the commit that ends a stop, on a host with room for this VM only", async () => {
    const world = new TurnWorld(aRecord({ vm: RUNNING }), [{ hostId, roomForVms: 1 }]);
    world.submit(aJob(1, { type: "vm.stop", input: { forced: true } }));
    world.submit(aJob(2));
    await world.drain();
    const both = storing(world, ({ kind }) => kind === "reserve");
    expect(both.effects).toContainEqual(
      expect.objectContaining({ kind: "job", jobId: jobIdOf(1), status: "succeeded" }),
    );
    expect(both.effects.filter(({ kind }) => kind === "release")).toEqual([]);
    expect(world.record.vm).toMatchObject(RUNNING);
    expect(world.onAt()).toEqual([hostId]);
    expect(world.tables.hosts.get(hostId)?.reserved).toEqual({ cpus: 1, memoryMiB: 64 });
    world.assertAtRest();
  });

  it("is not taken by an old reserve that is sent again after it was given back", async () => {
    const world = await refusedOnce();
    world.sendLate(
      storing(world, (effect) => effect.kind === "reserve" && effect.hostId === hostId),
    );
    await world.drain();
    expect(world.held()).toEqual([otherHostId]);
    world.assertAtRest();
  });

  it("is not asked for again in the turn that gives it back: a start refused for its host's boot, and called off", () => {
    const job = new OneJob(aRecord(), { type: "vm.start" });
    const [asked] = job.effects("reserve");
    if (asked === undefined) throw new Error("nothing was reserved");
    const { jobId, attempt } = asked;
    const outcome = { status: "refused", reason: "stale_boot" } as const;
    job.hear({ kind: "reserved", jobId, attempt, hostId, outcome }, { kind: "cancel", jobId });
    expect(job.ended?.status).toBe("cancelled");
    expect(job.effects("release")).toHaveLength(1);
    expect(job.effects("reserve")).toEqual([]);
  });

  it("is given back where the same reserve was refused, and held when it was sent again", async () => {
    const world = new TurnWorld(aRecord(), [{ hostId, roomForVms: 0 }]);
    world.submit(aJob(1, { input: { hostId } }));
    world.deliver(1);
    await world.settle();
    for (; world.waiting.length > 0; await world.settle()) world.step(0, "pass"); // refused
    const host = world.tables.hosts.get(hostId);
    if (host === undefined) throw new Error("there is no host");
    world.tables.hosts.put(hostId, { ...host, capacity: { cpus: 1, memoryMiB: 64 } });
    world.inline({ kind: "patch", name: "renamed" }); // sends what is stored again: held
    await world.drain();
    expect(world.tables.jobs.get(jobIdOf(1))?.error?.code).toBe("no_capacity");
    expect(world.held()).toEqual([]);
    world.assertAtRest();
  });

  it("is not given back by an old release that is sent again after it was taken anew", async () => {
    const world = await refusedOnce();
    world.submit(aJob(2, { type: "vm.stop", input: { forced: true } }));
    world.submit(aJob(3, { input: { hostId } }));
    await world.drain();
    expect(world.record.vm).toMatchObject(RUNNING);
    world.sendLate(
      storing(world, (effect) => effect.kind === "release" && effect.hostId === hostId),
    );
    await world.drain();
    expect(world.held()).toEqual([hostId]);
    world.assertAtRest();
  });
});
