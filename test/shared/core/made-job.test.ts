import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../../shared/core/decide.ts";
import { jobIdFor } from "../../../shared/core/made-job.ts";
import type { WorkType } from "../../../shared/core/work-type.ts";
import type { ApartmentRecord } from "../../../shared/model/apartment-record.ts";
import type { Effect } from "../../../shared/model/effect.ts";
import { byName, registry } from "../../../shared/work/registry.ts";
import { aJob, aMessage, aRecord, jobIdOf, settings, T0 } from "../../support/a-record.ts";

const stop = registry.get("vm.stop");
if (stop?.subject !== "vm") throw new Error("vm.stop is not in the registry");

/** Ends at once and asks for `system.look`. */
const asking: WorkType = {
  ...stop,
  name: "vm.ask",
  begin: () => ({
    kind: "succeed",
    result: {},
    note: "asks",
    systemJob: { type: "system.look", input: { why: "asked" } },
  }),
};
const looking: WorkType = {
  ...stop,
  name: "system.look",
  origin: "system",
  begin: () => ({
    kind: "wait",
    step: "looking",
    memo: {},
    action: { kind: "timer" },
    deadlineInMs: 5_000,
    note: "looks",
  }),
  resume: () => ({ kind: "succeed", result: {}, note: "has looked" }),
};
const throwing: WorkType = {
  ...looking,
  begin: () => {
    throw new Error("boom");
  },
};

function turn(record: ApartmentRecord, types: readonly WorkType[], now = T0): ApartmentRecord {
  const jobs = [aJob(1, { type: "vm.ask" }), aJob(2, { type: "vm.stop" })];
  const messages = jobs.map(
    ({ id }) => ({ ok: true, message: aMessage({ kind: "submit", jobId: id }) }) as const,
  );
  const decision = decide(
    record,
    { messages, source: { kind: "queue", lowestSequence: "1", highestSequence: "2" } },
    {
      facts: { hosts: new Map(), jobs: new Map(jobs.map((job) => [job.id, job])) },
      settings,
      work: byName([...types, ...registry.values()]),
      now,
    },
  );
  if (decision.kind !== "commit") throw new Error(`decided ${decision.kind}`);
  return decision.record;
}

const made = ({ effects }: ApartmentRecord) =>
  effects.flatMap((effect: Effect) => (effect.kind === "new-job" ? [effect.job] : []));

describe("a system job", () => {
  it("A1 begins in the commit that ends the job that asked for it, before all that are queued", () => {
    const record = turn(aRecord(), [asking, looking]);
    expect(record.active).toMatchObject({ type: "system.look", input: { why: "asked" } });
    expect(record.queued).toEqual([{ jobId: jobIdOf(2), type: "vm.stop" }]);
    expect(record.systemJob).toBeUndefined();
    expect(record.wakeAt).toBe(T0 + 5_000);
    expect(record.epoch).toBe(2);
  });

  it("is recorded by one effect with what the same turn did with it, and told like any other", () => {
    const record = turn(aRecord(), [asking, looking]);
    const [job] = made(record);
    expect(job).toMatchObject({
      id: record.active?.jobId,
      type: "system.look",
      account: "acme",
      vmId: record.id,
      status: "waiting",
      revision: record.version,
      journal: [{ step: "looking" }],
    });
    expect(record.effects).not.toContainEqual(
      expect.objectContaining({ kind: "job", jobId: job?.id }),
    );
    expect(record.effects).toContainEqual(
      expect.objectContaining({
        event: expect.objectContaining({ topic: `job.state.${job?.id}` }),
      }),
    );
  });

  it("has ended where it ends in the turn that made it", () => {
    const quick = { ...looking, begin: asking.begin, resume: looking.resume };
    const once: WorkType = {
      ...quick,
      begin: () => ({ kind: "succeed", result: 1, note: "done" }),
    };
    const [job] = made(turn(aRecord(), [asking, once]));
    expect(job).toMatchObject({ status: "succeeded", result: 1, finishedAt: T0 });
    expect(job?.expiresAt).toBeGreaterThan(T0);
  });

  it("waits in the record while the apartment is paused, and begins once it is not", () => {
    const paused = aRecord({ paused: true, systemJob: { type: "system.look", input: {} } });
    const record = turn(paused, [asking, looking]);
    expect(record.active).toBeUndefined();
    expect(record.systemJob?.type).toBe("system.look");
    expect(record.wakeAt).toBeUndefined();
    const resumed = turn({ ...paused, paused: false }, [asking, looking]);
    expect(resumed.active?.type).toBe("system.look");
  });

  it("fails nobody's job when it throws at its begin, and is not tried for ever", () => {
    const record = turn(aRecord(), [asking, throwing]);
    expect(record).toMatchObject({ active: undefined, systemJob: undefined, queued: [] });
    expect(record.openIncidents.map(({ kind }) => kind)).toEqual(["poison_message"]);
    const statuses = record.effects.flatMap((each) => (each.kind === "job" ? [each.status] : []));
    expect(statuses).toEqual(["succeeded", "succeeded"]);
  });
});

describe("the id of a job that a turn makes", () => {
  it("A9 is a UUIDv7 of the turn's time and a function of the name", () => {
    const name = fc.string({ minLength: 1, maxLength: 60 });
    const time = fc.nat(2 ** 48 - 1);
    fc.assert(
      fc.property(name, name, time, (one, other, now) => {
        const id = jobIdFor(one, now);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(now);
        expect(jobIdFor(other, now) === id).toBe(other === one);
      }),
    );
  });

  it("is another for each of many versions of many apartments", () => {
    const names = Array.from({ length: 20_000 }, (_, n) => `vm-${n % 100}.${n}.0`);
    expect(new Set(names.map((name) => jobIdFor(name, T0))).size).toBe(names.length);
  });
});
