/**
 * Finding a place for a VM: room is held on one host after another, until one has it.
 *
 *  1. A job holds room on one host at a time beside the VM's own; what it held before, the engine gives back.
 *  2. What a host's hypervisor refused is the job's `host_refused`, with its own words; lack of room is `no_capacity`.
 */
import * as z from "zod/mini";
import type { Address, Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import type { HostFact } from "../model/host.ts";
import { BootId, HostId } from "../model/ids.ts";
import type { JobError } from "../model/job.ts";
import { chooseHost } from "./choose-host.ts";
import { calledOff } from "./fail.ts";

/** How long a reservation's answer may take. */
const RESERVATION_MS = 30_000;
/** Refusals that say nothing against the host: it has another boot by now, or the effect came too late. */
const BLAMELESS: ReadonlySet<string> = new Set(["stale_boot", "superseded"]);

export const Target = z.strictObject({
  hostId: HostId,
  bootId: BootId,
  bootOrdinal: z.int(),
  queueUrl: z.string(),
  migrationUri: z.optional(z.string()),
});
export type Target = z.infer<typeof Target>;

/** Carried through every phase of a search: the hosts tried, and what the last ones said. */
export const Search = z.strictObject({
  avoid: z.array(HostId),
  attempt: z.int(),
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

/** What is looked for. */
export type Wish = {
  /** This host or none. */
  readonly named: HostId | undefined;
  readonly prefer: HostId | undefined;
  /** Hosts that VMs can be migrated to only. */
  readonly migrates?: true;
};

/** What looking came to. */
export type Placed =
  | { readonly kind: "held"; readonly search: Search; readonly target: Target }
  /** No host takes it. */
  | { readonly kind: "none"; readonly error: JobError }
  /** Not known yet: the outcome to return. */
  | { readonly kind: "placing"; readonly outcome: Outcome<Reserving, never> };

type Context = WorkContext<unknown, unknown>;

/** Holds room on the host named, or on the best of those that are Up; or gives up. */
export function place(context: Context, wish: Wish, search: Search): Placed {
  if (context.cancelRequested) return none(calledOff("before a place was found").error);
  if (search.attempt >= context.settings.startAttemptsMax)
    return noPlace(search, `${search.attempt} reservations were tried`);
  const chosen =
    wish.named === undefined ? best(context, wish, search) : named(context, wish.named, search);
  if (chosen.kind !== "host") return chosen;
  const { hostId, bootId, bootOrdinal, queueUrl, migrationUri } = chosen.host;
  if (bootId === undefined || queueUrl === undefined)
    return noPlace(search, `${hostId} has no session`);
  if (wish.migrates === true && migrationUri === undefined)
    return noPlace(search, `nothing migrates to ${hostId}: its agent gave no migrationUri`);
  return reserve(search, { hostId, bootId, bootOrdinal, queueUrl, migrationUri });
}

/** Nothing of this VM runs at the last host: goes on to the next. */
export function placeElsewhere(
  context: Context,
  wish: Wish,
  search: Search,
  last: { readonly hostId: HostId } & ({ readonly refusal: string } | { readonly noRoom: string }),
): Placed {
  const { hostId, ...why } = last;
  const said = Object.fromEntries(
    Object.entries(why).map(([name, text]) => [name, `${hostId}: ${text}`.slice(0, 400)]),
  );
  const next = place(context, wish, { ...search, ...said, avoid: [...search.avoid, hostId] });
  if (next.kind !== "placing" || next.outcome.kind !== "wait") return next;
  const note = `${Object.values(said).join("; ")}; ${next.outcome.note}`;
  return { kind: "placing", outcome: { ...next.outcome, note } };
}

/** What a reservation's answer comes to. */
export function placed(
  context: Context,
  wish: Wish,
  { search, target }: Reserving,
  wakeup: Wakeup,
): Placed {
  const { hostId } = target;
  switch (wakeup.kind) {
    case "deadline":
      return placeElsewhere(context, wish, search, { hostId, noRoom: "it did not answer" });
    case "cancelled":
      return place(context, wish, search);
    case "reserved": {
      const { outcome } = wakeup;
      if (outcome.status === "held")
        return context.cancelRequested
          ? place(context, wish, search)
          : { kind: "held", search, target: { ...target, ...outcome.address } };
      return BLAMELESS.has(outcome.reason)
        ? place(context, wish, search)
        : placeElsewhere(context, wish, search, { hostId, noRoom: outcome.reason });
    }
    default:
      return { kind: "placing", outcome: { kind: "ignore" } };
  }
}

/** Where commands for a target go. */
export function addressIn({ hostId, bootId, bootOrdinal, queueUrl }: Target): Address {
  return { hostId, bootId, bootOrdinal, queueUrl };
}

type Chosen = Placed | { readonly kind: "host"; readonly host: HostFact };

function named({ facts }: Context, hostId: HostId, search: Search): Chosen {
  if (search.avoid.includes(hostId)) return noPlace(search, `${hostId} cannot take it`);
  const host = facts.hosts.get(hostId);
  if (host === undefined)
    return { kind: "placing", outcome: { kind: "need", facts: [{ kind: "host", hostId }] } };
  return host === null ? noPlace(search, `${hostId} is not there`) : { kind: "host", host };
}

function best({ facts, vm, holds }: Context, { prefer, migrates }: Wish, search: Search): Chosen {
  if (facts.candidates === undefined)
    return { kind: "placing", outcome: { kind: "need", facts: [{ kind: "candidates" }] } };
  const reachable = facts.candidates.filter(
    ({ bootId, queueUrl, migrationUri }) =>
      bootId !== undefined &&
      queueUrl !== undefined &&
      (migrates === undefined || migrationUri !== undefined),
  );
  const host = chooseHost(reachable, { spec: vm.spec, avoid: search.avoid, prefer, holds });
  if (host !== undefined) return { kind: "host", host };
  return noPlace(search, "no host that is Up has the room and the labels wanted");
}

function reserve(search: Search, target: Target): Placed {
  const attempt = search.attempt + 1;
  return {
    kind: "placing",
    outcome: {
      kind: "wait",
      step: "reserving",
      memo: { phase: "reserving", search: { ...search, attempt }, target },
      action: { kind: "reserve", address: addressIn(target), attempt },
      deadlineInMs: RESERVATION_MS,
      percent: 10,
      note: `holds room on ${target.hostId}`,
    },
  };
}

/** 2 */
function noPlace({ refusal, noRoom }: Search, why: string): Placed {
  return none(
    refusal === undefined
      ? { code: "no_capacity", detail: [why, noRoom].filter(Boolean).join("; ") }
      : { code: "host_refused", detail: refusal },
  );
}

function none(error: JobError): Placed {
  return { kind: "none", error };
}
