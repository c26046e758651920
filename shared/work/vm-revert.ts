/**
 * Revert: the host that keeps the snapshot brings it back, with the power state that it has.
 *
 *   reserving  a VM that is off may come on by it: room is held where the snapshot is kept
 *   reverting  the command is out
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import type { HostId } from "../model/ids.ts";
import { VERB_INPUTS, type VerbInput } from "../model/verbs.ts";
import { type Acted, Acting, act, acted, type Deed, endAs } from "./act-at-host.ts";
import { within } from "./ask-host.ts";
import { NoResult } from "./define-deed.ts";
import { defineVerb } from "./define-verb.ts";
import { fail } from "./fail.ts";
import { type Placed, place, placed, Reserving } from "./find-place.ts";
import { knownSnapshot } from "./known-snapshot.ts";
import { SNAPSHOT_TABLE } from "./receptions.ts";
import { knowing, trueState } from "./true-state.ts";

const Memo = z.discriminatedUnion("phase", [
  Reserving,
  z.strictObject({ phase: z.literal("reverting"), acting: Acting }),
]);
type Memo = z.infer<typeof Memo>;
type Step = Outcome<Memo, z.infer<typeof NoResult>>;
type Context = WorkContext<VerbInput<"revert">, unknown>;

export const vmRevert = defineVerb({
  name: "vm.revert",
  version: 1,
  input: VERB_INPUTS.revert,
  memo: Memo,
  result: NoResult,
  turnsOn: true,
  reception: SNAPSHOT_TABLE,
  unfound: (_: Context, hostId) =>
    fail("vm_unsettled", `${hostId} did not say what became of the VM there`),
  go,
  resume,
});

function go(context: Context): Step {
  const { input, vm } = context;
  const known = knownSnapshot(context, input.snapshot);
  if (known.kind === "unknown")
    return fail("vm_state_conflict", `it has no snapshot ${input.snapshot}`);
  if (known.kind === "elsewhere") return known.end;
  if (vm.hostId !== undefined) return revert(context, vm.hostId);
  const wish = { named: known.snapshot.hostId, prefer: undefined };
  return reserved(context, place(context, wish, { avoid: [], attempt: 0 }));
}

function resume(context: WorkContext<VerbInput<"revert">, Memo>, wakeup: Wakeup): Step {
  const { memo } = context;
  switch (memo.phase) {
    case "reserving": {
      const wish = { named: memo.target.hostId, prefer: undefined };
      return reserved(context, placed(context, wish, memo, wakeup));
    }
    case "reverting":
      return reverted(context, acted(context, deedOf(context), memo.acting, wakeup));
    default:
      return memo satisfies never;
  }
}

function reserved(context: Context, place: Placed): Step {
  switch (place.kind) {
    case "placing":
      return place.outcome;
    case "held": {
      const { hostId } = place.target;
      return knowing(revert(context, hostId), { hostId, state: "Starting" });
    }
    case "none":
      return fail(place.error.code, place.error.detail);
    default:
      return place satisfies never;
  }
}

function revert(context: Context, hostId: HostId): Step {
  return reverted(context, act(context, hostId, deedOf(context)));
}

function deedOf({ input: { snapshot }, settings }: Context): Deed {
  return {
    call: { verb: "revert", args: { snapshot } },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "reverting",
    note: `reverts it to ${snapshot}`,
    percent: 50,
  };
}

function reverted(context: Context, end: Acted): Step {
  switch (end.kind) {
    case "acting":
      return within(end.outcome, (acting) => ({ phase: "reverting", acting }));
    case "failed":
    case "silent":
      return endAs(context, end);
    case "done": {
      const { hostId, power } = end;
      const note = `is ${power ?? "as it was"} at ${hostId}, as in ${context.input.snapshot}`;
      return {
        kind: "succeed",
        result: {},
        vm: power === undefined ? { state: "Unknown" } : trueState(power, hostId),
        note,
      };
    }
    default:
      return end satisfies never;
  }
}
