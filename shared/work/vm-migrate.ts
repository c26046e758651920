/**
 * Migrate: hold room at the target, let the source move the running guest, and believe both hosts' own words.
 *
 *   reserving   a target is looked for (`find-place.ts`)
 *   migrating   the command is out at the source
 *   asking      the target is asked: the VM has moved when the target has it and the source has not
 *
 *  1. Nothing here takes the guest's power: a migration that failed leaves it where it is.
 *  2. While the source may still be at it, what the target says may be true for a moment only: the source is asked first (A6).
 *  3. Room is held at both hosts until it is known where the VM is.
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { HostId } from "../model/ids.ts";
import { VERB_INPUTS, type VerbInput } from "../model/verbs.ts";
import type { VmChange } from "../model/vm-change.ts";
import { type Acted, Acting, act, acted, type Deed, endAs, Why } from "./act-at-host.ts";
import { Asking, ask, type Found, hear, within } from "./ask-host.ts";
import { defineVerb } from "./define-verb.ts";
import { calledOff, fail } from "./fail.ts";
import {
  type Placed,
  place,
  placed,
  placeElsewhere,
  Reserving,
  Search,
  Target,
  type Wish,
} from "./find-place.ts";
import { CONFIRM_MS } from "./patience.ts";
import { knowing, trueState } from "./true-state.ts";

/** What the source came to. */
const AtSource = z.strictObject({
  power: z.enum(["on", "paused", "off", "silent"]),
  why: z.optional(Why),
  detail: z.string(),
});
type AtSource = z.infer<typeof AtSource>;

const Memo = z.discriminatedUnion("phase", [
  Reserving,
  z.strictObject({ phase: z.literal("migrating"), search: Search, target: Target, acting: Acting }),
  z.strictObject({
    phase: z.literal("asking"),
    search: Search,
    target: Target,
    source: AtSource,
    asking: Asking,
  }),
]);
type Memo = z.infer<typeof Memo>;

const Result = z.strictObject({ hostId: HostId });
type Step = Outcome<Memo, z.infer<typeof Result>>;
type Context = WorkContext<VerbInput<"migrate">, unknown>;
type Move = { readonly search: Search; readonly target: Target };

export const vmMigrate = defineVerb({
  name: "vm.migrate",
  version: 1,
  input: VERB_INPUTS.migrate,
  memo: Memo,
  result: Result,
  turnsOn: true,
  reception: {
    Stopped: "conflict",
    Running: "go",
    Suspended: "conflict",
    Destroyed: "conflict",
    Expunging: "conflict",
    Error: "conflict",
    Unknown: "probe",
    Starting: "probe",
    Stopping: "probe",
    Migrating: "probe",
  },
  unfound: (_: Context, hostId) =>
    fail("vm_unsettled", `${hostId} did not say what became of the VM there`),
  go,
  resume,
});

function go(context: Context): Step {
  const source = sourceOf(context);
  const { hostId, leaves = source } = context.input;
  if (hostId === source || leaves !== source)
    return { kind: "succeed", result: { hostId: source }, note: `is Running on ${source}` };
  return moveTo(context, place(context, wishOf(context), { avoid: [source], attempt: 0 }));
}

function resume(context: WorkContext<VerbInput<"migrate">, Memo>, wakeup: Wakeup): Step {
  const { memo } = context;
  switch (memo.phase) {
    case "reserving":
      return moveTo(context, placed(context, wishOf(context), memo, wakeup));
    case "migrating":
      return moved(
        context,
        memo,
        acted(context, moveOf(context, memo.target), memo.acting, wakeup),
      );
    case "asking":
      return found(context, memo, hear(context, memo.asking, wakeup));
    default:
      return memo satisfies never;
  }
}

function wishOf({ input }: Context): Wish {
  return { named: input.hostId, prefer: undefined, migrates: true };
}

/** It is Running there. */
function sourceOf({ vm, vmId }: Context): HostId {
  if (vm.hostId === undefined) throw new Error(`VM ${vmId} is ${vm.state} at no host`);
  return vm.hostId;
}

function moveTo(context: Context, looked: Placed): Step {
  const place = notOn(context) ?? looked;
  switch (place.kind) {
    case "placing":
      return place.outcome;
    case "held": {
      const { search, target } = place;
      const deed = moveOf(context, target);
      return moved(context, { search, target }, act(context, sourceOf(context), deed));
    }
    case "none":
      return { ...fail(place.error.code, place.error.detail), vm: { state: "Running" } };
    default:
      return place satisfies never;
  }
}

