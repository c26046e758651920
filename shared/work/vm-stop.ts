/**
 * Stop: ask the guest, or take its power; Stopped only when it was seen off.
 *
 *   finding     the state is in doubt, or too much is unsettled: the host is asked first
 *   asking      the guest was asked to shut down and has its grace
 *   forcing     its power is taken
 *   confirming  nobody said how that ended, or it was refused: the host is asked
 *
 * A guest has its whole grace before its power is taken, whatever happens to its host's agent meanwhile. A forced stop that
 * nobody confirms ends `unconfirmed_stop`, its command unsettled (A6): the VM is started nowhere until its host is heard,
 * or fenced.
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import type { CommandCall } from "../model/command.ts";
import { HostId, Instant } from "../model/ids.ts";
import { Asking, addressOf, ask, type Found, hear, within } from "./ask-host.ts";
import { defineWork } from "./define-work.ts";
import { calledOff, fail } from "./fail.ts";
import { CONFIRM_MS, RESULT_SLACK_MS } from "./patience.ts";

/** What a shutdown command may take beyond the guest's grace. */
const GRACE_SLACK_SECONDS = 10;
/** Less than this left of a grace is none: a guest is not asked again for it. */
const GRACE_LEFT_MS_MIN = 1_000;
/** Power-offs sent by one job: one whose agent restarted under it is worth another, a host that never does it is not. */
const FORCES_MAX = 3;
/** Unsettled commands with which a job asks its host before it sends more: a probe settles them, and the list stays short. */
const UNSETTLED_MANY = 8;

const Input = z.strictObject({
  forced: z.optional(z.boolean()),
  graceSeconds: z.optional(z.int().check(z.gte(0), z.lte(3600))),
  thenForce: z.optional(z.boolean()),
});
type Input = z.infer<typeof Input>;

/** What was sent to the host, and what is left to do with it. */
const Sent = z.discriminatedUnion("verb", [
  z.strictObject({ verb: z.literal("shutdown"), graceEndsAt: Instant }),
  z.strictObject({ verb: z.literal("poweroff"), forces: z.int() }),
]);
type Sent = z.infer<typeof Sent>;

const Memo = z.discriminatedUnion("phase", [
  z.strictObject({ phase: z.literal("finding"), asking: Asking }),
  z.strictObject({ phase: z.literal("sent"), hostId: HostId, sent: Sent }),
  z.strictObject({
    phase: z.literal("confirming"),
    sent: Sent,
    asking: Asking,
    /** The hypervisor's own words, where it refused. */
    refusal: z.optional(z.string()),
  }),
]);
type Memo = z.infer<typeof Memo>;

const Result = z.strictObject({ forced: z.boolean() });
type Step = Outcome<Memo, z.infer<typeof Result>>;
type Context = WorkContext<Input, unknown>;

export const vmStop = defineWork({
  name: "vm.stop",
  version: 1,
  input: Input,
  memo: Memo,
  result: Result,
  needsHost: false,
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
  begin,
  resume,
});

function begin(context: Context): Step {
  const { vm, unsettled } = context;
  const reception = vmStop.reception[vm.state];
  if (reception === "conflict")
    return fail("vm_state_conflict", `a VM that is ${vm.state} cannot be stopped`);
  if (reception === "at_once")
    return { kind: "succeed", result: { forced: false }, note: `is ${vm.state}` };
  const hostId =
    vm.hostId ?? unsettled[0]?.hostId ?? (vm.state === "Unknown" ? vm.lastHostId : undefined);
  if (hostId === undefined) return stopped(context, undefined, "nothing was sent to any host");
  return reception === "probe" || unsettled.length >= UNSETTLED_MANY
    ? find(context, hostId)
    : proceed(context, hostId);
}

