/** Stop: taken off by `stop-vm.ts`; then it is Stopped, at no host, and holds no room. */
import * as z from "zod/mini";
import type { Outcome, WorkContext } from "../core/work-type.ts";
import { VERB_INPUTS, type VerbInput } from "../model/verbs.ts";
import { defineVerb } from "./define-verb.ts";
import { fail } from "./fail.ts";
import { type Stopped, Stopping, stop, stopped, unconfirmed } from "./stop-vm.ts";

const Result = z.strictObject({ forced: z.boolean() });
type Step = Outcome<Stopping, z.infer<typeof Result>>;
type Context = WorkContext<VerbInput<"stop">, unknown>;

export const vmStop = defineVerb({
  name: "vm.stop",
  version: 1,
  input: VERB_INPUTS.stop,
  memo: Stopping,
  result: Result,
  reception: {
    Stopped: "at_once",
    Running: "go",
    Suspended: "go",
    Destroyed: "conflict",
    Expunging: "conflict",
    Error: "at_once",
    Unknown: "probe",
    Starting: "probe",
    Stopping: "probe",
    Migrating: "probe",
  },
  atOnce: ({ vm, input }) => ({
    kind: "succeed",
    result: { forced: input.forced === true },
    resolve: ["unconfirmed_stop"],
    note: `is ${vm.state}`,
  }),
  unfound: ({ input }, hostId) =>
    input.forced === true
      ? unconfirmed(hostId)
      : fail("host_unreachable", `${hostId} did not say what is true`),
  go: (context: Context): Step => {
    const { hostId, state } = context.vm;
    if (hostId === undefined) throw new Error(`a VM that is ${state} is at no host`);
    return end(context, stop(context, hostId));
  },
  resume: (context, wakeup) => end(context, stopped(context, context.memo, wakeup)),
});

function end({ input }: Context, end: Stopped): Step {
  switch (end.kind) {
    case "off":
      return {
        kind: "succeed",
        result: { forced: input.forced === true },
        vm: { state: "Stopped", hostId: null },
        resolve: ["unconfirmed_stop"],
        note: `was seen off at ${end.hostId}`,
      };
    case "failed":
    case "stopping":
      return end.outcome;
    default:
      return end satisfies never;
  }
}
