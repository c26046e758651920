import { describe, expect, it } from "vitest";
import { SEQUENCE_TELLS_MS } from "../../../shared/core/flush.ts";
import { aJob, aMessage, aRecord, hostId, jobIdOf } from "../../support/a-record.ts";
import { type Fate, TurnWorld } from "../../support/turn-world.ts";

/** Lets the first waiting call go on, `times` times; then the next one meets its fate. */
async function pass(world: TurnWorld, times: number, then?: Fate): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    await world.settle();
    world.step(0, "pass");
  }
  await world.settle();
  if (then !== undefined) world.step(0, then);
  await world.settle();
}

const RUNNING = { state: "Running" as const, hostId };
/** Load, host fact, commit: what a turn that begins a stop does before it sends. */
const UP_TO_COMMIT = 2;

function stopping(): TurnWorld {
  const world = new TurnWorld(aRecord({ vm: RUNNING }));
  world.submit(aJob(1, { type: "vm.stop", input: { forced: true } }));
  return world;
}

describe("A4: flush before overwrite", () => {
  it("sends the stored effects when m0 comes back as m0, m1 after a crash behind the commit", async () => {
    const world = stopping();
    world.deliver(1);
    await pass(world, UP_TO_COMMIT, "die_after");
    expect(world.record.version).toBe(2);
    expect(world.commands.size).toBe(0);
    world.send(
      aMessage({
        kind: "observed",
        hostId,
        bootOrdinal: 1,
        seq: 0,
        power: "on",
        receivedAt: world.now,
      }),
    );
    world.deliver(2);
    await world.drain();
    expect(world.commands.size).toBe(1);
    world.assertAtRest();
  });

  it("sends the stored effects in an inline turn that comes between commit and redelivery", async () => {
    const world = stopping();
    world.deliver(1);
    await pass(world, UP_TO_COMMIT, "die_after");
    world.inline({ kind: "patch", name: "renamed" });
    await pass(world, 12);
    expect(world.record.vm.name).toBe("renamed");
    expect(world.commands.size).toBe(1);
    world.deliver(1);
    await world.drain();
    expect(world.commands.size).toBe(1);
    world.assertAtRest();
  });

  it("sends what an inline commit stored when its process died, woken by wakeAt", async () => {
    const world = new TurnWorld(aRecord({ vm: RUNNING, paused: true }));
    world.submit(aJob(1, { type: "vm.stop", input: { forced: true } }));
    await world.drain();
    world.inline({ kind: "pause", paused: false });
    await pass(world, 5, "die_after"); // load, two old effects, job, host; then the commit
    expect(world.record.active?.jobId).toBe(jobIdOf(1));
    expect(world.commands.size).toBe(0);
    expect(world.record.wakeAt).toBeLessThan(world.record.active?.deadlineAt ?? 0);
    await world.drain();
    expect(world.commands.size).toBe(1);
    world.assertAtRest();
  });

  it("clears the wakeAt of an inline commit in the next turn", async () => {
    const world = new TurnWorld(aRecord({ vm: RUNNING, paused: true }));
    world.submit(aJob(1, { type: "vm.stop" }));
    await world.drain();
    world.inline({ kind: "patch", name: "renamed" });
    await world.drain();
    expect(world.record.wakeAt).toBeUndefined();
  });

  it("changes nothing when a worker wakes with m0 after m1 was committed by another", async () => {
    const world = stopping();
    world.deliver(1); // the late worker has loaded the record and waits before it decides
    await pass(world, 1);
    world.deliver(1);
    await world.settle();
    const late = world.waiting.shift();
    await world.drain();
    const { version } = world.record;
    expect(world.commands.size).toBe(1);
    if (late !== undefined) world.waiting.push(late);
    await world.drain();
    expect(world.record.version).toBe(version);
    expect(world.commands.size).toBe(1);
    world.assertAtRest();
  });

  it("sends again what a commit of hours ago stored: its message may have become a dead letter", async () => {
    const world = stopping();
    world.deliver(1);
    await pass(world, UP_TO_COMMIT, "die_after");
    world.queue = []; // the group moved on without it
    world.now += SEQUENCE_TELLS_MS;
    world.send(
      aMessage({
        kind: "observed",
        hostId,
        bootOrdinal: 1,
        seq: 0,
        power: "on",
        receivedAt: world.now,
      }),
    );
    world.deliver(1);
    await world.drain();
    expect(world.commands.size).toBeGreaterThan(0);
    world.assertAtRest();
  });

  it("does not send again what a later batch of the same group proves to be sent", async () => {
    const world = stopping();
    world.deliver(1);
    await world.drain();
    const sends = world.history.length;
    world.submit(aJob(2, { type: "vm.stop" }));
    world.deliver(1);
    await pass(world, 1);
    // One load, then straight to the commit: no flush between.
    world.step(0, "pass");
    await world.settle();
    expect(world.history.length).toBe(sends + 1);
    await world.drain();
    world.assertAtRest();
  });
});
