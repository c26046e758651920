/**
 * One command to one host, until it is known what came of it: the middle of nearly every verb.
 *
 *   sent        the command is out
 *   confirming  nobody said how it ended, or there is no session to send it to: the host is asked what is true
 *
 *  1. It came about when that was seen: by evidence after the command, or by the answer to a probe. What no power shows (a
 *     snapshot, a device) came about when the agent says `done`, which it says after looking (`model/command.ts`); also when it
 *     says so late, after an outage that kept its answer back, while the host is being asked.
 *  2. What was lost on its way and is not so is sent again, where the deed may be. What the hypervisor refused is not.
 *  3. A job that is called off sends nothing more, and ends in what is true.
 */
import * as z from "zod/mini";
import type { Address, Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { type CommandCall, turnsOn } from "../model/command.ts";
import { HostId } from "../model/ids.ts";
import type { VmState } from "../model/vm.ts";
import { Asking, addressOf, ask, type Found, hear, isVouchedOff, within } from "./ask-host.ts";
import { calledOff, fail } from "./fail.ts";
import { CONFIRM_MS, RESULT_SLACK_MS } from "./patience.ts";
import { type FoundPower, foundPower, trueState } from "./true-state.ts";

/** How often a job sends one command: an agent that restarted under it is worth another, one that never does it is not. */
export const SENDS_MAX = 3;

/** Why nothing is known of a command, or nothing came of it. */
export const Why = z.enum([
  /** There was no session to send it to. */
  "unsent",
  /** The agent did not begin it. */
  "stale",
  /** Nobody said how it ended. */
  "doubt",
  /** Its time was over. */
  "timeout",
  /** The hypervisor said no. */
  "refused",
]);
export type Why = z.infer<typeof Why>;

/** The acting part of a job's memo. */
export const Acting = z.discriminatedUnion("phase", [
  z.strictObject({ phase: z.literal("sent"), hostId: HostId, sends: z.int() }),
  z.strictObject({
    phase: z.literal("confirming"),
    asking: Asking,
    sends: z.int(),
    why: Why,
    /** The hypervisor's own words, where it refused. */
    said: z.optional(z.string()),
  }),
]);
export type Acting = z.infer<typeof Acting>;

/** What is to be done at the host, told anew each time that it is looked at. */
export type Deed = {
  readonly call: CommandCall;
  readonly timeoutSeconds: number;
  /** The job's step while the command is out. */
  readonly step: string;
  readonly note: string;
  readonly percent: number;
  /** The VM's state meanwhile. */
  readonly during?: VmState;
  /** The power that shows it. Absent: none does. */
  readonly shows?: FoundPower;
  /** What is true after a refusal that does not say: nothing ran, so it is what it was. Absent: its host is asked. */
  readonly refusedIs?: FoundPower;
  /** Whether it is sent once more, being not so. Absent: up to `SENDS_MAX` times. */
  readonly again?: (lost: { readonly why: Why; readonly sends: number }) => boolean;
};

/** What it came to. */
export type Acted =
  | { readonly kind: "done"; readonly hostId: HostId; readonly power: FoundPower | undefined }
  | ({ readonly kind: "failed"; readonly power: FoundPower } & Failure)
  /** Nobody said what is true. */
  | ({ readonly kind: "silent" } & Failure)
  /** Not known yet: the outcome to return. */
  | { readonly kind: "acting"; readonly outcome: Outcome<Acting, never> };
type Failure = { readonly hostId: HostId; readonly why: Why; readonly detail: string };

type Context = WorkContext<unknown, unknown>;
type Doubt = {
  readonly hostId: HostId;
  readonly sends: number;
  readonly why: Why;
  readonly said?: string | undefined;
};

/** Sends the command; to the address, where room was just held for it: it is the host's current one (ADR 5). */
export function act(context: Context, to: HostId | Address, deed: Deed): Acted {
  return typeof to === "string"
    ? send(context, deed, { hostId: to, sends: 0 })
    : sendTo(deed, to, 1);
}

/** Goes on after a wake-up. */
export function acted(context: Context, deed: Deed, acting: Acting, wakeup: Wakeup): Acted {
  const hostId = acting.phase === "sent" ? acting.hostId : acting.asking.hostId;
  const seen = foundPower(context.evidence(hostId)?.power);
  if (seen !== undefined && seen === deed.shows) return { kind: "done", hostId, power: seen }; // 1
  return acting.phase === "sent"
    ? answered(context, deed, acting, wakeup)
    : confirm(context, deed, { ...acting, hostId }, hear(context, acting.asking, wakeup));
}

/** How a job ends whose deed did not come about: in what is true. */
export function endAs(
  context: Context,
  ended: Extract<Acted, { kind: "failed" | "silent" }>,
): Extract<Outcome<never, never>, { kind: "fail" }> {
  const { hostId, why, detail } = ended;
  const said = `${hostId}: ${detail}`;
  const code =
    why === "refused" ? "host_refused" : why === "unsent" ? "host_unreachable" : "timed_out";
  return {
    ...(context.cancelRequested && ended.kind === "failed" && why !== "refused"
      ? calledOff(`after ${said}`)
      : fail(code, said)),
    vm: ended.kind === "silent" ? { state: "Unknown" } : trueState(ended.power, hostId),
  };
}

function send(
  context: Context,
  deed: Deed,
  { hostId, sends }: { readonly hostId: HostId; readonly sends: number },
): Acted {
  const found = addressOf(context, hostId);
  if (found.kind === "need") return { kind: "acting", outcome: found.outcome };
  // No session: there may be one in a moment. Asking waits for it, and what is found decides anew.
  if (found.kind !== "address")
    return askAfter(context, deed, { hostId, sends, why: sends === 0 ? "unsent" : "doubt" });
  return sendTo(deed, found.address, sends + 1);
}

function sendTo(deed: Deed, address: Address, sends: number): Acted {
  const { step, during, call, timeoutSeconds, percent, note } = deed;
  return {
    kind: "acting",
    outcome: {
      kind: "wait",
      step,
      memo: { phase: "sent", hostId: address.hostId, sends },
      ...(during === undefined ? {} : { vm: { state: during } }),
      action: { kind: "command", address, call, timeoutSeconds },
      deadlineInMs: timeoutSeconds * 1000 + RESULT_SLACK_MS,
      percent,
      note,
    },
  };
}

/** The command's host said something, or its time is up. */
function answered(
  context: Context,
  deed: Deed,
  { hostId, sends }: Extract<Acting, { phase: "sent" }>,
  wakeup: Wakeup,
): Acted {
  if (wakeup.kind === "deadline") return askAfter(context, deed, { hostId, sends, why: "doubt" });
  if (wakeup.kind !== "result") return { kind: "acting", outcome: { kind: "ignore" } };
  const said = foundPower(wakeup.power);
  if (wakeup.status === "done" && deed.shows === undefined)
    return { kind: "done", hostId, power: said }; // 1
  const doubt = { hostId, sends, ...reasonOf(wakeup) };
  const power = said ?? (doubt.why === "refused" ? deed.refusedIs : undefined);
  // Nothing of it runs any more, and this was read back after it.
  const certain = doubt.why === "refused" || (doubt.why === "timeout" && !turnsOn(deed.call.verb));
  return certain && power !== undefined
    ? conclude(context, deed, doubt, power)
    : askAfter(context, deed, doubt);
}

function reasonOf({
  status,
  code = "outcome_unknown",
  detail = "",
}: Extract<Wakeup, { kind: "result" }>): Pick<Doubt, "why" | "said"> {
  if (status === "stale") return { why: "stale" };
  if (status === "done" || UNCERTAIN.has(code)) return { why: "doubt" };
  if (code === "timeout") return { why: "timeout" };
  return { why: "refused", said: `${code}: ${detail}`.slice(0, 400) };
}

/** Failures after which it may be so all the same. */
const UNCERTAIN: ReadonlySet<string> = new Set(["outcome_unknown", "already_running"]);

function askAfter(context: Context, deed: Deed, doubt: Doubt): Acted {
  const { hostId } = doubt;
  return confirm(context, deed, doubt, ask(context, { hostId, forMs: CONFIRM_MS }));
}

function confirm(context: Context, deed: Deed, doubt: Doubt, found: Found): Acted {
  const { hostId, sends, why, said } = doubt;
  switch (found.kind) {
    case "on":
    case "paused":
    case "off":
      return conclude(context, deed, doubt, found.kind);
    case "gone":
    case "silent":
      return { kind: "silent", hostId, why, detail: `did not say what became of ${deed.step}` };
    case "asking": {
      const outcome = within(found.outcome, (asking) => ({
        ...{ phase: "confirming" as const, asking, sends, why },
        ...(said === undefined ? {} : { said }),
      }));
      return { kind: "acting", outcome };
    }
    default:
      return found satisfies never;
  }
}

/** This is true now, and nothing of the command runs any more. */
function conclude(context: Context, deed: Deed, doubt: Doubt, power: FoundPower): Acted {
  const { hostId, why, said } = doubt;
  const isSeen = deed.shows === undefined ? context.wasDoneLate : power === deed.shows;
  if (isSeen) return { kind: "done", hostId, power }; // 1
  // Vouched off, it has no session and needs none to be believed: sending and asking would go round for ever.
  const mayBeSent = why !== "refused" && !context.cancelRequested && !isVouchedOff(context, hostId);
  const again = why === "unsent" || (deed.again ?? upToMax)(doubt);
  if (mayBeSent && again) return send(context, deed, doubt); // 2, 3
  const detail = said ?? `nothing came of ${deed.step} (${why}), and it is ${power}`;
  return { kind: "failed", hostId, power, why, detail };
}

function upToMax({ sends }: { readonly sends: number }): boolean {
  return sends < SENDS_MAX;
}
