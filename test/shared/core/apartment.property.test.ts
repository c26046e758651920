import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aJob, aMessage, aRecord, jobIdOf } from "../../support/a-record.ts";
import { movesOf, Plan, type Player, play } from "../../support/turn-moves.ts";
import { TurnWorld } from "../../support/turn-world.ts";

/** Each takes about 20 ms. */
const RUNS = 150;

/**
 * A8: whatever happened, a forced stop ends with the VM off, then a start with it on, if there is room, and an expunge with
 * it gone.
 */
async function assertOfUse(player: Player): Promise<void> {
  const { world } = player;
  if (world.record.vm.state === "Destroyed") player.submit({ type: "vm.recover" });
  const stop = player.submit({ type: "vm.stop", input: { forced: true } });
  await player.finish();
  expect(world.tables.jobs.get(stop.id)?.error).toBeUndefined();
  expect(world.onAt()).toEqual([]);
  const start = player.submit({ type: "vm.start" });
  await player.finish();
  world.assertAtRest();
  const { hostId } = world.record.vm;
  expect(world.onAt()).toEqual(hostId === undefined ? [] : [hostId]);
  const hasRoom = world.tables.hosts.all().some(({ capacity }) => (capacity?.cpus ?? 0) > 0);
  const error = world.tables.jobs.get(start.id)?.error?.code;
  expect(error).toBe(hasRoom ? undefined : "no_capacity");
  player.submit({ type: "vm.destroy", input: { forced: true, expunge: true } });
  await player.finish();
  world.assertAtRest();
  expect(world.record.gone).toBeDefined();
  expect(world.onAt()).toEqual([]);
}

/** What jobs wait for, by type, step and kind: the worlds are worth something only if all of it happens in them. */
const WAITS = [
  "vm.attach attaching result",
  "vm.destroy asking result",
  "vm.destroy forcing result",
  "vm.destroy undefining result",
  "vm.migrate migrating result",
  "vm.migrate probing result",
  "vm.migrate probing timer",
  "vm.migrate reserving reserved",
  "vm.reboot rebooting result",
  "vm.resume probing result",
  "vm.revert reverting result",
  "vm.start probing result",
  "vm.start probing timer",
  "vm.start reserving reserved",
  "vm.start starting result",
  "vm.stop asking result",
  "vm.stop forcing result",
  "vm.stop probing result",
  "vm.stop probing timer",
  "vm.suspend suspending result",
  "vm.verify probing result",
  "vm.verify probing timer",
];

describe("the apartment, under any interleaving, duplicate, crash and second worker", () => {
  it("A1 to A9 and the room hold at each commit and at rest, with hosts silent and then all there; then it is of use", async () => {
    const waited = new Set<string>();
    await fc.assert(
      fc.asyncProperty(Plan, movesOf(120), async (plan, moves) => {
        const player = await play(plan, moves);
        await player.finish();
        player.world.assertAtRest();
        await player.recover();
        player.world.assertAtRest();
        await assertOfUse(player);
        for (const { active } of player.world.history)
          if (active !== undefined)
            waited.add(`${active.type} ${active.step} ${active.waitFor.kind}`);
      }),
      { numRuns: RUNS },
    );
    expect(WAITS.filter((wait) => !waited.has(wait))).toEqual([]);
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