function resume(context: WorkContext<Input, Memo>, wakeup: Wakeup): Step {
  const { memo } = context;
  switch (memo.phase) {
    case "finding":
      if (wakeup.kind === "cancelled") return calledOff("before anything was sent");
      return foundBefore(context, memo.asking.hostId, hear(context, memo.asking, wakeup));
    case "sent":
      return answered(context, memo, wakeup);
    case "confirming":
      return foundAfter(
        context,
        { ...memo, hostId: memo.asking.hostId },
        hear(context, memo.asking, wakeup),
      );
    default:
      return memo satisfies never;
  }
}

/** The VM is on there. */
function proceed(context: Context, hostId: HostId): Step {
  if (context.input.forced === true) return force(context, hostId, 1);
  const seconds = context.input.graceSeconds ?? context.settings.shutdownGraceSeconds;
  return askGuest(context, hostId, context.now + seconds * 1000);
}

function askGuest(context: Context, hostId: HostId, graceEndsAt: number): Step {
  const graceSeconds = Math.ceil((graceEndsAt - context.now) / 1000);
  return send(context, {
    hostId,
    step: "asking",
    sent: { verb: "shutdown", graceEndsAt },
    call: { verb: "shutdown", args: { graceSeconds } },
    timeoutSeconds: graceSeconds + GRACE_SLACK_SECONDS,
    note: `asks the guest to shut down, ${graceSeconds} s of grace`,
  });
}

function force(context: Context, hostId: HostId, forces: number): Step {
  return send(context, {
    hostId,
    step: "forcing",
    sent: { verb: "poweroff", forces },
    call: { verb: "poweroff", args: {} },
    timeoutSeconds: context.settings.commandTimeoutSeconds.stop,
    note: `takes the power on ${hostId}`,
  });
}

function send(
  context: Context,
  command: {
    readonly hostId: HostId;
    readonly step: string;
    readonly sent: Sent;
    readonly call: CommandCall;
    readonly timeoutSeconds: number;
    readonly note: string;
  },
): Step {
  const { hostId, sent, timeoutSeconds } = command;
  const found = addressOf(context, hostId);
  if (found.kind === "need") return found.outcome;
  // No session: there may be one in a moment. Asking waits for it, and what is found decides anew.
  if (found.kind !== "address") return find(context, hostId);
  return {
    kind: "wait",
    step: command.step,
    memo: { phase: "sent", hostId, sent },
    vm: { state: "Stopping" },
    action: { kind: "command", address: found.address, call: command.call, timeoutSeconds },
    deadlineInMs: timeoutSeconds * 1000 + RESULT_SLACK_MS,
    percent: 30,
    note: command.note,
  };
}

/** A command's host said something, or its time is up. */
function answered(context: Context, memo: Extract<Memo, { phase: "sent" }>, wakeup: Wakeup): Step {
  const { hostId, sent } = memo;
  if (seenOff(context, hostId)) return stopped(context, hostId, "was seen off");
  if (NO_ANSWER.has(wakeup.kind)) return { kind: "ignore" };
  const failed = wakeup.kind === "result" && wakeup.status === "failed" ? wakeup : undefined;
  if (sent.verb === "shutdown" && failed?.code === "timeout" && failed.power === "on")
    return guestIgnored(context, hostId);
  const refused = failed !== undefined && !UNCERTAIN.has(failed.code ?? "outcome_unknown");
  const refusal = refused ? `${failed.code ?? "failed"}: ${failed.detail ?? ""}` : undefined;
  return foundAfter(
    context,
    { hostId, sent, refusal },
    ask(context, { hostId, forMs: CONFIRM_MS }),
  );
}

const NO_ANSWER: ReadonlySet<Wakeup["kind"]> = new Set(["observed", "reserved", "cancelled"]);
/** Failures that are not the hypervisor's refusal. */
const UNCERTAIN: ReadonlySet<string> = new Set(["outcome_unknown", "timeout"]);

function guestIgnored(context: Context, hostId: HostId): Step {
  if (context.cancelRequested) return leftOn("on", hostId, CANCELLED);
  if (context.input.thenForce === true) return force(context, hostId, 1);
  return leftOn("on", hostId, fail("timed_out", "the guest did not shut down in its grace"));
}

