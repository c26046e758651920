/** Work types of tests: one that waits and says something, and one that starts and joins others. */
import * as z from "zod/mini";
import type { Outcome, WorkContext } from "../../shared/core/work-type.ts";
import { JobId, VmId } from "../../shared/model/ids.ts";
import { JobErrorCode } from "../../shared/model/job.ts";
import type { VmState } from "../../shared/model/vm.ts";
import { checkpoint } from "../../shared/work/checkpoint.ts";
import { childJob, resultOf } from "../../shared/work/child-job.ts";
import { defineWork } from "../../shared/work/define-work.ts";
import { calledOff, fail } from "../../shared/work/fail.ts";

const ANY_STATE = {
  Stopped: "go",
  Running: "go",
  Suspended: "go",
  Destroyed: "go",
  Expunging: "go",
  Error: "go",
  Unknown: "go",
  Starting: "go",
  Stopping: "go",
  Migrating: "go",
} as const satisfies Readonly<Record<VmState, "go">>;

const ErrandInput = z.strictObject({
  /** Absent: it ends at once. */
  forMs: z.optional(z.int()),
  fails: z.optional(z.boolean()),
});
const Said = z.strictObject({ said: z.string() });

/** Waits for so long, then says which job it was, or fails. */
export const errand = defineWork({
  name: "test.errand",
  version: 1,
  input: ErrandInput,
  memo: z.null(),
  result: Said,
  reception: ANY_STATE,
  needsHost: false,
  begin: (context) =>
    context.input.forMs === undefined
      ? saying(context)
      : {
          kind: "wait",
          step: "waiting",
          memo: null,
          action: { kind: "timer" },
          deadlineInMs: context.input.forMs,
          note: "waits",
        },
  resume: (context, wakeup) => {
    if (wakeup.kind === "cancelled") return calledOff("while it waited");
    return wakeup.kind === "deadline" ? saying(context) : { kind: "ignore" };
  },
});

function saying(
  context: WorkContext<z.infer<typeof ErrandInput>, unknown>,
): Outcome<never, z.infer<typeof Said>> {
  return context.input.fails === true
    ? fail("host_refused", "as it was told to")
    : { kind: "succeed", result: { said: context.jobId }, note: "says it" };
}

/** Two steps that need nothing from outside, each durable before the next. */
export const twoSteps = defineWork({
  name: "test.two-steps",
  version: 1,
  input: z.strictObject({}),
  memo: z.strictObject({ first: z.string() }),
  result: z.strictObject({ first: z.string() }),
  reception: ANY_STATE,
  needsHost: false,
  begin: ({ jobId }) =>
    checkpoint({ step: "first", memo: { first: jobId }, percent: 50, note: "took the first step" }),
  resume: ({ memo }) => ({ kind: "succeed", result: memo, note: "took the second step" }),
});

const Key = z.string();
const GatherInput = z.strictObject({
  start: z.optional(z.array(z.strictObject({ key: Key, vmId: VmId, errand: ErrandInput }))),
  jobs: z.optional(z.array(z.strictObject({ key: Key, jobId: JobId }))),
  until: z.enum(["all", "any"]),
  /** Absent: an hour. */
  forMs: z.optional(z.int()),
  /** Called off, it waits for the ends all the same. */
  stays: z.optional(z.boolean()),
});
type GatherInput = z.infer<typeof GatherInput>;

const End = z.union([Said, z.strictObject({ code: JobErrorCode })]);
const Ends = z.record(Key, End);
type Ends = z.infer<typeof Ends>;
const Gathered = z.strictObject({ ends: Ends });
type Step = Outcome<Ends, z.infer<typeof Gathered>>;

/** Starts errands, joins others' jobs, and says how all ended; or, with `any`, the first. */
export const gather = defineWork({
  name: "test.gather",
  version: 1,
  input: GatherInput,
  memo: Ends,
  result: Gathered,
  reception: ANY_STATE,
  needsHost: false,
  begin: ({ input }): Step => {
    const { start = [], jobs = [] } = input;
    const children = start.map(({ key, vmId, errand: told }) =>
      childJob(errand, { key, vmId, input: told }),
    );
    return waiting(input, {}, { start: children, jobs });
  },
  resume: ({ input, memo, cancelRequested }, wakeup): Step => {
    switch (wakeup.kind) {
      case "joined": {
        const ends = { ...memo };
        for (const [key, end] of wakeup.ends) {
          const result = resultOf(errand, end);
          ends[key] = result.ok ? result.value : { code: result.error.code };
        }
        if (cancelRequested) return calledOff("after the others had ended");
        return { kind: "succeed", result: { ends }, note: "has heard of all" };
      }
      case "cancelled":
        return input.stays === true ? { kind: "ignore" } : calledOff("while it waited");
      case "deadline":
        return fail("join_failed", "they did not end in time");
      default:
        return { kind: "ignore" };
    }
  },
});

function waiting(
  { until, forMs = 3_600_000 }: GatherInput,
  memo: Ends,
  join: Pick<
    Extract<Extract<Step, { kind: "wait" }>["action"], { kind: "join" }>,
    "start" | "jobs"
  >,
): Step {
  return {
    kind: "wait",
    step: "gathering",
    memo,
    action: { kind: "join", until, ...join },
    deadlineInMs: forMs,
    note: "waits for others",
  };
}
