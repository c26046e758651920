import { describe, expect, it } from "vitest";
import { decide, FLUSH_AFTER_MS, type TurnMessage } from "../../../shared/core/decide.ts";
import type { TurnInputs } from "../../../shared/core/turn.ts";
import type { WorkType } from "../../../shared/core/work-type.ts";
import type { ApartmentRecord } from "../../../shared/model/apartment-record.ts";
import { LogicalId } from "../../../shared/model/ids.ts";
import type { JobRecord } from "../../../shared/model/job.ts";
import { byName, registry } from "../../../shared/work/registry.ts";
import {
  aJob,
  aMessage,
  aRecord,
  hostId,
  jobIdOf,
  otherHostId,
  settings,
  T0,
} from "../../support/a-record.ts";

const queue = { kind: "queue", lowestSequence: "7", highestSequence: "9" } as const;
const submit = (n: number): TurnMessage => ({
  ok: true,
  message: aMessage({ kind: "submit", jobId: jobIdOf(n) }),
});

function turn(
  record: ApartmentRecord,
  messages: readonly TurnMessage[],
  world: { jobs?: readonly JobRecord[]; work?: TurnInputs["work"]; inline?: boolean } = {},
) {
  return decide(
    record,
    { messages, source: world.inline === true ? { kind: "inline" } : queue },
    {
      facts: { hosts: new Map(), jobs: new Map(world.jobs?.map((job) => [job.id, job])) },
      settings,
      work: world.work ?? registry,
      now: T0,
    },
  );
}

function committed(decision: ReturnType<typeof turn>): ApartmentRecord {
  if (decision.kind !== "commit") throw new Error(`decided ${decision.kind}`);
  return decision.record;
}

const explosive: WorkType = {
  subject: "vm",
  name: "vm.boom",
  version: 1,
  reception: { ...vmStopReception() },
  origin: "verb",
  needsHost: false,
  upgrade: (older) => older,
  parseInput: (value) => ({ ok: true, value }),
  begin: () => {
    throw new Error("boom");
  },
  resume: () => {
    throw new Error("boom");
  },
};

function vmStopReception(): WorkType["reception"] {
  const stop = registry.get("vm.stop");
  if (stop?.subject !== "vm") throw new Error("vm.stop is not in the registry");
  return stop.reception;
}

