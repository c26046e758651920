/**
 * Making every host forget a VM, then the record: the end of `vm.expunge`, and of `vm.destroy` where it is asked for.
 *
 *   asking      a host that may know it is asked: nothing of it may run or wait there (A6)
 *   forcing     it was on there all the same, and its power is taken
 *   undefining  the host forgets its definition, and with it its snapshots
 *
 *  1. The VM is gone only when each of them said so. One that is silent ends the job with the VM Expunging; asked again, it
 *     goes on. One that an operator forgot is not asked.
 *  2. Gone is the record's last word: what comes later finds nobody (ADR 16).
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { HostId } from "../model/ids.ts";
import { type Acted, Acting, act, acted, type Deed, endAs } from "./act-at-host.ts";
import { Asking, ask, type Found, hear, within } from "./ask-host.ts";
import { fail } from "./fail.ts";
import { CONFIRM_MS } from "./patience.ts";

const Left = z.array(HostId);

/** The expunging part of a job's memo: a host, and those left after it. */
export const Expunging = z.discriminatedUnion("phase", [
  z.strictObject({ phase: z.literal("asking"), left: Left, asking: Asking }),
  z.strictObject({ phase: z.literal("forcing"), left: Left, acting: Acting }),
  z.strictObject({ phase: z.literal("undefining"), left: Left, acting: Acting }),
]);
export type Expunging = z.infer<typeof Expunging>;

/** What it came to. */
export type Expunged =
  | { readonly kind: "gone" }
  /** The job's end. */
  | { readonly kind: "failed"; readonly outcome: Outcome<never, never> }
  /** Not known yet: the outcome to return. */
  | { readonly kind: "expunging"; readonly outcome: Outcome<Expunging, never> };

type Context = WorkContext<unknown, unknown>;
type Hosts = readonly HostId[];

/** Begins with the first of all hosts that may know the VM. */
export function expunge(context: Context): Expunged {
  const { vm, unsettled, lastSaid } = context;
  const listed = [...lastSaid].flatMap(([hostId, { power }]) =>
    power === "missing" ? [] : [hostId],
  );
  const last = [vm.hostId, vm.lastHostId].filter((hostId) => hostId !== undefined);
  const keeping = (vm.snapshots ?? []).map(({ hostId }) => hostId);
  const sentTo = unsettled.map(({ hostId }) => hostId); // a migration's source before its target
  return next(context, [...new Set([...sentTo, ...last, ...keeping, ...listed])]);
}

/** Goes on after a wake-up. */
export function expunged(context: Context, memo: Expunging, wakeup: Wakeup): Expunged {
  const { left } = memo;
  switch (memo.phase) {
    case "asking": {
      const { hostId } = memo.asking;
      return asked(context, { hostId, left }, hear(context, memo.asking, wakeup));
    }
    case "forcing":
      return forced(context, left, acted(context, poweroff(context), memo.acting, wakeup));
    case "undefining":
      return forgotten(context, left, acted(context, undefine(context), memo.acting, wakeup));
    default:
      return memo satisfies never;
  }
}

function next(context: Context, [hostId, ...left]: Hosts): Expunged {
  if (hostId === undefined) return { kind: "gone" };
  return asked(context, { hostId, left }, ask(context, { hostId, forMs: CONFIRM_MS }));
}

function asked(
  context: Context,
  { hostId, left }: { readonly hostId: HostId; readonly left: Hosts },
  found: Found,
): Expunged {
  switch (found.kind) {
    case "on":
    case "paused":
      return forced(context, left, act(context, hostId, poweroff(context)));
    case "off":
      return forgotten(context, left, act(context, hostId, undefine(context)));
    case "gone":
      return next(context, left);
    case "silent":
      return failed(fail("host_unreachable", `${hostId} did not say what it knows of the VM`));
    case "asking": {
      const memo = (asking: Asking) => ({ phase: "asking" as const, left: [...left], asking });
      return going(within(found.outcome, memo));
    }
    default:
      return found satisfies never;
  }
}

function forced(context: Context, left: Hosts, end: Acted): Expunged {
  switch (end.kind) {
    case "done":
      return forgotten(context, left, act(context, end.hostId, undefine(context)));
    case "acting": {
      const memo = (acting: Acting) => ({ phase: "forcing" as const, left: [...left], acting });
      return going(within(end.outcome, memo));
    }
    case "failed":
    case "silent":
      return failed(endAs(context, end));
    default:
      return end satisfies never;
  }
}

function forgotten(context: Context, left: Hosts, end: Acted): Expunged {
  switch (end.kind) {
    case "done":
      return next(context, left);
    case "acting": {
      const memo = (acting: Acting) => ({ phase: "undefining" as const, left: [...left], acting });
      return going(within(end.outcome, memo));
    }
    case "failed":
    case "silent":
      return failed(endAs(context, end));
    default:
      return end satisfies never;
  }
}

function poweroff({ settings }: Context): Deed {
  return {
    call: { verb: "poweroff", args: {} },
    timeoutSeconds: settings.commandTimeoutSeconds.stop,
    step: "forcing",
    note: "takes its power",
    percent: 30,
    shows: "off",
  };
}

function undefine({ settings }: Context): Deed {
  return {
    call: { verb: "undefine", args: {} },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "undefining",
    note: "has its host forget it",
    percent: 60,
  };
}

function going(outcome: Outcome<Expunging, never>): Expunged {
  const expunging = { state: "Expunging" as const };
  return {
    kind: "expunging",
    outcome: outcome.kind === "wait" ? { ...outcome, vm: expunging } : outcome,
  };
}

/** 1. Nothing that was found says that it is anything but to be expunged. */
function failed(outcome: Outcome<never, never>): Expunged {
  return {
    kind: "failed",
    outcome: outcome.kind === "fail" ? { ...outcome, vm: { state: "Expunging" } } : outcome,
  };
}