/** It stopped, or was paused by hand, meanwhile: there is nothing to move. What is true is for `vm.verify`, which begins next. */
function notOn(context: Context): Placed | undefined {
  const source = sourceOf(context);
  const { power } = context.lastSaid.get(source) ?? {};
  if (power === undefined || power === "on" || power === "unknown") return undefined;
  const { error } = fail("vm_state_conflict", `${source} says that it is ${power}`);
  return { kind: "none", error };
}

function moveOf({ settings }: Context, { hostId, migrationUri }: Target): Deed {
  if (migrationUri === undefined) throw new Error(`nothing migrates to ${hostId}`);
  return {
    call: { verb: "migrate", args: { targetHostId: hostId, targetUri: migrationUri } },
    timeoutSeconds: settings.commandTimeoutSeconds.migrate,
    step: "migrating",
    note: `moves it to ${hostId}`,
    percent: 30,
    during: "Migrating",
    shows: "off",
    // Whether another try is safe, the target has to say too.
    again: () => false,
  };
}

/** What the source says; unless nothing of it runs any more and never did, the target is asked too. */
function moved(context: Context, move: Move, end: Acted): Step {
  switch (end.kind) {
    case "acting":
      return within(end.outcome, (acting) => ({ phase: "migrating", ...move, acting }));
    case "done":
      return askTarget(context, move, { power: "off", detail: "was seen off at its source" });
    case "silent":
      return end.why === "unsent"
        ? endAs(context, end)
        : askTarget(context, move, { power: "silent", why: end.why, detail: end.detail });
    case "failed": {
      if (end.why !== "refused")
        return askTarget(context, move, { power: end.power, why: end.why, detail: end.detail });
      if (end.power !== "on") return endAs(context, end);
      const last = { hostId: move.target.hostId, refusal: end.detail };
      const next = placeElsewhere(context, wishOf(context), move.search, last);
      return knowing(moveTo(context, next), { state: "Running" });
    }
    default:
      return end satisfies never;
  }
}

function askTarget(context: Context, move: Move, source: AtSource): Step {
  const { hostId } = move.target;
  return found(context, { ...move, source }, ask(context, { hostId, forMs: CONFIRM_MS }));
}

function found(context: Context, memo: Move & { readonly source: AtSource }, found: Found): Step {
  if (found.kind !== "asking") return concluded(context, memo, found.kind);
  const { search, target, source } = memo;
  return within(found.outcome, (asking) => ({ phase: "asking", search, target, source, asking }));
}

/** Both were asked, the source before the target (2). */
function concluded(
  context: Context,
  { search, target: { hostId: target }, source }: Move & { readonly source: AtSource },
  there: Exclude<Found["kind"], "asking">,
): Step {
  const isThere = there === "on" || there === "paused";
  switch (source.power) {
    case "off":
      if (isThere) return arrived(there, target);
      return there === "off"
        ? {
            ...fail("host_refused", `it is off at its source and at ${target}`),
            vm: trueState("off", target),
          }
        : // It is nowhere but there, if anywhere.
          ended(context, `${target} did not say whether it has it`, {
            state: "Unknown",
            hostId: target,
          });
    case "on":
    case "paused":
      if (isThere) return atBoth(context, target);
      if (source.why === "stale" && source.power === "on" && there === "off")
        return knowing(again(context, search), { state: "Running" });
      return ended(context, source.detail, trueState(source.power, sourceOf(context)));
    case "silent":
      return ended(
        context,
        `its source ${source.detail}`,
        isThere ? trueState(there, target) : { state: "Unknown" },
      );
    default:
      return source.power satisfies never;
  }
}

/** Its source's agent restarted under it, and nothing of it runs: room is held anew, the hosts may have changed. */
function again(context: Context, search: Search): Step {
  const refusal = `${sourceOf(context)}: its agent restarted under the migration`;
  return moveTo(context, place(context, wishOf(context), { ...search, refusal }));
}

function arrived(power: "on" | "paused", hostId: HostId): Step {
  return {
    kind: "succeed",
    result: { hostId },
    vm: trueState(power, hostId),
    note: `was found ${power} at ${hostId}, and is off at its source`,
  };
}

function ended(context: Context, detail: string, vm: VmChange): Step {
  return {
    ...(context.cancelRequested ? calledOff(`after ${detail}`) : fail("timed_out", detail)),
    vm,
  };
}

/** By both hosts' own words, one after the other: `vm.verify` finds out whether that lasts. */
function atBoth(context: Context, target: HostId): Step {
  return {
    ...fail("vm_unsettled", `it is on at ${sourceOf(context)} and at ${target}`),
    vm: { state: "Unknown" },
  };
}
