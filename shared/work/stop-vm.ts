/**
 * Taking a VM off: ask the guest, or take its power; off only when it was seen off.
 *
 *   waking   it is paused, and could hear nobody ask: it is let go on
 *   asking   the guest was asked to shut down and has its grace
 *   forcing  its power is taken
 *
 * A guest has its whole grace before its power is taken, whatever happens to its host's agent meanwhile. A forced stop that
 * nobody confirms ends `unconfirmed_stop`, its command unsettled (A6): the VM is started nowhere until its host is heard,
 * or fenced.
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { type HostId, Instant } from "../model/ids.ts";
import type { VerbInput } from "../model/verbs.ts";
import { type Acted, Acting, act, acted, type Deed, endAs } from "./act-at-host.ts";
import { within } from "./ask-host.ts";
import { calledOff, fail } from "./fail.ts";
import { trueState } from "./true-state.ts";

/** What a shutdown command may take beyond the guest's grace. */
const GRACE_SLACK_SECONDS = 10;
/** Less than this left of a grace is none: a guest is not asked again for it. */
const GRACE_LEFT_MS_MIN = 1_000;

/** The stopping part of a job's memo. */
export const Stopping = z.discriminatedUnion("phase", [
  z.strictObject({ phase: z.literal("waking"), acting: Acting }),
  z.strictObject({ phase: z.literal("asking"), graceEndsAt: Instant, acting: Acting }),
  z.strictObject({ phase: z.literal("forcing"), acting: Acting }),
]);
export type Stopping = z.infer<typeof Stopping>;

/** What it came to. */
export type Stopped =
  | { readonly kind: "off"; readonly hostId: HostId }
  /** It is on, or nobody knows: the job's end. */
  | { readonly kind: "failed"; readonly outcome: Outcome<never, never> }
  /** Not known yet: the outcome to return. */
  | { readonly kind: "stopping"; readonly outcome: Outcome<Stopping, never> };

type Context = WorkContext<VerbInput<"stop">, unknown>;

/** Stops the VM, which is on there, or paused. */
export function stop(context: Context, hostId: HostId): Stopped {
  if (context.input.forced === true) return force(context, hostId);
  return context.vm.state === "Suspended"
    ? woken(context, act(context, hostId, wake(context)))
    : askGuest(context, hostId);
}

/** Goes on after a wake-up. */
export function stopped(context: Context, memo: Stopping, wakeup: Wakeup): Stopped {
  switch (memo.phase) {
    case "waking":
      return woken(context, acted(context, wake(context), memo.acting, wakeup));
    case "asking": {
      const deed = shutdown(context, memo.graceEndsAt);
      return asked(context, memo.graceEndsAt, acted(context, deed, memo.acting, wakeup));
    }
    case "forcing":
      return forced(context, acted(context, poweroff(context), memo.acting, wakeup));
    default:
      return memo satisfies never;
  }
}

/** The end of a job that took a VM's power and cannot tell whether it is off. */
export function unconfirmed(hostId: HostId): Extract<Outcome<never, never>, { kind: "fail" }> {
  const detail = `${hostId} did not confirm that the VM is off`;
  return {
    ...fail("unconfirmed_stop", detail),
    vm: { state: "Unknown" },
    open: { kind: "unconfirmed_stop", hostId, detail },
  };
}

function wake({ settings }: Context): Deed {
  return {
    call: { verb: "resume", args: {} },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "waking",
    note: "lets it go on, so that it can be asked",
    percent: 10,
    during: "Stopping",
    shows: "on",
  };
}

function shutdown({ now }: Context, graceEndsAt: number): Deed {
  const graceSeconds = Math.max(0, Math.ceil((graceEndsAt - now) / 1000));
  return {
    call: { verb: "shutdown", args: { graceSeconds } },
    timeoutSeconds: graceSeconds + GRACE_SLACK_SECONDS,
    step: "asking",
    note: `asks the guest to shut down, ${graceSeconds} s of grace`,
    percent: 30,
    during: "Stopping",
    shows: "off",
    again: ({ why }) => why !== "timeout" && graceEndsAt - now >= GRACE_LEFT_MS_MIN,
  };
}

function poweroff({ settings }: Context): Deed {
  return {
    call: { verb: "poweroff", args: {} },
    timeoutSeconds: settings.commandTimeoutSeconds.stop,
    step: "forcing",
    note: "takes its power",
    percent: 60,
    during: "Stopping",
    shows: "off",
  };
}

function woken(context: Context, end: Acted): Stopped {
  switch (end.kind) {
    case "done":
      return context.cancelRequested
        ? ignored(context, end.hostId, "on")
        : askGuest(context, end.hostId);
    case "acting": {
      const memo = (acting: Acting) => ({ phase: "waking" as const, acting });
      return { kind: "stopping", outcome: within(end.outcome, memo) };
    }
    case "failed":
      if (end.power === "off") return { kind: "off", hostId: end.hostId };
      return context.input.thenForce === true && !context.cancelRequested
        ? force(context, end.hostId)
        : { kind: "failed", outcome: endAs(context, end) };
    case "silent":
      return { kind: "failed", outcome: endAs(context, end) };
    default:
      return end satisfies never;
  }
}

function askGuest(context: Context, hostId: HostId): Stopped {
  const { input, now, settings } = context;
  const graceEndsAt = now + (input.graceSeconds ?? settings.shutdownGraceSeconds) * 1000;
  return asked(context, graceEndsAt, act(context, hostId, shutdown(context, graceEndsAt)));
}

function force(context: Context, hostId: HostId): Stopped {
  return forced(context, act(context, hostId, poweroff(context)));
}

function asked(context: Context, graceEndsAt: number, end: Acted): Stopped {
  switch (end.kind) {
    case "done":
      return { kind: "off", hostId: end.hostId };
    case "acting": {
      const memo = (acting: Acting) => ({ phase: "asking" as const, graceEndsAt, acting });
      return { kind: "stopping", outcome: within(end.outcome, memo) };
    }
    case "failed":
      if (end.why === "refused" || end.power === "off")
        return { kind: "failed", outcome: endAs(context, end) };
      return ignored(context, end.hostId, end.power);
    case "silent":
      return { kind: "failed", outcome: endAs(context, end) };
    default:
      return end satisfies never;
  }
}

function ignored(context: Context, hostId: HostId, power: "on" | "paused"): Stopped {
  if (context.input.thenForce === true && !context.cancelRequested) return force(context, hostId);
  const end = context.cancelRequested
    ? calledOff("with the VM still on")
    : fail("timed_out", "the guest did not shut down in its grace");
  return { kind: "failed", outcome: { ...end, vm: trueState(power, hostId) } };
}

function forced(context: Context, end: Acted): Stopped {
  switch (end.kind) {
    case "done":
      return { kind: "off", hostId: end.hostId };
    case "acting": {
      const memo = (acting: Acting) => ({ phase: "forcing" as const, acting });
      return { kind: "stopping", outcome: within(end.outcome, memo) };
    }
    case "failed":
      return { kind: "failed", outcome: endAs(context, end) };
    case "silent":
      return {
        kind: "failed",
        outcome:
          end.why === "unsent" && context.input.forced !== true
            ? endAs(context, end)
            : unconfirmed(end.hostId),
      };
    default:
      return end satisfies never;
  }
}
