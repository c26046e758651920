/**
 * Stop: ask the guest, or take its power; Stopped only when it was seen off.
 *
 *   finding     the state is in doubt: the host is asked first
 *   asking      the guest was asked to shut down and has its grace
 *   forcing     its power is taken
 *   confirming  nobody said how that ended: the host is asked
 *
 * A forced stop that nobody confirms ends `unconfirmed_stop`, its command unsettled (A6): the VM is started nowhere until
 * its host is heard, or fenced.
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { HostId } from "../model/ids.ts";
import type { JobErrorCode } from "../model/job.ts";
import { Asking, addressOf, ask, type Found, hear, within } from "./ask-host.ts";
import { defineWork } from "./define-work.ts";

/** How long, beyond the command's own time, the job waits for its result: the way there and back. */
const RESULT_SLACK_MS = 15_000;
/** What a shutdown command may take beyond the guest's grace. */
const GRACE_SLACK_SECONDS = 10;
/** How long a host is asked how a stop ended, or what is true before it. */
const CONFIRM_MS = 60_000;

const Input = z.strictObject({
  forced: z.optional(z.boolean()),
  graceSeconds: z.optional(z.int().check(z.gte(0), z.lte(3600))),
  thenForce: z.optional(z.boolean()),
});
type Input = z.infer<typeof Input>;

const Memo = z.discriminatedUnion("phase", [
  z.strictObject({ phase: z.literal("finding"), asking: Asking }),
  z.strictObject({ phase: z.literal("asking"), hostId: HostId }),
  z.strictObject({ phase: z.literal("forcing"), hostId: HostId }),
  z.strictObject({
    phase: z.literal("confirming"),
    after: z.enum(["shutdown", "poweroff"]),
    asking: Asking,
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
  const { vm } = context;
  const reception = vmStop.reception[vm.state];
  if (reception === "conflict")
    return fail("vm_state_conflict", `a VM that is ${vm.state} cannot be stopped`);
  if (reception === "at_once")
    return { kind: "succeed", result: { forced: false }, note: `is ${vm.state}` };
  const hostId = vm.hostId ?? context.unsettled[0]?.hostId;
  if (hostId === undefined) return stopped(context, undefined, "nothing was sent to any host");
  if (reception === "probe")
    return foundBefore(context, hostId, ask(context, { hostId, forMs: CONFIRM_MS }));
  return context.input.forced === true ? force(context, hostId) : askGuest(context, hostId);
}

function resume(context: WorkContext<Input, Memo>, wakeup: Wakeup): Step {
  const { memo } = context;
  switch (memo.phase) {
    case "finding":
      return foundBefore(context, memo.asking.hostId, hear(context, memo.asking, wakeup));
    case "asking":
    case "forcing":
      return answered(context, memo, wakeup);
    case "confirming":
      return foundAfter(
        context,
        memo.asking.hostId,
        memo.after,
        hear(context, memo.asking, wakeup),
      );
    default:
      return memo satisfies never;
  }
}

function askGuest(context: Context, hostId: HostId): Step {
  const graceSeconds = context.input.graceSeconds ?? context.settings.shutdownGraceSeconds;
  return send(context, {
    hostId,
    memo: { phase: "asking", hostId },
    call: { verb: "shutdown", args: { graceSeconds } },
    timeoutSeconds: graceSeconds + GRACE_SLACK_SECONDS,
    note: `asks the guest to shut down, ${graceSeconds} s of grace`,
  });
}

function force(context: Context, hostId: HostId): Step {
  return send(context, {
    hostId,
    memo: { phase: "forcing", hostId },
    call: { verb: "poweroff", args: {} },
    timeoutSeconds: context.settings.commandTimeoutSeconds.stop,
    note: `takes the power on ${hostId}`,
  });
}

function send(
  context: Context,
  command: {
    readonly hostId: HostId;
    readonly memo: Memo;
    readonly call:
      | { readonly verb: "shutdown"; readonly args: { readonly graceSeconds: number } }
      | { readonly verb: "poweroff"; readonly args: Record<string, never> };
    readonly timeoutSeconds: number;
    readonly note: string;
  },
): Step {
  const found = addressOf(context, command.hostId);
  if (found.kind === "need") return found.outcome;
  if (found.kind === "none")
    return fail("host_unreachable", `${command.hostId} is not there or has no session`);
  return {
    kind: "wait",
    step: command.memo.phase,
    memo: command.memo,
    vm: { state: "Stopping" },
    action: {
      kind: "command",
      address: found.address,
      call: command.call,
      timeoutSeconds: command.timeoutSeconds,
    },
    deadlineInMs: command.timeoutSeconds * 1000 + RESULT_SLACK_MS,
    percent: 30,
    note: command.note,
  };
}

/** A command's host said something, or its time is up. */
function answered(
  context: Context,
  memo: Extract<Memo, { phase: "asking" | "forcing" }>,
  wakeup: Wakeup,
): Step {
  const { hostId } = memo;
  if (seenOff(context, hostId)) return stopped(context, hostId, "was seen off");
  if (wakeup.kind === "observed" || wakeup.kind === "reserved") return { kind: "ignore" };
  const after = memo.phase === "asking" ? "shutdown" : "poweroff";
  const ignored =
    memo.phase === "asking" &&
    wakeup.kind === "result" &&
    wakeup.code === "timeout" &&
    wakeup.power === "on";
  if (ignored) return guestIgnored(context, hostId);
  return foundAfter(context, hostId, after, ask(context, { hostId, forMs: CONFIRM_MS }));
}

function guestIgnored(context: Context, hostId: HostId): Step {
  if (context.input.thenForce === true) return force(context, hostId);
  return {
    ...fail("timed_out", "the guest did not shut down in its grace"),
    vm: { state: "Running", hostId },
  };
}

/** What was true before anything was sent. */
function foundBefore(context: Context, hostId: HostId, found: Found): Step {
  switch (found.kind) {
    case "on":
    case "paused":
      return context.input.forced === true ? force(context, hostId) : askGuest(context, hostId);
    case "off":
      return stopped(context, hostId, "was off");
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

/** What is true after a command of which nobody said how it ended. */
function foundAfter(
  context: Context,
  hostId: HostId,
  after: "shutdown" | "poweroff",
  found: Found,
): Step {
  switch (found.kind) {
    case "on":
    case "paused":
      if (after === "shutdown") return guestIgnored(context, hostId);
      return {
        ...fail("host_refused", `${hostId} did not take the VM's power`),
        vm: { state: found.kind === "on" ? "Running" : "Suspended", hostId },
      };
    case "off":
      return stopped(context, hostId, "was found off");
    case "silent":
      if (after === "poweroff") return unconfirmed(hostId);
      return {
        ...fail("timed_out", `${hostId} did not say how the shutdown ended`),
        vm: { state: "Unknown" },
      };
    case "asking":
      return within(found.outcome, (asking) => ({ phase: "confirming", after, asking }));
    default:
      return found satisfies never;
  }
}

function seenOff(context: Context, hostId: HostId): boolean {
  const power = context.evidence(hostId)?.power;
  return power === "off" || power === "crashed" || power === "missing";
}

function stopped(context: Context, hostId: HostId | undefined, how: string): Step {
  return {
    kind: "succeed",
    result: { forced: context.input.forced === true },
    vm: { state: "Stopped", hostId: null },
    resolve: ["unconfirmed_stop"],
    note: how,
    ...(hostId === undefined ? {} : { release: hostId }),
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

function fail(code: JobErrorCode, detail: string): Extract<Step, { kind: "fail" }> {
  return { kind: "fail", error: { code, detail }, note: detail };
}
