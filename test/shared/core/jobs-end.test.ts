import { describe, expect, it } from "vitest";
import { hasEnded } from "../../../shared/model/job.ts";
import { aJob, aRecord, hostId, jobIdOf } from "../../support/a-record.ts";
import { TurnWorld } from "../../support/turn-world.ts";

const RUNNING = { state: "Running" as const, hostId };
const stop = { type: "vm.stop", input: { forced: true } };

describe("A7: the end of a job", () => {
  it("changes nothing when it is told twice, or late, or after it is told what came before it", async () => {
    const world = new TurnWorld(aRecord({ vm: RUNNING }));
    world.submit(aJob(1, stop));
    await world.drain();
    const ended = world.tables.jobs.get(jobIdOf(1));
    expect(ended?.status).toBe("succeeded");
    for (const stored of [...world.history].reverse()) {
      world.sendLate(stored);
      world.sendLate(stored);
    }
    world.submit(aJob(2));
    await world.drain();
    expect(world.tables.jobs.get(jobIdOf(1))).toEqual(ended);
    expect(world.record.vm).toMatchObject(RUNNING);
    world.assertAtRest();
  });

  it("A1 is one commit with the begin of the next three, each under an epoch of its own", async () => {
    const world = new TurnWorld(aRecord({ vm: RUNNING }));
    world.submit(aJob(1, stop));
    await world.exchange();
    const host = world.hosts.get(hostId);
    host?.receive("obey");
    if (host !== undefined) world.tell(host, 0, "heard_so");
    world.submit(aJob(2, stop));
    world.submit(aJob(3, stop));
    world.submit(aJob(4));
    const { version, epoch } = world.record;
    world.deliver(10);
    await world.settle();
    while (world.record.version === version) {
      world.step(0, "pass");
      await world.settle();
    }
    const { effects, active, queued, epoch: later } = world.record;
    const ends = effects.flatMap((effect) =>
      effect.kind === "job" && hasEnded(effect.status) ? [effect.jobId] : [],
    );
    expect(ends).toEqual([jobIdOf(1), jobIdOf(2), jobIdOf(3)]);
    expect(active?.jobId).toBe(jobIdOf(4));
    expect(queued).toEqual([]);
    expect(later).toBe(epoch + 3);
    await world.drain();
    world.assertAtRest();
  });
});
