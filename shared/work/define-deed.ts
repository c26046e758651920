/**
 * Verbs that are one command to the VM's host, and the record of what came of it.
 *
 * A VM that is off is at no host: its command goes to the one that it was on last, which keeps its definition. Nothing that
 * such a host does or leaves undone says that the VM is on, so its state is left alone.
 */
import * as z from "zod/mini";
import type { Outcome, Reception, WorkContext, WorkType } from "../core/work-type.ts";
import type { HostId } from "../model/ids.ts";
import type { VmState } from "../model/vm.ts";
import type { VmChange } from "../model/vm-change.ts";
import { type Acted, Acting, act, acted, type Deed, endAs } from "./act-at-host.ts";
import { within } from "./ask-host.ts";
import { defineVerb } from "./define-verb.ts";
import { fail } from "./fail.ts";
import { type FoundPower, trueState } from "./true-state.ts";

export const NoResult = z.strictObject({});
type NoResult = z.infer<typeof NoResult>;
export type End = Outcome<never, NoResult>;

export type DeedVerb<I> = {
  readonly name: string;
  readonly version: number;
  readonly input: z.ZodMiniType<I>;
  readonly reception: Readonly<Record<VmState, Reception>>;
  /** An end without any command: it is so already, cannot be, or is for the record alone. */
  readonly without?: (context: WorkContext<I, unknown>) => End | undefined;
  /** Whose command it is while the VM is at no host. Absent: the host's that it was on last. */
  readonly at?: (context: WorkContext<I, unknown>) => HostId | undefined;
  readonly deed: (context: WorkContext<I, unknown>) => Deed;
  /** How it ends once it is so. Absent: it succeeds, in what is true. */
  readonly done?: (context: WorkContext<I, unknown>, done: Done) => End;
};
export type Done = { readonly hostId: HostId; readonly power: FoundPower | undefined };

/** The work type that the registry lists. */
export function defineDeed<I>(verb: DeedVerb<I>): WorkType {
  type Context = WorkContext<I, unknown>;

  const go = (context: Context): Outcome<Acting, NoResult> => {
    const end = verb.without?.(context);
    if (end !== undefined) return end;
    const hostId = context.vm.hostId ?? verb.at?.(context) ?? context.vm.lastHostId;
    return hostId === undefined
      ? fail("vm_state_conflict", "no host knows it yet: it was never started")
      : come(context, act(context, hostId, verb.deed(context)));
  };

  const come = (context: Context, end: Acted): Outcome<Acting, NoResult> => {
    switch (end.kind) {
      case "done":
        return verb.done?.(context, end) ?? succeed(context, end, {});
      case "failed":
      case "silent": {
        const { vm, ...said } = endAs(context, end);
        return context.vm.hostId === undefined || vm === undefined ? said : { ...said, vm };
      }
      case "acting":
        return within(end.outcome, (acting) => acting);
      default:
        return end satisfies never;
    }
  };

  const { name, version, input, reception } = verb;
  return defineVerb({
    ...{ name, version, input, reception },
    memo: Acting,
    result: NoResult,
    atOnce: ({ vm }) => already(`is ${vm.state}`),
    go,
    resume: (context, wakeup) =>
      come(context, acted(context, verb.deed(context), context.memo, wakeup)),
  });
}

/** It came about; the VM is as it was seen, and this is new of it. */
export function succeed(
  { vm }: WorkContext<unknown, unknown>,
  { hostId, power }: Done,
  change: VmChange,
): End {
  const seen = vm.hostId === undefined || power === undefined ? {} : trueState(power, hostId);
  const note =
    power === undefined ? `done at ${hostId}` : `done at ${hostId}, where it is ${power}`;
  return { kind: "succeed", result: {}, vm: { ...seen, ...change }, note };
}

/** Nothing had to be done at a host. */
export function already(note: string, change: VmChange = {}): End {
  return { kind: "succeed", result: {}, vm: change, note };
}
