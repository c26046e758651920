import { describe, expect, it } from "vitest";
import { type Delivery, takeTurns } from "../../../shared/app/take-turns.ts";
import type { ApartmentMessage } from "../../../shared/model/apartment-message.ts";
import { aJob, aMessage, aRecord, hostId, T0 } from "../../support/a-record.ts";
import { vmIdOf } from "../../support/joined-host.ts";
import { aWorld, type World } from "../../support/memory-world.ts";

let sequence = 0;
const deliver = (group: string, content: Delivery["content"]): Delivery => {
  sequence += 1;
  return {
    messageId: `m${sequence}`,
    group,
    sequence: String(sequence).padStart(20, "0"),
    receiptHandle: `handle-${sequence}`,
    receiveCount: 1,
    content,
  };
};
const saying = (group: string, message: ApartmentMessage) => deliver(group, { ok: true, message });
const pause = (paused: boolean) => aMessage({ kind: "pause", paused });
const observed = (seq: number, power: "on" | "missing" = "on") =>
  aMessage({ kind: "observed", hostId, bootOrdinal: 1, seq, power, receivedAt: T0 });
const poison = (group: string) => deliver(group, { ok: false, reason: "not a message" });

const aWorldWith = async (...numbers: readonly number[]) => {
  const world = aWorld();
  for (const n of numbers)
    await world.deps.submissions.accept({ vm: { record: aRecord({ id: vmIdOf(n) }) }, now: T0 });
  return world;
};
const recordOf = ({ memory }: World, n: number) => memory.tables.apartments.get(vmIdOf(n));

describe("a batch of the apartments' queue", () => {
  it("comes to one turn an apartment, over all of its messages in order", async () => {
    const world = await aWorldWith(1, 2);
    const failed = await takeTurns(world.deps, [
      saying(vmIdOf(1), pause(true)),
      saying(vmIdOf(2), observed(1, "missing")),
      saying(vmIdOf(1), observed(1, "missing")),
      saying(vmIdOf(1), { ...pause(false), logicalId: observed(9).logicalId }),
    ]);
    expect(failed).toEqual([]);
    expect(recordOf(world, 1)).toMatchObject({ version: 2, paused: false });
    expect(recordOf(world, 1)?.observations[hostId]?.seq).toBe(1);
    expect(recordOf(world, 2)).toMatchObject({ version: 2 });
  });

  it("A4 tells nothing by its sequence numbers when one of its messages may be a dead letter before long", async () => {
    const world = await aWorldWith(1, 2);
    const often = { ...saying(vmIdOf(1), observed(1)), receiveCount: 501 };
    await takeTurns(world.deps, [often, saying(vmIdOf(1), observed(2, "missing"))]);
    await takeTurns(world.deps, [{ ...saying(vmIdOf(2), observed(1)), receiveCount: 500 }]);
    expect(recordOf(world, 1)?.effects.length).toBeGreaterThan(0);
    expect(recordOf(world, 1)?.effectsSequence).toBeUndefined();
    expect(recordOf(world, 2)?.effectsSequence).toBeDefined();
  });

  it("has the messages of a turn that threw come again, all of them, and no others (A4)", async () => {
    const world = await aWorldWith(1, 2);
    const apartments = {
      ...world.deps.apartments,
      load: (id: Parameters<typeof world.deps.apartments.load>[0]) =>
        id === vmIdOf(1)
          ? Promise.reject(new Error("throttled"))
          : world.deps.apartments.load(id, []),
    };
    const batch = [
      saying(vmIdOf(1), pause(true)),
      saying(vmIdOf(2), pause(true)),
      poison(vmIdOf(1)),
    ];
    const retried: unknown[] = [];
    const redelivery = {
      retrySoon: async (received: readonly unknown[]) => void retried.push(...received),
    };
    const failed = await takeTurns({ ...world.deps, apartments, redelivery }, batch);
    expect(retried).toEqual(
      [batch[0], batch[2]].map((each) => ({ receiptHandle: each?.receiptHandle, afterSeconds: 2 })),
    );
    expect(failed).toEqual([batch[0]?.messageId, batch[2]?.messageId]);
    expect(recordOf(world, 2)?.paused).toBe(true);
    expect(world.memory.tables.incidents.all()).toEqual([]);
    expect(world.memory.telemetry.entries).toMatchObject([
      { level: "error", apartmentId: vmIdOf(1) },
    ]);
  });
});

