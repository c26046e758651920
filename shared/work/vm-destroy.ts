/**
 * Destroy: stopped first, then Destroyed, from which it can be recovered; with `expunge`, gone.
 *
 *   stopping   it is taken off (`stop-vm.ts`): its guest has its grace, then its power is taken; forced, at once
 *   expunging  its hosts forget it (`expunge-vm.ts`)
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { VERB_INPUTS, type VerbInput } from "../model/verbs.ts";
import { within } from "./ask-host.ts";
import { defineVerb } from "./define-verb.ts";
import { type Expunged, Expunging, expunge, expunged } from "./expunge-vm.ts";
import { fail } from "./fail.ts";
import { IN_DOUBT } from "./receptions.ts";
import { type Stopped, Stopping, stop, stopped, unconfirmed } from "./stop-vm.ts";
import { knowing } from "./true-state.ts";

const Memo = z.union([
  z.strictObject({ stopping: Stopping }),
  z.strictObject({ expunging: Expunging }),
]);
type Memo = z.infer<typeof Memo>;
const Result = z.strictObject({ expunged: z.boolean() });
type Step = Outcome<Memo, z.infer<typeof Result>>;
type Context = WorkContext<VerbInput<"destroy">, unknown>;

export const vmDestroy = defineVerb({
  name: "vm.destroy",
  version: 1,
  input: VERB_INPUTS.destroy,
  memo: Memo,
  result: Result,
  reception: {
    Stopped: "go",
    Running: "go",
    Suspended: "go",
    Destroyed: "at_once",
    Expunging: "conflict",
    Error: "go",
    ...IN_DOUBT,
  },
  atOnce: destroyed,
  unfound: ({ input }, hostId) =>
    input.forced === true
      ? unconfirmed(hostId)
      : fail("host_unreachable", `${hostId} did not say what is true`),
  go: (context: Context): Step =>
    context.vm.hostId === undefined
      ? destroyed(context)
      : stopping(context, stop(stopOf(context), context.vm.hostId)),
  resume: (context: WorkContext<VerbInput<"destroy">, Memo>, wakeup: Wakeup): Step =>
    "stopping" in context.memo
      ? stopping(context, stopped(stopOf(context), context.memo.stopping, wakeup))
      : expunging(expunged(context, context.memo.expunging, wakeup)),
});

/** It is not wanted any more, so a guest that does not obey has its power taken. */
function stopOf(context: Context) {
  const { forced } = context.input;
  return { ...context, input: { thenForce: true, ...(forced === undefined ? {} : { forced }) } };
}

function stopping(context: Context, end: Stopped): Step {
  switch (end.kind) {
    case "off":
      return destroyed(context);
    case "failed":
      return end.outcome;
    case "stopping":
      return within(end.outcome, (stopping) => ({ stopping }));
    default:
      return end satisfies never;
  }
}

/** It is off. */
function destroyed(context: Context): Step {
  const change = { state: "Destroyed" as const, hostId: null };
  if (context.input.expunge !== true)
    return {
      ...{ kind: "succeed", result: { expunged: false }, vm: change },
      ...{ resolve: ["unconfirmed_stop"], note: "is Destroyed" },
    };
  return knowing(expunging(expunge(context)), change);
}

function expunging(end: Expunged): Step {
  switch (end.kind) {
    case "gone":
      return {
        kind: "succeed",
        result: { expunged: true },
        gone: true,
        note: "is gone: no host knows it",
      };
    case "failed":
      return end.outcome;
    case "expunging":
      return within(end.outcome, (expunging) => ({ expunging }));
    default:
      return end satisfies never;
  }
}
