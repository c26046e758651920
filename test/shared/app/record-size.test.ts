import { expect, it } from "vitest";
import * as z from "zod/mini";
import { RECORD_BYTES_MAX } from "../../../shared/model/apartment-record.ts";
import { checkpoint } from "../../../shared/work/checkpoint.ts";
import { defineWork } from "../../../shared/work/define-work.ts";
import { twoSteps } from "../../support/errands.ts";
import { JobWorld, vmIdNumber } from "../../support/job-world.ts";

/** Comes to a checkpoint with a memo of so many bytes. */
const heavy = (bytes: number) =>
  defineWork({
    ...{ name: "test.heavy", version: 1, needsHost: false, reception: twoSteps.reception },
    ...{ input: z.strictObject({}), memo: z.string(), result: z.null() },
    begin: () =>
      checkpoint({ step: "carrying", memo: "x".repeat(bytes), percent: 50, note: "carries" }),
    resume: () => ({ kind: "succeed", result: null, note: "is done" }),
  });

it.each([
  ["takes", "below", 0.9, "succeeded"],
  ["stores nothing of", "above", 1, "queued"],
] as const)("%s a record %s the bound", async (_, __, share, status) => {
  const world = new JobWorld({ work: [heavy(RECORD_BYTES_MAX * share)] });
  const job = await world.submit(1, { type: "test.heavy", vmId: vmIdNumber(1) });
  await world.turn();
  expect(world.job(job).status).toBe(status);
  expect(world.record(vmIdNumber(1))?.active).toBeUndefined();
});
