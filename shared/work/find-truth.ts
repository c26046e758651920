/**
 * Finding out what is true of a VM before anything is done to it: its hosts are asked one after the other (A6).
 *
 *   asking   one of them is asked
 *   holding  it was found where it holds no room yet: it runs there whether or not there is room, so room is held there
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { HostId } from "../model/ids.ts";
import { Asking, addressOf, ask, type Found, hear, within } from "./ask-host.ts";
import { CONFIRM_MS } from "./patience.ts";

const Place = z.strictObject({ hostId: HostId, power: z.enum(["on", "paused"]) });
type Place = z.infer<typeof Place>;

/** Whom to ask, in this order. */
const Question = z.strictObject({
  hosts: z.array(HostId),
  /** How long each may take to answer. */
  forMs: z.int(),
  /** `first`: until one has it. `all`: everybody, so that nothing is unsettled anywhere afterwards. */
  until: z.enum(["first", "all"]),
  /** It was found here, and the others are still asked. */
  at: z.optional(Place),
});
export type Question = z.infer<typeof Question>;

export const Finding = z.discriminatedUnion("phase", [
  z.strictObject({ phase: z.literal("asking"), asking: Asking, next: Question }),
  z.extend(Place, { phase: z.literal("holding") }),
]);
export type Finding = z.infer<typeof Finding>;

export type Truth =
  | ({ readonly kind: "at" } & Place)
  /** None of them has it on. */
  | { readonly kind: "off" }
  /** Two of them have. */
  | { readonly kind: "torn"; readonly between: readonly [HostId, HostId] }
  /** This host did not say. */
  | { readonly kind: "unknown"; readonly hostId: HostId }
  /** Not known yet: the outcome to return. */
  | { readonly kind: "finding"; readonly outcome: Outcome<Finding, never> };

type Context = WorkContext<unknown, unknown>;

/**
 * Hosts that may have the VM on, as far as the record knows. Nobody, where the record is certain and nothing speaks against
 * it. A migration's source comes before its target: what the target says counts when the source's part is settled.
 */
export function hostsInDoubt(
  { vm, unsettled, lastSaid }: Context,
  state: "in_doubt" | "certain",
): readonly HostId[] {
  const sentTo = unsettled.map((command) => command.hostId);
  const claiming = [...lastSaid].flatMap(([hostId, { power }]) =>
    MAY_BE_ON.has(power) ? [hostId] : [],
  );
  const last = vm.hostId ?? (state === "in_doubt" ? vm.lastHostId : undefined);
  const own = last === undefined ? [] : [last];
  const elsewhere = claiming.some((hostId) => hostId !== vm.hostId);
  if (state === "certain" && sentTo.length === 0 && !elsewhere) return [];
  return [...new Set([...sentTo, ...own, ...claiming])];
}

const MAY_BE_ON: ReadonlySet<string> = new Set(["on", "paused", "unknown"]);

/** Asks the first of these hosts. */
export function find(context: Context, { hosts: [hostId, ...hosts], ...how }: Question): Truth {
  if (hostId === undefined) return how.at === undefined ? { kind: "off" } : at(context, how.at);
  const next = { ...how, hosts };
  return hearOf(context, { hostId, next }, ask(context, { hostId, forMs: how.forMs }));
}

/** Goes on after a wake-up. */
export function found(context: Context, finding: Finding, wakeup: Wakeup): Truth {
  if (finding.phase === "asking") {
    const { asking, next } = finding;
    return hearOf(context, { hostId: asking.hostId, next }, hear(context, asking, wakeup));
  }
  const { hostId, power } = finding;
  // Held or refused, it is there; so it is if nobody says which.
  return wakeup.kind === "reserved" || wakeup.kind === "deadline"
    ? { kind: "at", hostId, power }
    : { kind: "finding", outcome: { kind: "ignore" } };
}

function hearOf(
  context: Context,
  { hostId, next }: { readonly hostId: HostId; readonly next: Question },
  found: Found,
): Truth {
  switch (found.kind) {
    case "on":
    case "paused": {
      if (next.at !== undefined) return { kind: "torn", between: [next.at.hostId, hostId] };
      const here = { hostId, power: found.kind };
      return next.until === "first" ? at(context, here) : find(context, { ...next, at: here });
    }
    case "off":
      return find(context, next);
    case "gone": // forgotten by an operator: nobody is left to ask
      return context.unsettled.some((command) => command.hostId === hostId)
        ? { kind: "unknown", hostId }
        : find(context, next);
    case "silent":
      return { kind: "unknown", hostId };
    case "asking": {
      const outcome = within(found.outcome, (asking) => ({
        phase: "asking" as const,
        asking,
        next,
      }));
      return { kind: "finding", outcome };
    }
    default:
      return found satisfies never;
  }
}

/** Where it holds no room, room is held first. */
function at(context: Context, place: Place): Truth {
  const { hostId, power } = place;
  if (context.vm.hostId === hostId) return { kind: "at", ...place };
  const target = addressOf(context, hostId);
  if (target.kind === "need") return { kind: "finding", outcome: target.outcome };
  if (target.kind !== "address") return { kind: "at", ...place };
  return {
    kind: "finding",
    outcome: {
      kind: "wait",
      step: "holding",
      memo: { phase: "holding", ...place },
      action: { kind: "reserve", address: target.address, attempt: 1, found: true },
      deadlineInMs: CONFIRM_MS,
      percent: 80,
      note: `was found ${power} at ${hostId}; holds room there`,
    },
  };
}