function find(context: Context, hostId: HostId): Step {
  return foundBefore(context, hostId, ask(context, { hostId, forMs: CONFIRM_MS }));
}

/** What was true before anything was sent. */
function foundBefore(context: Context, hostId: HostId, found: Found): Step {
  switch (found.kind) {
    case "on":
    case "paused":
      return context.cancelRequested
        ? leftOn(found.kind, hostId, CANCELLED)
        : proceed(context, hostId);
    case "off":
      return stopped(context, hostId, "was off");
    case "gone":
    case "silent":
      if (context.input.forced === true) return unconfirmed(hostId);
      return {
        ...fail("host_unreachable", `${hostId} did not say what is true`),
        vm: { state: "Unknown" },
      };
    case "asking":
      return within(found.outcome, (asking) => ({ phase: "finding", asking }));
    default:
      return found satisfies never;
  }
}

type Doubt = {
  readonly hostId: HostId;
  readonly sent: Sent;
  readonly refusal?: string | undefined;
};

/** What is true after a command of which nobody said how it ended, or which was refused. */
function foundAfter(context: Context, doubt: Doubt, found: Found): Step {
  const { hostId, sent, refusal } = doubt;
  switch (found.kind) {
    case "on":
    case "paused":
      if (refusal !== undefined) return stillOn(found.kind, hostId, refusal);
      return context.cancelRequested
        ? leftOn(found.kind, hostId, CANCELLED)
        : again(context, doubt);
    case "off":
      return stopped(context, hostId, "was found off");
    case "gone":
    case "silent":
      if (sent.verb === "poweroff") return unconfirmed(hostId);
      return {
        ...fail("timed_out", `${hostId} did not say how the shutdown ended`),
        vm: { state: "Unknown" },
      };
    case "asking":
      return within(found.outcome, (asking) => ({ phase: "confirming", sent, asking, refusal }));
    default:
      return found satisfies never;
  }
}

/** The command was lost, by its agent's restart or silence, and the VM is on: once more, for what is left of its time. */
function again(context: Context, { hostId, sent }: Doubt): Step {
  if (sent.verb === "poweroff")
    return sent.forces < FORCES_MAX
      ? force(context, hostId, sent.forces + 1)
      : stillOn("on", hostId, `its power was not taken in ${FORCES_MAX} tries`);
  return sent.graceEndsAt - context.now >= GRACE_LEFT_MS_MIN
    ? askGuest(context, hostId, sent.graceEndsAt)
    : guestIgnored(context, hostId);
}

function stillOn(power: "on" | "paused", hostId: HostId, refusal: string): Step {
  return leftOn(power, hostId, fail("host_refused", `${hostId}: ${refusal}`));
}

const CANCELLED = calledOff("with the VM still on");

/** It ends without having stopped the VM. */
function leftOn(power: "on" | "paused", hostId: HostId, end: ReturnType<typeof fail>): Step {
  return { ...end, vm: { state: power === "on" ? "Running" : "Suspended", hostId } };
}

/** Absence is no evidence here: `missing` is for those who ask the host. */
function seenOff(context: Context, hostId: HostId): boolean {
  const power = context.evidence(hostId)?.power;
  return power === "off" || power === "crashed";
}

function stopped(context: Context, hostId: HostId | undefined, how: string): Step {
  return {
    kind: "succeed",
    result: { forced: context.input.forced === true },
    vm: { state: "Stopped", hostId: null },
    resolve: ["unconfirmed_stop"],
    ...(hostId === undefined ? {} : { release: [hostId] }),
    note: how,
  };
}

function unconfirmed(hostId: HostId): Step {
  const detail = `${hostId} did not confirm that the VM is off`;
  return {
    ...fail("unconfirmed_stop", detail),
    vm: { state: "Unknown" },
    open: { kind: "unconfirmed_stop", hostId, detail },
  };
}
