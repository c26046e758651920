import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import type { AnyWorkType, Outcome } from "../../../shared/core/work-type.ts";
import { childJob, resultOf } from "../../../shared/work/child-job.ts";
import { defineWork } from "../../../shared/work/define-work.ts";
import { jobIdOf, vmId } from "../../support/a-record.ts";
import { errand } from "../../support/errands.ts";
import { JobWorld, vmIdNumber } from "../../support/job-world.ts";

const HOUR_MS = 3_600_000;
const waits = { action: { kind: "timer" }, deadlineInMs: HOUR_MS, note: "waits" } as const;

/** The first version of a type: it greets somebody after an hour. */
const greetOnce = defineWork({
  name: "test.greet",
  version: 1,
  input: z.strictObject({ name: z.string() }),
  memo: z.strictObject({ said: z.string() }),
  result: z.strictObject({ said: z.string() }),
  reception: errand.reception,
  needsHost: false,
  begin: ({ input }) => ({
    ...waits,
    kind: "wait",
    step: "waiting",
    memo: { said: `hello ${input.name}` },
  }),
  resume: ({ memo }) => ({ kind: "succeed", result: memo, note: "greets" }),
});

/** The second: it greets several, and says how often it was upgraded. */
const Names = z.strictObject({ names: z.array(z.string()) });
const Said = z.strictObject({ said: z.array(z.string()) });
const Older = { input: z.object({ name: z.string() }), memo: z.object({ said: z.string() }) };
let upgrades = 0;
const greetAll = defineWork({
  name: "test.greet",
  version: 2,
  input: Names,
  memo: Said,
  result: Said,
  reception: errand.reception,
  needsHost: false,
  upgrade: ({ version, input, memo }) => {
    upgrades += 1;
    if (version !== 1) throw new Error(`there is no version ${version}`);
    const before = Older.memo.safeParse(memo);
    return {
      input: { names: [Older.input.parse(input).name] },
      memo: before.success ? { said: [before.data.said] } : null,
    };
  },
  begin: ({ input }) => ({
    ...waits,
    kind: "wait",
    step: "waiting",
    memo: { said: input.names.map((name) => `hello ${name}`) },
  }),
  resume: ({ memo }, wakeup): Outcome<z.infer<typeof Said>, z.infer<typeof Said>> =>
    wakeup.kind === "cancelled"
      ? { kind: "ignore" }
      : { kind: "succeed", result: memo, note: "greets" },
});

const greeting = { type: "test.greet", vmId: vmIdNumber(1), input: { name: "you" } };

/** The same world, from now on with other work types. */
function deploy(world: JobWorld, ...work: readonly AnyWorkType[]): void {
  world.deps = { ...world.deps, work: new Map(work.map((type) => [type.name, type])) };
}

describe("a job of another version than the deployment's", () => {
  it("runs, if it was under way under an older one: upgraded once, and of the newer from then on", async () => {
    const world = new JobWorld({ work: [greetOnce] });
    const job = await world.submit(1, greeting);
    await world.drain();
    deploy(world, greetAll);
    upgrades = 0;
    const cancel = { kind: "cancel", jobId: job.id } as const;
    await world.deps.apartmentQueue.send([
      { to: greeting.vmId, message: { v: 1, logicalId: "cancel:1" as never, body: cancel } },
    ]);
    await world.drain();
    expect(world.record(greeting.vmId)?.active).toMatchObject({
      workVersion: 2,
      input: { names: ["you"] },
      memo: { said: ["hello you"] },
    });
    await world.finish();
    expect(world.job(job)).toMatchObject({ status: "succeeded", result: { said: ["hello you"] } });
    expect(upgrades).toBe(1);
  });

  it("runs, if it was queued under an older one", async () => {
    const world = new JobWorld({ work: [greetAll] });
    const job = await world.submit(1, greeting);
    await world.finish();
    expect(world.job(job)).toMatchObject({ status: "succeeded", result: { said: ["hello you"] } });
  });

  it("runs as it is where nothing had to be upgraded", async () => {
    const same = { ...greetOnce, version: 7 };
    const world = new JobWorld({ work: [same] });
    const job = await world.submit(1, greeting);
    await world.finish();
    expect(world.job(job)).toMatchObject({ status: "succeeded", result: { said: "hello you" } });
  });

  it("ends unknown_work if it is of a newer one, queued or under way, and blocks nothing", async () => {
    const newer = { ...greeting, workVersion: 2, input: { names: ["you"] } };
    const world = new JobWorld({ work: [greetAll] });
    const underWay = await world.submit(1, newer);
    await world.drain();
    deploy(world, greetOnce);
    const queued = await world.submit(2, newer);
    const next = await world.submit(3, greeting);
    await world.finish();
    for (const job of [underWay, queued])
      expect(world.job(job)).toMatchObject({ status: "failed", error: { code: "unknown_work" } });
    expect(world.job(next).status).toBe("succeeded");
  });

  it("ends as poison where its own upgrade throws", async () => {
    const world = new JobWorld({ work: [{ ...greetAll, version: 3 }] });
    const job = await world.submit(1, { ...greeting, workVersion: 2 });
    await world.finish();
    expect(world.job(job)).toMatchObject({ error: { code: "poison_message" } });
  });
});

describe("a payload that is not of its type", () => {
  it("ends the job invalid_payload at the boundary: an input before it begins", async () => {
    const world = new JobWorld({ work: [greetOnce] });
    const job = await world.submit(1, { ...greeting, input: { nmae: "you" } });
    await world.finish();
    const { error } = world.job(job);
    expect(error?.code).toBe("invalid_payload");
    expect(error?.detail).toContain("nmae: unknown field");
  });

  it("and a memo when it comes back", async () => {
    const world = new JobWorld({ work: [greetAll] });
    const job = await world.submit(1, { ...greeting, workVersion: 2, input: { names: [] } });
    await world.drain();
    deploy(world, { ...greetOnce, version: 2 });
    await world.finish();
    expect(world.job(job)).toMatchObject({ error: { code: "invalid_payload" } });
  });

  it("is poison as a result: the work itself is wrong", async () => {
    const wrong = defineWork({
      name: "test.greet",
      version: 1,
      input: z.unknown(),
      memo: z.null(),
      result: z.strictObject({ percent: z.number().check(z.lte(100)) }),
      reception: errand.reception,
      needsHost: false,
      begin: () => ({ kind: "succeed", result: { percent: 101 }, note: "too much" }),
      resume: () => ({ kind: "ignore" }),
    });
    const world = new JobWorld({ work: [wrong] });
    const job = await world.submit(1, greeting);
    await world.finish();
    expect(world.job(job)).toMatchObject({ error: { code: "poison_message" } });
  });
});

describe("starting a job of another type", () => {
  it("names its type and version, and carries what the compiler let through", () => {
    expect(childJob(errand, { key: "k", vmId, input: { forMs: 1 } })).toEqual({
      key: "k",
      vmId,
      type: "test.errand",
      workVersion: 1,
      input: { forMs: 1 },
    });
  });

  it("reads how it ended: the result of its type, its error, or what is neither", () => {
    const read = (result: unknown) => resultOf(errand, { status: "succeeded", result });
    expect(read({ said: "so" })).toEqual({ ok: true, value: { said: "so" } });
    expect(read({ sad: "so" })).toMatchObject({ ok: false, error: { code: "join_failed" } });
    const error = { code: "host_refused", detail: jobIdOf(1) } as const;
    expect(resultOf(errand, { status: "failed", error })).toEqual({ ok: false, error });
  });
});