describe("a turn", () => {
  it("A4 whose record was read before the commit that its job tells of reads it again, and sends what that stored", async () => {
    const world = await aWorldWith(1);
    const { deps, memory } = world;
    const vmId = vmIdOf(1);
    const job = aJob(1, { vmId, type: "vm.stop" });
    await deps.submissions.accept({ job, now: T0 });
    const before = memory.tables.apartments.get(vmId);
    const submit = saying(vmId, aMessage({ kind: "submit", jobId: job.id }));
    const dying = {
      ...deps.bus,
      put: () => Promise.reject(new Error("it dies before its event is told")),
    };
    expect(await takeTurns({ ...deps, bus: dying }, [submit])).toEqual([submit.messageId]);
    expect((await deps.jobs.read(job.id))?.status).toBe("succeeded");
    const told: unknown[] = [];
    let reads = 0;
    const later = {
      ...deps,
      bus: { ...deps.bus, put: async (events: readonly unknown[]) => void told.push(...events) },
      apartments: {
        ...deps.apartments,
        load: async (...args: Parameters<typeof deps.apartments.load>) => {
          reads += 1;
          const found = await deps.apartments.load(...args);
          return reads === 1 ? { ...found, record: before } : found;
        },
      },
    };
    expect(await takeTurns(later, [submit])).toEqual([]);
    expect(told).not.toEqual([]);
  });

  it("A3 that sends what was left unsent reads again the jobs that this may have ended", async () => {
    const world = await aWorldWith(1);
    const { deps, memory } = world;
    const vmId = vmIdOf(1);
    const job = aJob(1, { vmId, type: "vm.stop" });
    await deps.submissions.accept({ job, now: T0 });
    const submit = saying(vmId, aMessage({ kind: "submit", jobId: job.id }));
    const project = () => Promise.reject(new Error("it dies before the end is projected"));
    const dying = { ...deps, jobs: { ...deps.jobs, project } };
    expect(await takeTurns(dying, [submit])).toEqual([submit.messageId]);
    const left = recordOf(world, 1);
    if (left === undefined) throw new Error("nothing was committed");
    // So many others came since that the record does not know the message any more.
    memory.tables.apartments.put(vmId, { ...left, applied: [] });
    expect(await takeTurns(deps, [submit])).toEqual([]);
    expect((await deps.jobs.read(job.id))?.status).toBe("succeeded");
    expect(recordOf(world, 1)?.version).toBe(left.version);
  });
});

describe("poison", () => {
  it("in an apartment's group is recorded by its turn, and the rest goes on", async () => {
    const world = await aWorldWith(1);
    const failed = await takeTurns(world.deps, [poison(vmIdOf(1)), saying(vmIdOf(1), pause(true))]);
    expect(failed).toEqual([]);
    expect(recordOf(world, 1)?.paused).toBe(true);
    expect(world.memory.tables.incidents.all()).toMatchObject([
      { kind: "poison_message", vmId: vmIdOf(1) },
    ]);
  });

  it.each(["", "nobody", `${vmIdOf(1)}x`])(
    "in a group that is no VM's opens an incident and blocks no one: %j",
    async (group) => {
      const world = await aWorldWith(1);
      const batch = [saying(group, pause(true)), saying(vmIdOf(1), pause(true))];
      for (let time = 0; time < 2; time += 1)
        expect(await takeTurns(world.deps, batch)).toEqual([]);
      expect(recordOf(world, 1)?.paused).toBe(true);
      expect(world.memory.tables.incidents.all()).toMatchObject([
        { id: `poison_message.${batch[0]?.messageId}`, kind: "poison_message" },
      ]);
    },
  );

  it("is what comes to an apartment that there is none of", async () => {
    const world = aWorld();
    expect(await takeTurns(world.deps, [saying(vmIdOf(1), pause(true))])).toEqual([]);
    expect(world.memory.tables.incidents.all()).toMatchObject([
      { kind: "poison_message", vmId: vmIdOf(1) },
    ]);
  });

  it("comes again while its incident cannot be written", async () => {
    const world = aWorld();
    const open = () => Promise.reject(new Error("throttled"));
    const batch = [poison("nobody")];
    const incidents = { ...world.deps.incidents, open };
    expect(await takeTurns({ ...world.deps, incidents }, batch)).toEqual([batch[0]?.messageId]);
  });
});

describe("a VM that no record knows", () => {
  it("is an orphan of the host that has it: one incident, while it has it", async () => {
    const world = aWorld();
    await takeTurns(world.deps, [saying(vmIdOf(1), observed(1)), saying(vmIdOf(1), observed(2))]);
    const id = `orphan.host-a.${vmIdOf(1)}`;
    expect(world.memory.tables.incidents.all()).toMatchObject([
      { id, kind: "orphan", hostId, vmId: vmIdOf(1) },
    ]);
    await takeTurns(world.deps, [saying(vmIdOf(1), observed(3, "missing"))]);
    expect(world.memory.tables.incidents.all()).toMatchObject([{ id, resolvedAt: T0 }]);
    const told = world.memory.bus.events.map(({ topic, detail }) => [topic, detail["change"]]);
    expect(told).toEqual([
      ["incident.orphan", "opened"],
      ["incident.orphan", "resolved"],
    ]);
    expect(world.memory.telemetry.counts.get("incidents.orphan")).toBe(1);
  });
});

describe("an epoch that was never given out", () => {
  it("is an incident of its VM, counted once", async () => {
    const world = await aWorldWith(1);
    const said = (seq: number) =>
      aMessage({
        ...{ kind: "observed", hostId, bootOrdinal: 1, seq, power: "off", epoch: 9 },
        receivedAt: T0,
      });
    await takeTurns(world.deps, [saying(vmIdOf(1), said(1))]);
    await takeTurns(world.deps, [saying(vmIdOf(1), said(2))]);
    expect(world.memory.tables.incidents.all()).toMatchObject([{ kind: "poison_message", hostId }]);
    expect(world.memory.telemetry.counts.get("incidents.poison_message")).toBe(1);
  });
});
