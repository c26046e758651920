/**
 * Finding a place for a VM that is off: room is held on one host after another, until one has it.
 *
 *  1. The VM holds room on its own host (`vm.hostId`) and nowhere else; while room on another is asked for, on that too.
 *     Whoever moves on from a host gives its room back in the same step.
 *  2. What a host's hypervisor refused is the job's `host_refused`, with its own words; lack of room is `no_capacity`.
 */
import * as z from "zod/mini";
import type { Address, Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { BootId, HostId } from "../model/ids.ts";
import { VmState } from "../model/vm.ts";
import { addressOf } from "./ask-host.ts";
import { chooseHost } from "./choose-host.ts";
import { calledOff, fail } from "./fail.ts";

/** How long a reservation's answer may take. */
const RESERVATION_MS = 30_000;
/** Refusals that say nothing against the host: it has another boot by now, or the effect came too late. */
const BLAMELESS: ReadonlySet<string> = new Set(["stale_boot", "superseded"]);

export const Target = z.strictObject({
  hostId: HostId,
  bootId: BootId,
  bootOrdinal: z.int(),
  queueUrl: z.string(),
});

/** Carried through every phase of a start: the hosts tried, and what the last ones said. */
export const Search = z.strictObject({
  avoid: z.array(HostId),
  attempt: z.int(),
  /** The state to fall back to when no host takes the VM. */
  before: VmState,
  /** What the last hypervisor that refused it said. */
  refusal: z.optional(z.string()),
  /** Why the last host had no room for it. */
  noRoom: z.optional(z.string()),
});
export type Search = z.infer<typeof Search>;

export const Reserving = z.strictObject({
  phase: z.literal("reserving"),
  search: Search,
  target: Target,
});
export type Reserving = z.infer<typeof Reserving>;

type Context = WorkContext<{ readonly hostId?: HostId | undefined }, unknown>;
type Placing = Outcome<Reserving, never>;
type Failure = ReturnType<typeof fail>;

/** Holds room on the host named, or on the best of those that are Up; or gives up. */
export function place(context: Context, search: Search): Placing {
  if (context.cancelRequested) return placeless(context, search, CANCELLED);
  if (search.attempt >= context.settings.startAttemptsMax)
    return noPlace(context, search, `${search.attempt} reservations were tried`);
  const { vm, holds } = context;
  const named = context.input.hostId;
  if (named !== undefined) {
    if (search.avoid.includes(named)) return noPlace(context, search, `${named} cannot take it`);
    const found = addressOf(context, named);
    if (found.kind === "need") return found.outcome;
    return found.kind === "address"
      ? reserve(search, found.address)
      : noPlace(context, search, `${named} is not there or has no session`);
  }
  const { candidates } = context.facts;
  if (candidates === undefined) return { kind: "need", facts: [{ kind: "candidates" }] };
  const prefer = vm.hostId ?? vm.lastHostId;
  const host = chooseHost(candidates, { spec: vm.spec, avoid: search.avoid, prefer, holds });
  if (host?.bootId === undefined || host.queueUrl === undefined)
    return noPlace(context, search, "no host that is Up has the room and the labels wanted");
  const { hostId, bootId, bootOrdinal, queueUrl } = host;
  return reserve(search, { hostId, bootId, bootOrdinal, queueUrl });
}

/** Nothing of this VM runs at the last host: gives its room back and goes on to the next. */
export function placeElsewhere(
  context: Context,
  search: Search,
  last: { readonly hostId: HostId } & ({ readonly refusal: string } | { readonly noRoom: string }),
): Placing {
  const { hostId, ...why } = last;
  const said = Object.fromEntries(
    Object.entries(why).map(([name, text]) => [name, `${hostId}: ${text}`.slice(0, 400)]),
  );
  const next = place(context, { ...search, ...said, avoid: [...search.avoid, hostId] });
  if (next.kind === "need" || next.kind === "ignore") return next;
  const leaves = context.vm.hostId === hostId;
  return {
    ...next,
    ...(leaves ? { vm: { ...next.vm, hostId: null } } : {}),
    release: [...new Set([...(next.release ?? []), hostId])], // 1
    note: `${Object.values(said).join("; ")}; ${next.note}`,
  };
}

/** What a reservation's answer comes to. */
export function placed(
  context: Context,
  { search, target }: Reserving,
  wakeup: Wakeup,
):
  | { readonly kind: "held"; readonly address: Address }
  | { readonly kind: "outcome"; readonly outcome: Placing } {
  const { hostId } = target;
  if (wakeup.kind === "cancelled") {
    const end = placeless(context, search, CANCELLED);
    return outcome({ ...end, release: [...new Set([...(end.release ?? []), hostId])] }); // 1
  }
  if (wakeup.kind === "deadline")
    return outcome(placeElsewhere(context, search, { hostId, noRoom: "it did not answer" }));
  if (wakeup.kind !== "reserved") return outcome({ kind: "ignore" });
  if (wakeup.outcome.status === "held") return { kind: "held", address: wakeup.outcome.address };
  const { reason } = wakeup.outcome;
  return outcome(
    BLAMELESS.has(reason)
      ? place(context, search)
      : placeElsewhere(context, search, { hostId, noRoom: reason }),
  );
}

function outcome(placing: Placing) {
  return { kind: "outcome", outcome: placing } as const;
}

function reserve(search: Search, target: Address): Placing {
  const attempt = search.attempt + 1;
  return {
    kind: "wait",
    step: "reserving",
    memo: { phase: "reserving", search: { ...search, attempt }, target },
    vm: { state: "Starting" },
    action: { kind: "reserve", address: target, attempt },
    deadlineInMs: RESERVATION_MS,
    percent: 10,
    note: `holds room on ${target.hostId}`,
  };
}

const CANCELLED = calledOff("before it was started");

/** 2 */
function noPlace(context: Context, search: Search, why: string): Placing {
  return placeless(
    context,
    search,
    search.refusal === undefined
      ? fail("no_capacity", [why, search.noRoom].filter(Boolean).join("; "))
      : fail("host_refused", search.refusal),
  );
}

/** The VM is off, so it holds no room anywhere any more. */
function placeless({ vm: { hostId } }: Context, search: Search, end: Failure): Failure {
  return {
    ...end,
    vm: { state: search.before === "Error" ? "Error" : "Stopped", hostId: null },
    release: hostId === undefined ? [] : [hostId],
  };
}
