import type { SQSRecord } from "aws-lambda";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cancelJob } from "../../../shared/app/cancel-job.ts";
import { ApartmentMessage } from "../../../shared/model/apartment-message.ts";
import { ApartmentId } from "../../../shared/model/ids.ts";
import { hasEnded, type JobRecord } from "../../../shared/model/job.ts";
import { jobIdOf } from "../../support/a-record.ts";
import { errand, gather, twoSteps } from "../../support/errands.ts";
import { JobWorld, vmIdNumber } from "../../support/job-world.ts";

/** Each takes a few milliseconds. */
const RUNS = 150;
const VMS = 3;
const DAY_MS = 86_400_000;
/** Longer than any errands one after the other, and shorter than their records are kept. */
const PATIENCE_MS = 25 * DAY_MS;

const vm = fc.integer({ min: 1, max: VMS });
/** Seconds to days; or none at all. */
const forMs = fc.constantFrom(undefined, 1_000, 90_000, 3_600_000, DAY_MS, 3 * DAY_MS);
const Errand = fc.record({ forMs, fails: fc.boolean() }).map(({ forMs: ms, fails }) => ({
  ...(ms === undefined ? {} : { forMs: ms }),
  ...(fails ? { fails } : {}),
}));
const Job = fc.oneof(
  fc.record({ type: fc.constant("test.errand" as const), vm, input: Errand }),
  fc.record({ type: fc.constant("test.two-steps" as const), vm, input: fc.constant({}) }),
  fc.record({
    type: fc.constant("test.gather" as const),
    vm,
    input: fc.record({
      until: fc.constantFrom("all" as const, "any" as const),
      start: fc.array(fc.record({ vm, errand: Errand }), { minLength: 1, maxLength: 3 }),
      stays: fc.boolean(),
    }),
  }),
);
type Job = typeof Job extends fc.Arbitrary<infer J> ? J : never;

const Move = fc.oneof(
  fc.record({ kind: fc.constant("submit" as const), job: Job }),
  fc.record({ kind: fc.constant("turn" as const) }),
  fc.record({ kind: fc.constant("turn" as const) }),
  /** Hints of the next batch never arrive; what was received once is not lost (A4 rests on that). */
  fc.record({ kind: fc.constant("lose" as const) }),
  /** A hint of long ago comes again: late, or doubled. */
  fc.record({ kind: fc.constant("again" as const), index: fc.nat(50) }),
  /** A hint of what has not come yet. */
  fc.record({ kind: fc.constant("early" as const), index: fc.nat(9), vm }),
  fc.record({ kind: fc.constant("tick" as const) }),
  /** The worker dies after its commit, and its messages come again. */
  fc.record({ kind: fc.constant("crash" as const) }),
  fc.record({ kind: fc.constant("cancel" as const), index: fc.nat(9) }),
);
type Move = typeof Move extends fc.Arbitrary<infer M> ? M : never;

/** What may be lost: who waits for it looks at what it was about when its own time comes. */
const HINTS: ReadonlySet<string> = new Set(["wake", "job-ended"]);

class HintedWorld {
  readonly world = new JobWorld({ work: [errand, gather, twoSteps] });
  readonly submitted: { readonly job: JobRecord; readonly told: Job }[] = [];
  private readonly seen: { readonly to: ApartmentId; readonly message: ApartmentMessage }[] = [];

  async make(move: Move): Promise<void> {
    const { world } = this;
    switch (move.kind) {
      case "submit":
        return this.submit(move.job);
      case "turn":
        await world.turn((records) => this.noted(records));
        return;
      case "lose":
        await world.turn((records, times) =>
          this.noted(records).filter((each) => times === "again" || !isHint(each)),
        );
        return;
      case "again": {
        const hint = this.seen[move.index % Math.max(1, this.seen.length)];
        if (hint !== undefined) await world.deps.apartmentQueue.send([hint]);
        return;
      }
      case "early": {
        const { job } = this.submitted[move.index % Math.max(1, this.submitted.length)] ?? {};
        const [child] = job === undefined ? [] : world.startedBy(job);
        const jobId = child?.id ?? job?.id ?? jobIdOf(999);
        const logicalId = `early:${this.seen.length}:${world.world.clock.at}` as never;
        const to = vmIdNumber(move.vm);
        const body = { kind: "job-ended", jobId } as const;
        await world.deps.apartmentQueue.send([{ to, message: { v: 1, logicalId, body } }]);
        return;
      }
      case "tick":
        // Days do not pass while a message waits.
        if (world.isQuiet()) await world.tick();
        return;
      case "crash":
        return this.crash();
      case "cancel": {
        const { job } = this.submitted[move.index % Math.max(1, this.submitted.length)] ?? {};
        const caller = { account: job?.account, role: "admin" } as never;
        if (job !== undefined) await cancelJob(world.deps, { caller, jobId: job.id });
        return;
      }
      default:
        move satisfies never;
    }
  }

