import { describe, expect, it } from "vitest";
import { sweep } from "../../../shared/app/sweep.ts";
import { silenceOf } from "../../../shared/app/watch-hosts.ts";
import { Heartbeat } from "../../../shared/model/host.ts";
import { aJob, aRecord, hostId, jobIdOf, settings, T0, vmId } from "../../support/a-record.ts";
import { aHostInSession } from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const once = async (world: ReturnType<typeof aWorld>) => {
  await sweep(world.deps, { untilMs: world.clock.now() });
  return world.taken().map(({ message }) => message);
};

describe("the sweeper", () => {
  it("A8 wakes an apartment whose time has come, and no other", async () => {
    const world = aWorld();
    const now = world.clock.now();
    const other = aRecord({ id: jobIdOf(1) as never, wakeAt: now + 1 });
    await world.deps.submissions.accept({ vm: { record: aRecord({ wakeAt: now }) }, now });
    await world.deps.submissions.accept({ vm: { record: other }, now });
    const [first, ...rest] = await once(world);
    expect(first).toMatchObject({
      logicalId: `wake:${vmId}:${now}`,
      body: { kind: "wake", dueAt: now },
    });
    expect(rest).toEqual([]);
  });

  it("looks again and again until its time is over", async () => {
    const world = aWorld();
    const now = world.clock.now();
    const record = aRecord({ wakeAt: now + 12_000 });
    await world.deps.submissions.accept({ vm: { record }, now });
    await sweep(world.deps, { untilMs: now + 20_000 });
    expect(world.taken()).toMatchObject([{ to: vmId, message: { body: { kind: "wake" } } }]);
  });

  it("A8 sends a submission again that nobody admitted, once its sender had its time", async () => {
    const world = aWorld();
    const now = world.clock.now();
    await world.deps.submissions.accept({ vm: { record: aRecord() }, now });
    await world.deps.submissions.accept({ job: aJob(1, { createdAt: now }), now });
    expect(await once(world)).toEqual([]);
    world.clock.at += 30_000;
    expect(await once(world)).toMatchObject([{ logicalId: `submit:${jobIdOf(1)}` }]);
  });

  it("does not send again what an apartment has admitted", async () => {
    const world = aWorld();
    const now = world.clock.now();
    await world.deps.submissions.accept({ job: aJob(1, { createdAt: now }), now });
    await world.deps.jobs.project({
      ...{
        kind: "job",
        jobId: jobIdOf(1),
        revision: 2,
        status: "queued",
        attempts: 0,
        journal: [],
      },
    });
    world.clock.at += 60_000;
    expect(await once(world)).toEqual([]);
  });

  it("A5 writes no apartment's record", async () => {
    const world = aWorld();
    const now = world.clock.now();
    await world.deps.submissions.accept({ vm: { record: aRecord({ wakeAt: now }) }, now });
    const before = world.memory.tables.apartments.get(vmId);
    await once(world);
    expect(world.memory.tables.apartments.get(vmId)).toEqual(before);
  });

  it("finds hosts that fell silent: nothing more is placed on them until they are heard", async () => {
    const world = aWorld();
    await aHostInSession(world);
    world.clock.at += settings.hostDisconnectedAfterSeconds * 1000;
    await once(world);
    expect(world.memory.tables.hosts.get(hostId)?.state).toBe("Disconnected");
    expect(await world.deps.placement.candidates(10)).toEqual([]);
    world.clock.at += settings.hostDownAfterSeconds * 1000;
    await once(world);
    expect(world.memory.tables.hosts.get(hostId)?.state).toBe("Down");
  });
});

describe("how long a host may be silent", () => {
  it("is as set: Disconnected, then Down, each to the millisecond", async () => {
    const world = aWorld({ hostDisconnectedAfterSeconds: 20, hostDownAfterSeconds: 30 });
    await aHostInSession(world);
    const stateAfter = async (ms: number) => {
      world.clock.at = T0 + ms;
      await once(world);
      return world.memory.tables.hosts.get(hostId)?.state;
    };
    expect(await stateAfter(19_999)).toBe("Up");
    expect(await stateAfter(20_000)).toBe("Disconnected");
    expect(await stateAfter(29_999)).toBe("Disconnected");
    expect(await stateAfter(30_000)).toBe("Down");
  });
});

describe("silence", () => {
  const heartbeat = (lastReportAt?: number) =>
    Heartbeat.parse({ hostId, publicKey: "k", bootOrdinal: 1, seq: 1, vmCount: 0, lastReportAt });
  const at = (seconds: number) => ({ now: T0 + seconds * 1000, settings });

  it.each([
    ["Up", 149, undefined],
    ["Up", 150, "Disconnected"],
    ["Up", 600, "Down"],
    ["Disconnected", 599, undefined],
    ["Disconnected", 600, "Down"],
    ["Down", 9_999, undefined],
    ["Fenced", 9_999, undefined],
    ["Maintenance", 9_999, undefined],
    ["Registered", 9_999, undefined],
  ] as const)("of a host that is %s for %i s makes it %s", (state, seconds, becomes) => {
    expect(silenceOf(state, heartbeat(T0), at(seconds))?.state).toBe(becomes);
  });

  it("is no silence where nothing was ever heard", () => {
    expect(silenceOf("Up", heartbeat(), at(9_999))).toBeUndefined();
    expect(silenceOf("Up", undefined, at(9_999))).toBeUndefined();
  });
});