describe("decide", () => {
  it("wants the records of jobs that it was not given", () => {
    expect(turn(aRecord(), [submit(1)])).toEqual({
      kind: "needs",
      facts: [{ kind: "job", jobId: jobIdOf(1) }],
    });
  });

  it("A2 commits the next version, with the batch's highest sequence number beside the effects", () => {
    const record = committed(
      turn(aRecord(), [submit(1)], { jobs: [aJob(1, { type: "vm.stop" })] }),
    );
    expect(record).toMatchObject({ version: 2, effectsSequence: "9" });
  });

  it("A3 commits nothing for a batch that says nothing new", () => {
    const record = aRecord({ applied: [LogicalId.parse(`submit:${jobIdOf(1)}`)] });
    expect(turn(record, [submit(1)]).kind).toBe("nothing");
    const ended = aJob(1, { status: "succeeded", revision: 4 });
    expect(turn(aRecord(), [submit(1)], { jobs: [ended] }).kind).toBe("nothing");
  });

  it("A3 ignores a job of which there is no record any more", () => {
    const facts = { hosts: new Map(), jobs: new Map([[jobIdOf(1), null]]) };
    const inputs = { facts, settings, work: registry, now: T0 };
    const decision = decide(aRecord(), { messages: [submit(1)], source: queue }, inputs);
    expect(decision.kind).toBe("nothing");
  });

  it("A1 begins the next job in the commit that ends the last, through any number that end at once", () => {
    const jobs = [1, 2, 3].map((n) => aJob(n, { type: "vm.stop" }));
    const record = committed(turn(aRecord(), [submit(1), submit(2), submit(3)], { jobs }));
    const projections = record.effects.filter((effect) => effect.kind === "job");
    expect(projections.map((effect) => effect.status)).toEqual(Array(3).fill("succeeded"));
    expect(record).toMatchObject({ version: 2, epoch: 3, active: undefined, queued: [] });
  });

  it("goes on in a turn of its own when more jobs end at once than one turn may begin", () => {
    const jobs = Array.from({ length: 20 }, (_, n) => aJob(n + 1, { type: "vm.stop" }));
    const record = committed(
      turn(
        aRecord(),
        jobs.map((_, n) => submit(n + 1)),
        { jobs },
      ),
    );
    expect(record.queued).toHaveLength(4);
    expect(record.effects.some((effect) => effect.kind === "message")).toBe(true);
    expect(record.wakeAt).toBe(T0);
  });

  it("parks what cannot begin while the apartment is paused, and admits it to the job's record", () => {
    const jobs = [aJob(1, { type: "vm.stop" })];
    const record = committed(turn(aRecord({ paused: true }), [submit(1)], { jobs }));
    expect(record.queued).toEqual([{ jobId: jobIdOf(1), type: "vm.stop" }]);
    expect(record.effects[0]).toMatchObject({ kind: "job", status: "queued", revision: 2 });
    expect(record.wakeAt).toBeUndefined();
  });

  it("A4 has somebody look again soon after an inline commit that stored effects", () => {
    const pause: TurnMessage = { ok: true, message: aMessage({ kind: "pause", paused: false }) };
    const queued = [{ jobId: jobIdOf(1), type: "vm.stop" }];
    const before = aRecord({ paused: true, queued });
    const jobs = [aJob(1, { type: "vm.stop", revision: 1 })];
    const record = committed(turn(before, [pause], { jobs, inline: true }));
    expect(record.effects.length).toBeGreaterThan(0);
    expect(record.wakeAt).toBe(T0 + FLUSH_AFTER_MS);
    expect(record.effectsSequence).toBeUndefined();
  });

  it("A4 trusts no batch to come again that is not above what was committed before", () => {
    const pause: TurnMessage = { ok: true, message: aMessage({ kind: "pause", paused: false }) };
    const queued = [{ jobId: jobIdOf(1), type: "vm.stop" }];
    const jobs = [aJob(1, { type: "vm.stop", revision: 1 })];
    // Another had it while its worker was late, worked it off and deleted it; its message has left the record's memory.
    const late = aRecord({ paused: true, queued, highestSequence: "12" });
    const record = committed(turn(late, [pause], { jobs }));
    expect(record.wakeAt).toBe(T0 + FLUSH_AFTER_MS);
    expect(record).toMatchObject({ effectsSequence: undefined, highestSequence: "12" });
    const first = committed(turn({ ...late, highestSequence: "8" }, [pause], { jobs }));
    expect(first.wakeAt).toBeUndefined();
    expect(first).toMatchObject({ effectsSequence: "9", highestSequence: "9" });
  });

  it("fails a job of an unknown type or a newer version with unknown_work, and runs the next", () => {
    const jobs = [
      aJob(1, { type: "vm.teleport" }),
      aJob(2, { type: "vm.stop", workVersion: 99 }),
      aJob(3, { type: "vm.stop" }),
    ];
    const record = committed(turn(aRecord(), [submit(1), submit(2), submit(3)], { jobs }));
    const projections = record.effects.filter((effect) => effect.kind === "job");
    expect(projections.map((effect) => effect.error?.code ?? effect.status)).toEqual([
      "unknown_work",
      "unknown_work",
      "succeeded",
    ]);
  });

  it("ends a job that was cancelled before it was admitted, without running it", () => {
    const jobs = [aJob(1, { type: "vm.start", cancelRequested: true })];
    const record = committed(turn(aRecord(), [submit(1)], { jobs }));
    expect(record.effects[0]).toMatchObject({ kind: "job", status: "cancelled" });
    expect(record.vm.state).toBe("Stopped");
  });

  it("records what does not parse as an incident, once, and goes on with the rest", () => {
    const poison: TurnMessage = {
      ok: false,
      logicalId: LogicalId.parse("poison:1"),
      reason: "not JSON",
    };
    const jobs = [aJob(1, { type: "vm.stop" })];
    const decision = turn(aRecord(), [poison, submit(1)], { jobs });
    expect(decision).toMatchObject({ kind: "commit", poisoned: 1 });
    const record = committed(decision);
    expect(record.openIncidents.map((incident) => incident.kind)).toEqual(["poison_message"]);
    expect(record.effects).toContainEqual(
      expect.objectContaining({ kind: "job", status: "succeeded" }),
    );
    expect(turn({ ...record, effects: [] }, [poison]).kind).toBe("nothing");
  });

  it("fails the job whose work throws with poison_message, and the next one runs in the same turn", () => {
    const work = byName([explosive, ...registry.values()]);
    const jobs = [aJob(1, { type: "vm.boom" }), aJob(2, { type: "vm.stop" })];
    const first = turn(aRecord(), [submit(1), submit(2)], { jobs, work });
    expect(first).toMatchObject({ kind: "commit", poisoned: 1 });
    const record = committed(first);
    expect(record.effects).toContainEqual(
      expect.objectContaining({
        kind: "job",
        jobId: jobIdOf(1),
        error: expect.objectContaining({ code: "poison_message" }),
      }),
    );
    expect(record.effects).toContainEqual(
      expect.objectContaining({ kind: "job", jobId: jobIdOf(2), status: "succeeded" }),
    );
    expect(record.queued).toEqual([]);
  });

  it("does not believe a job of another VM that was sent here", () => {
    const jobs = [aJob(1, { vmId: aRecord().id, type: "vm.stop" })];
    const other = { ...aRecord(), id: "22222222-2222-4222-8222-222222222222" } as ApartmentRecord;
    const decision = turn(other, [submit(1)], { jobs });
    expect(decision).toMatchObject({ kind: "commit", poisoned: 1 });
    expect(committed(decision).queued).toEqual([]);
  });

  it("A9 answers the same for the same inputs, and never changes what it was given", () => {
    const record = Object.freeze(aRecord({ vm: { state: "Running", hostId } }));
    const before = structuredClone(record);
    const jobs = [aJob(1, { type: "vm.start" })];
    const once = turn(record, [submit(1)], { jobs });
    expect(turn(record, [submit(1)], { jobs })).toEqual(once);
    expect(record).toEqual(before);
  });

  it("A4 commits nothing for a batch that another worker has worked off, whatever is due by now", () => {
    const active = {
      ...{ jobId: jobIdOf(1), type: "vm.unheard-of", workVersion: 1, account: "acme" },
      ...{ input: {}, memo: {}, status: "waiting", step: "asleep", sent: {}, attempts: 0 },
      ...{ stepSince: T0, startedAt: T0, deadlineAt: T0 - 1, journalled: 0 },
      waitFor: { kind: "timer" },
    };
    const { logicalId } = aMessage({ kind: "submit", jobId: jobIdOf(1) });
    const overdue = aRecord({ active: active as never, applied: [logicalId], wakeAt: T0 - 1 });
    const wake = (dueAt: number): TurnMessage => ({
      ok: true,
      message: aMessage({ kind: "wake", dueAt }),
    });
    expect(turn(overdue, [submit(1)]).kind).toBe("nothing");
    expect(turn(overdue, [wake(T0 - 2)]).kind).toBe("nothing");
    expect(committed(turn(overdue, [wake(T0 - 1)])).active).toBeUndefined();
  });

  it("A9 takes the due time of a wake-up for the time, if the clock is behind it", () => {
    const later = T0 + 60_000;
    const wake: TurnMessage = { ok: true, message: aMessage({ kind: "wake", dueAt: later }) };
    const started = committed(turn(aRecord({ wakeAt: later }), [wake]));
    expect(started).toMatchObject({ updatedAt: later, wakeAt: undefined });
  });

  it("gives back room that was held for a step that is past", () => {
    const reserved = aMessage({
      kind: "reserved",
      jobId: jobIdOf(1),
      attempt: 1,
      hostId,
      outcome: { status: "held", bootId: "boot-0001" as never, bootOrdinal: 1, queueUrl: "q" },
    });
    const record = committed(turn(aRecord(), [{ ok: true, message: reserved }]));
    expect(record.effects).toEqual([
      { kind: "release", hostId, vmId: record.id, revision: record.version },
    ]);
    const there = aRecord({ vm: { state: "Running", hostId } });
    expect(turn(there, [{ ok: true, message: reserved }]).kind).toBe("nothing");
    const said = { bootOrdinal: 1, seq: 1, power: "on" as const, receivedAt: T0 };
    const perhapsThere = aRecord({
      ...{ vm: { state: "Unknown", hostId: otherHostId }, observations: { [hostId]: said } },
      ...{ recheck: { at: T0 + 10_000, tries: 0 }, wakeAt: T0 + 10_000 },
    });
    expect(turn(perhapsThere, [{ ok: true, message: reserved }]).kind).toBe("nothing");
  });
});