  private async submit(told: Job): Promise<void> {
    const input =
      told.type === "test.gather"
        ? {
            ...told.input,
            forMs: PATIENCE_MS,
            start: told.input.start.map(({ vm: n, errand: each }, index) => ({
              key: `${index}`,
              vmId: vmIdNumber(n),
              errand: each,
            })),
          }
        : told.input;
    for (let n = 1; n <= VMS; n += 1)
      if (this.world.record(vmIdNumber(n)) === undefined)
        await this.world.submit(900 + n, {
          type: "test.two-steps",
          vmId: vmIdNumber(n),
          input: {},
        });
    const { type } = told;
    const n = this.submitted.length + 1;
    const job = await this.world.submit(n, { type, vmId: vmIdNumber(told.vm), input });
    this.submitted.push({ job, told });
  }

  private async crash(): Promise<void> {
    const { world } = this;
    const whole = world.deps;
    const { apartments } = whole;
    world.deps = {
      ...whole,
      apartments: {
        ...apartments,
        commit: async (next) => {
          await apartments.commit(next);
          throw new Error("died");
        },
      },
    };
    await world.turn((records) => this.noted(records));
    world.deps = whole;
  }

  /** Notes the hints that pass. */
  private noted(records: SQSRecord[]): SQSRecord[] {
    for (const { body, attributes } of records.filter(isHint)) {
      const to = ApartmentId.parse(attributes.MessageGroupId);
      this.seen.push({ to, message: ApartmentMessage.parse(JSON.parse(body)) });
    }
    return records;
  }
}

function isHint({ body }: SQSRecord): boolean {
  return HINTS.has(ApartmentMessage.parse(JSON.parse(body)).body.kind);
}

/** It ended as it was told to, not before its time, and knows how those ended that it waited for. */
function assertEnd(world: JobWorld, job: JobRecord): void {
  const { status, error, result, startedAt = 0, finishedAt = 0, cancelRequested } = job;
  expect(hasEnded(status)).toBe(true);
  if (status === "cancelled") {
    expect(cancelRequested).toBe(true);
    return;
  }
  const { forMs: ms = 0, fails } = Object(job.input);
  if (job.type === "test.gather") {
    expect({ status, error }).toEqual({ status: "succeeded", error: undefined });
    const { ends } = Object(result);
    const { start, until } = Object(job.input);
    if (until === "all") expect(Object.keys(ends)).toHaveLength(start.length);
    expect(Object.keys(ends).length).toBeGreaterThan(0);
    const children = world.startedBy(job);
    const told = children.map((child) => child.error?.code ?? child.id);
    for (const { said, code } of Object.values<{ said?: string; code?: string }>(ends))
      expect([...told, "join_cycle"]).toContain(said ?? code);
    return;
  }
  if (job.type === "test.errand") {
    expect(finishedAt - startedAt).toBeGreaterThanOrEqual(ms);
    expect(error?.code).toBe(fails === true ? "host_refused" : undefined);
  } else expect(status).toBe("succeeded");
}

describe("wake-ups that are lost, early, doubled or late", () => {
  it("harm nothing: every job ends once, as it was told to, and not before its time", async () => {
    let lasted = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(Move, { minLength: 20, maxLength: 80, size: "max" }),
        async (moves) => {
          const hinted = new HintedWorld();
          const { world } = hinted;
          for (const move of moves) await hinted.make(move);
          await world.finish();
          for (const job of world.world.memory.tables.jobs.all()) {
            assertEnd(world, job);
            expect(job.journal.filter(({ step }) => step === "ended")).toHaveLength(1);
            lasted = Math.max(lasted, (job.finishedAt ?? 0) - job.createdAt);
          }
          for (let n = 1; n <= VMS; n += 1) {
            const record = world.record(vmIdNumber(n));
            expect(record?.active).toBeUndefined();
            expect(record?.outer).toBeUndefined();
            expect(record?.queued ?? []).toEqual([]);
          }
        },
      ),
      { numRuns: RUNS },
    );
    expect(lasted).toBeGreaterThan(3 * DAY_MS);
  }, 120_000);

  it("A8 a timer of days is due at its time and not before, however often others look", async () => {
    const world = new JobWorld({ work: [errand] });
    const vmId = vmIdNumber(1);
    const job = await world.submit(1, {
      type: errand.name,
      vmId,
      input: { forMs: 3 * DAY_MS },
    });
    await world.drain();
    const dueAt = world.record(vmId)?.wakeAt;
    expect(dueAt).toBe(world.world.clock.at + 3 * DAY_MS);
    for (let day = 0; day < 2; day += 1) {
      world.world.clock.at += DAY_MS;
      const due = await world.deps.apartments.due({ before: world.world.clock.at, limit: 9 });
      expect(due).toEqual([]);
    }
    expect(world.job(job)).toMatchObject({ status: "waiting" });
    await world.finish();
    expect(world.job(job)).toMatchObject({ status: "succeeded", finishedAt: dueAt });
  });
});
