/** The peers' workload: a job of two durable steps, two commits, that needs no host. */
import * as z from "zod/mini";
import { checkpoint } from "../../shared/work/checkpoint.ts";
import { defineWork } from "../../shared/work/define-work.ts";

const Steps = z.strictObject({ first: z.string() });

export const vmTwoSteps = defineWork({
  name: "vm.two-steps",
  version: 1,
  input: z.strictObject({}),
  memo: Steps,
  result: Steps,
  needsHost: false,
  reception: {
    Stopped: "go",
    Running: "go",
    Suspended: "go",
    Destroyed: "go",
    Expunging: "conflict",
    Error: "go",
    Unknown: "go",
    Starting: "go",
    Stopping: "go",
    Migrating: "go",
  },
  begin: ({ jobId }) =>
    checkpoint({ step: "first", memo: { first: jobId }, percent: 50, note: "took the first step" }),
  resume: ({ memo }) => ({ kind: "succeed", result: memo, note: "took the second step" }),
});
