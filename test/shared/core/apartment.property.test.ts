import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aJob, aMessage, aRecord, hostId, jobIdOf } from "../../support/a-record.ts";
import { TurnWorld } from "../../support/turn-world.ts";

/** One thing that the world may do next; which port call goes on, and how a worker dies there, is part of it. */
const Move = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("step" as const), index: fc.nat(5) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("die" as const),
      index: fc.nat(5),
      fate: fc.constantFrom("die_before" as const, "die_after" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("deliver" as const),
      count: fc.integer({ min: 1, max: 10 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("submit" as const), stop: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("resubmit" as const), index: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("rename" as const), n: fc.nat(99) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("pause" as const), paused: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("observe" as const),
      seq: fc.nat(40),
      power: fc.constantFrom("on" as const, "off" as const, "crashed" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("poison" as const), n: fc.nat(9) }) },
);
type Move = typeof Move extends fc.Arbitrary<infer M> ? M : never;

/** Workers at once: the one the group belongs to, one that lost it by time, one inline. */
const WORKERS_MAX = 3;

async function play(moves: readonly Move[]): Promise<TurnWorld> {
  const world = new TurnWorld();
  let jobs = 0;
  for (const move of moves) {
    await world.settle();
    const free = world.workers.size < WORKERS_MAX;
    switch (move.kind) {
      case "step":
        world.step(move.index, "pass");
        break;
      case "die":
        world.step(move.index, move.fate);
        break;
      case "deliver":
        if (free) world.deliver(move.count);
        break;
      case "submit":
        jobs += 1;
        world.submit(aJob(jobs, { type: move.stop ? "vm.stop" : "vm.start" }));
        break;
      case "resubmit": // under the same logical id, as the sweeper and a client's retry do
        if (jobs > 0)
          world.send(aMessage({ kind: "submit", jobId: jobIdOf(1 + (move.index % jobs)) }));
        break;
      case "rename":
        if (free) world.inline({ kind: "patch", name: `web-${move.n}` });
        break;
      case "pause":
        if (free) world.inline({ kind: "pause", paused: move.paused });
        break;
      case "observe":
        world.send(
          aMessage({
            kind: "observed",
            hostId,
            bootOrdinal: 1,
            seq: move.seq,
            power: move.power,
            receivedAt: world.now,
          }),
        );
        break;
      case "poison": {
        const logicalId = aMessage({ kind: "submit", jobId: jobIdOf(500 + move.n) }).logicalId;
        world.sendRaw({ ok: false, logicalId, reason: "not JSON" });
        break;
      }
      default:
        move satisfies never;
    }
  }
  await world.drain();
  world.inline({ kind: "pause", paused: false });
  await world.drain();
  return world;
}

describe("the apartment, under any interleaving, duplicate, crash and second worker", () => {
  it("A1 A3 A4 A7 A8 ends every job once, sends every committed effect, and comes to rest", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(Move, { minLength: 10, maxLength: 120, size: "max" }),
        async (moves) => {
          const world = await play(moves);
          world.assertAtRest();
        },
      ),
      { numRuns: 250 },
    );
  }, 120_000);

  it("A2 A1 raises the version by one with each commit and has one active job at most", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(Move, { minLength: 10, maxLength: 80, size: "max" }),
        async (moves) => {
          const world = await play(moves);
          const versions = world.history.map((record) => record.version);
          expect(versions).toEqual(versions.map((_, at) => 2 + at));
          const begun = new Set<string>();
          let last: string | undefined;
          for (const { active } of world.history) {
            if (active !== undefined && active.jobId !== last) {
              expect(begun.has(active.jobId), "a job became active twice").toBe(false);
              begun.add(active.jobId);
            }
            last = active?.jobId;
          }
        },
      ),
      { numRuns: 100 },
    );
  }, 120_000);

  it("A6 never has a command out at one host while it starts at another, and raises the epoch with each", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(Move, { minLength: 10, maxLength: 80, size: "max" }),
        async (moves) => {
          const world = await play(moves);
          const epochs = [...world.commands.values()].map((command) => command.epoch);
          expect(new Set(epochs).size).toBe(epochs.length);
          for (const { unsettled } of world.history)
            expect(new Set(unsettled.map((each) => each.hostId)).size).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 60 },
    );
  }, 120_000);

  it("A3 does not run a finished job again when its submit comes long after it left the record", async () => {
    const world = new TurnWorld(aRecord());
    for (let n = 1; n <= 40; n += 1) world.submit(aJob(n, { type: "vm.stop" }));
    await world.drain();
    expect(world.record.applied).not.toContain(`submit:${jobIdOf(1)}`);
    const { version } = world.record;
    world.send(aMessage({ kind: "submit", jobId: jobIdOf(1) }));
    await world.drain();
    expect(world.record.version).toBe(version);
    world.assertAtRest();
  });
});
