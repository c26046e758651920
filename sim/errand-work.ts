/**
 * A work type of the simulation's own: has other jobs run, of its own VM and of others, and waits for somebody else's; for all
 * of them or for the first. It ends well whatever they came to: what is looked at is that it ends, and what it was told.
 */
import * as z from "zod/mini";
import type { ChildJob, Outcome, WorkType } from "../shared/core/work-type.ts";
import { JobId, VmId } from "../shared/model/ids.ts";
import { childJob } from "../shared/work/child-job.ts";
import { defineWork } from "../shared/work/define-work.ts";
import { calledOff } from "../shared/work/fail.ts";
import { vmStart } from "../shared/work/vm-start.ts";
import { vmStop } from "../shared/work/vm-stop.ts";
import { ANY_STATE } from "./listening-work.ts";

/** Those that it waits for have deadlines of their own; this one only has them looked after. */
const LOOK_AFTER_MS = 110 * 60_000;

export const Errand = z.strictObject({
  start: z.array(z.strictObject({ vmId: VmId, verb: z.enum(["start", "stop"]) })),
  jobs: z.array(JobId),
  until: z.enum(["all", "any"]),
});
export type Errand = z.infer<typeof Errand>;
const Ends = z.record(z.string(), z.string());
type Step = Outcome<"joining", z.infer<typeof Ends>>;

export const errand: WorkType = defineWork({
  name: "sim.errand",
  version: 1,
  input: Errand,
  memo: z.literal("joining"),
  result: Ends,
  reception: ANY_STATE,
  needsHost: false,
  begin: ({ input: { start, jobs, until } }) =>
    joining({
      start: start.map(({ vmId, verb }, n) => startOf(`started-${n}`, vmId, verb)),
      jobs: jobs.map((jobId, n) => ({ key: `joined-${n}`, jobId })),
      until,
    }),
  resume: ({ input, cancelRequested }, wakeup): Step => {
    switch (wakeup.kind) {
      case "joined": {
        if (cancelRequested) return calledOff("after what it waited for");
        const ends = [...wakeup.ends].map(([key, { status }]) => [key, status] as const);
        return { kind: "succeed", result: Object.fromEntries(ends), note: "was told of ends" };
      }
      case "deadline":
        return joining({ until: input.until });
      default:
        return { kind: "ignore" };
    }
  },
});

function startOf(key: string, vmId: VmId, verb: "start" | "stop"): ChildJob {
  return verb === "start"
    ? childJob(vmStart, { key, vmId, input: {} })
    : childJob(vmStop, { key, vmId, input: { forced: true } });
}

function joining(join: {
  readonly start?: readonly ChildJob[];
  readonly jobs?: readonly { readonly key: string; readonly jobId: JobId }[];
  readonly until: "all" | "any";
}): Step {
  return {
    kind: "wait",
    step: "joining",
    memo: "joining",
    action: { kind: "join", ...join },
    deadlineInMs: LOOK_AFTER_MS,
    note: "waits for jobs",
  };
}
