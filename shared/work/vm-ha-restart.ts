/**
 * HA restart: a start by the system, of a VM that fell (`ha.ts`). Where no host has room it waits for some.
 *
 *   waiting   no host that is Up had the room; tried again, at greater distances
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { HA_RESTARTS_MAX } from "../model/apartment-record.ts";
import type { VerbInput } from "../model/verbs.ts";
import { defineVerb } from "./define-verb.ts";
import { calledOff } from "./fail.ts";
import { HA_RESTART, restartsOfLate } from "./ha.ts";
import { goStart, resumeStart, START, StartMemo, type StartResult } from "./vm-start.ts";

/** Doubles with each try, up to the greatest: a rack that lost power is back within the hour, or somebody looks. */
const WAIT_FIRST_MS = 15_000;
const WAIT_MAX_MS = 5 * 60_000;
/** Some two hours. */
const TRIES_MAX = 28;

const Memo = z.strictObject({
  tries: z.int(),
  /** Absent: waiting for room. */
  starting: z.optional(StartMemo),
});
type Memo = z.infer<typeof Memo>;
type Input = VerbInput<"start">;
type Step<M> = Outcome<M, z.infer<typeof StartResult>>;
type Context = WorkContext<Input, unknown>;

export const vmHaRestart = defineVerb({
  ...START,
  name: HA_RESTART,
  origin: "system",
  memo: Memo,
  go: (context: Context) => noted(context, patient(0, goStart(context))),
  resume,
});

function resume(context: WorkContext<Input, Memo>, wakeup: Wakeup): Step<Memo> {
  const { tries, starting } = context.memo;
  if (starting !== undefined)
    return patient(tries, resumeStart({ ...context, memo: starting }, wakeup));
  switch (wakeup.kind) {
    case "deadline":
      return patient(tries, goStart(context));
    case "cancelled":
      return calledOff("while it waited for room");
    default:
      return { kind: "ignore" };
  }
}

/** The start's own step; but no room is worth waiting for. */
function patient(tries: number, step: Step<z.infer<typeof StartMemo>>): Step<Memo> {
  if (step.kind === "wait") return { ...step, memo: { tries, starting: step.memo } };
  if (step.kind !== "fail" || step.error.code !== "no_capacity" || tries >= TRIES_MAX) return step;
  const { error, kind: _, ...rest } = step;
  return {
    ...rest,
    kind: "wait",
    step: "waiting",
    memo: { tries: tries + 1 },
    action: { kind: "timer" },
    deadlineInMs: Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** tries),
    note: `waits for room: ${error.detail}`,
  };
}

/** The restart counts from its begin, whatever comes of it. */
function noted<M>(context: Context, step: Step<M>): Step<M> {
  if (step.kind === "need" || step.kind === "ignore") return step;
  const restartedAts = [...restartsOfLate(context), context.now].slice(-HA_RESTARTS_MAX);
  return { ...step, vm: { ...step.vm, restartedAts } };
}
