/**
 * Asking a host what is true of a VM, until it answers or the job gives up: the way out of every doubt (A6).
 *
 * A probe goes out under a newer epoch, so its answer is later than whatever was sent before, and, unless it says `busy`,
 * proves that nothing sent before still runs or waits there.
 */
import * as z from "zod/mini";
import type { Address, Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { HostId, Instant } from "../model/ids.ts";

/** The least between two probes of a host that is busy, has no session or gave no usable answer. */
const ASK_AGAIN_AFTER_MS = 3_000;
/** How much longer than the probe's own time the job waits for its answer: the way there and back. */
const ANSWER_SLACK_MS = 5_000;
/** Looks at one host, spread over the time that there is for it (bounds the epoch, the journal and the host's queue). */
const LOOKS_MAX = 50;

/** The asking part of a job's memo. */
export const Asking = z.strictObject({
  hostId: HostId,
  looks: z.int(),
  giveUpAt: Instant,
});
export type Asking = z.infer<typeof Asking>;

/** What asking came to. */
export type Found =
  | { readonly kind: "on" | "paused" }
  /** `missing`: the host knows no such VM. */
  | { readonly kind: "off"; readonly how: "off" | "crashed" | "missing" }
  /** Nobody answered in time: nothing is known. */
  | { readonly kind: "silent" }
  /** There is no such host: nobody can ever answer. */
  | { readonly kind: "gone" }
  /** Not known yet: the outcome to return. */
  | { readonly kind: "asking"; readonly outcome: Outcome<Asking, never> };

/** Begins to ask a host. */
export function ask(
  context: WorkContext<unknown, unknown>,
  about: { readonly hostId: HostId; readonly forMs: number },
): Found {
  return probe(context, {
    hostId: about.hostId,
    looks: 0,
    giveUpAt: context.now + about.forMs,
  });
}

/** Goes on asking after a wake-up. */
export function hear(
  context: WorkContext<unknown, unknown>,
  asking: Asking,
  wakeup: Wakeup,
): Found {
  switch (wakeup.kind) {
    case "result":
      if (wakeup.status !== "done" || wakeup.power === undefined || wakeup.power === "unknown")
        return askLater(context, asking, `the probe was answered ${wakeup.code ?? wakeup.status}`);
      if (wakeup.busy) return askLater(context, asking, "an earlier command still runs there");
      if (wakeup.power === "on" || wakeup.power === "paused") return { kind: wakeup.power };
      return { kind: "off", how: wakeup.code === "not_found" ? "missing" : wakeup.power };
    case "deadline":
      return probe(context, asking);
    case "observed": // the probe's own answer says more, `busy` among it
      return isVouchedOff(context, asking.hostId)
        ? { kind: "off", how: "off" }
        : { kind: "asking", outcome: { kind: "ignore" } };
    case "joined":
    case "cancelled": // whoever asks decides whether it still wants to know
    case "reserved":
    case "listening":
    case "topic":
      return { kind: "asking", outcome: { kind: "ignore" } };
    default:
      return wakeup satisfies never;
  }
}

/** A fenced host need not be asked, as long as it has said nothing since, and nothing brings the VM there (ADR 21). */
export function isVouchedOff(
  { lastSaid, unsettled }: WorkContext<unknown, unknown>,
  hostId: HostId,
): boolean {
  const isComing = unsettled.some((command) => command.hostId === hostId);
  return lastSaid.get(hostId)?.vouched === true && !isComing;
}

/** Where commands for a host go, or why there is none to send to. */
export function addressOf(
  context: WorkContext<unknown, unknown>,
  hostId: HostId,
):
  | { readonly kind: "address"; readonly address: Address }
  | { readonly kind: "need"; readonly outcome: Outcome<never, never> }
  /** It has joined anew and its agent has no session yet, or never had one. */
  | { readonly kind: "no_session" }
  /** It is not registered. */
  | { readonly kind: "gone" } {
  const fact = context.facts.hosts.get(hostId);
  if (fact === undefined)
    return { kind: "need", outcome: { kind: "need", facts: [{ kind: "host", hostId }] } };
  if (fact === null) return { kind: "gone" };
  if (fact.bootId === undefined || fact.queueUrl === undefined) return { kind: "no_session" };
  const { bootId, bootOrdinal, queueUrl } = fact;
  return { kind: "address", address: { hostId, bootId, bootOrdinal, queueUrl } };
}

function probe(context: WorkContext<unknown, unknown>, asking: Asking): Found {
  if (isVouchedOff(context, asking.hostId)) return { kind: "off", how: "off" };
  if (context.now >= asking.giveUpAt) return { kind: "silent" };
  const found = addressOf(context, asking.hostId);
  if (found.kind === "gone") return { kind: "gone" };
  if (found.kind === "no_session") return askLater(context, asking, "its agent has no session");
  if (found.kind === "need") return { kind: "asking", outcome: found.outcome };
  const timeoutSeconds = context.settings.probeTimeoutSeconds;
  return {
    kind: "asking",
    outcome: {
      kind: "wait",
      step: "probing",
      memo: { ...asking, looks: asking.looks + 1 },
      action: {
        kind: "command",
        address: found.address,
        call: { verb: "probe", args: {} },
        timeoutSeconds,
      },
      deadlineInMs: timeoutSeconds * 1000 + ANSWER_SLACK_MS,
      note: `asks ${asking.hostId} what is true (${asking.looks + 1})`,
    },
  };
}

/** Waits before the next look; longer, the fewer looks are left for the time that there is. */
function askLater(context: WorkContext<unknown, unknown>, asking: Asking, note: string): Found {
  const leftMs = asking.giveUpAt - context.now;
  if (leftMs <= 0) return { kind: "silent" };
  const spreadMs = Math.ceil(leftMs / Math.max(1, LOOKS_MAX - asking.looks));
  return {
    kind: "asking",
    outcome: {
      kind: "wait",
      step: "probing",
      memo: { ...asking, looks: asking.looks + 1 },
      action: { kind: "timer" },
      deadlineInMs: Math.min(leftMs, Math.max(ASK_AGAIN_AFTER_MS, spreadMs)),
      note,
    },
  };
}

/** An outcome of a part of a job (asking, acting, …) as the job's own: its memo holds the part's. */
export function within<P, M, R>(outcome: Outcome<P, R>, memo: (part: P) => M): Outcome<M, R> {
  return outcome.kind === "wait" ? { ...outcome, memo: memo(outcome.memo) } : outcome;
}
