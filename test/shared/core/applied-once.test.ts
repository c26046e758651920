import { describe, expect, it } from "vitest";
import { decide } from "../../../shared/core/decide.ts";
import type { ApartmentMessageBody } from "../../../shared/model/apartment-message.ts";
import { type ApartmentRecord, QUEUED_JOBS_MAX } from "../../../shared/model/apartment-record.ts";
import { LogicalId } from "../../../shared/model/ids.ts";
import { registry } from "../../../shared/work/registry.ts";
import {
  aHostFact,
  aJob,
  aMessage,
  aRecord,
  bootId,
  hostId,
  jobIdOf,
  settings,
  T0,
} from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

/** The record after a turn of this one message. */
function told(record: ApartmentRecord, logicalId: string, body: ApartmentMessageBody) {
  const message = { v: 1 as const, logicalId: LogicalId.parse(logicalId), body };
  const decision = decide(
    record,
    { messages: [{ ok: true, message }], source: { kind: "inline" } },
    { facts: { jobs: new Map(), hosts: new Map() }, settings, work: registry, now: T0 },
  );
  return decision.kind === "commit" ? decision.record : record;
}

describe("A3 a message that comes again", () => {
  it("is not applied again, though what it says would change what a later one said", () => {
    const first = told(aRecord(), "patch:1", { kind: "patch", name: "first" });
    const second = told(first, "patch:2", { kind: "patch", name: "second" });
    const again = told(second, "patch:1", { kind: "patch", name: "first" });
    expect(again.vm.name).toBe("second");
    expect(again.version).toBe(second.version);
  });

  it("is known by what it tells, not by how it travelled: under another id it is another message", () => {
    const first = told(aRecord(), "pause:1", { kind: "pause", paused: true });
    const second = told(first, "pause:2", { kind: "pause", paused: false });
    expect(told(second, "pause:3", { kind: "pause", paused: true }).paused).toBe(true);
  });
});

describe("A7 a cancel in the turn that refuses its job for want of room", () => {
  it("changes nothing about the end that the job has", () => {
    const queued = Array.from({ length: QUEUED_JOBS_MAX }, (_, n) => ({
      jobId: jobIdOf(n + 10),
      type: "vm.stop",
    }));
    const record = aRecord({ paused: true, queued });
    const job = aJob(1);
    const messages = [
      aMessage({ kind: "submit", jobId: job.id }),
      aMessage({ kind: "cancel", jobId: job.id }),
    ].map((message) => ({ ok: true, message }) as const);
    const decision = decide(
      record,
      { messages, source: { kind: "inline" } },
      {
        facts: { jobs: new Map([[job.id, job]]), hosts: new Map() },
        settings,
        work: registry,
        now: T0,
      },
    );
    if (decision.kind !== "commit") throw new Error(`it came to ${decision.kind}`);
    const ends = decision.record.effects.filter((effect) => effect.kind === "job");
    expect(ends).toMatchObject([{ jobId: job.id, error: { code: "apartment_full" } }]);
    expect(decision.record.applied).toEqual(
      messages.slice(0, 1).map(({ message }) => message.logicalId),
    );
  });
});

describe("A3 the answer to a reservation", () => {
  it("is that of the attempt that is waited for: an earlier one's starts nothing", () => {
    const job = new OneJob(aRecord(), { type: "vm.start" }, { hosts: [aHostFact()] });
    const { active } = job.record;
    if (active?.waitFor.kind !== "reserved") throw new Error("it does not wait for room");
    const { attempt } = active.waitFor;
    const outcome = {
      status: "held",
      bootId,
      bootOrdinal: 1,
      queueUrl: "http://127.0.0.1/q",
    } as const;
    const jobId = aJob(1).id;
    const answer = (of: number): ApartmentMessageBody => ({
      kind: "reserved",
      jobId,
      attempt: of,
      hostId,
      outcome,
    });
    job.hear(answer(attempt - 1));
    expect(job.record.active?.waitFor).toEqual(active.waitFor);
    expect(job.record.unsettled).toEqual([]);
    job.hear(answer(attempt));
    expect(job.record.active?.waitFor).toMatchObject({ kind: "result", verb: "start" });
  });
});
