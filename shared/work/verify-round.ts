/**
 * A round of asking: each host that may have the VM, one after the other, and what their answers come to together.
 *
 *  1. A round decides on answers of its own, none older than its begin; one that its host has contradicted since is asked
 *     for again, by the host's own order and no clock.
 *  2. Who says meanwhile that it has the VM is asked too.
 */
import * as z from "zod/mini";
import { claims } from "../core/agreement.ts";
import type { WorkContext } from "../core/work-type.ts";
import { HostId, Instant } from "../model/ids.ts";
import type { Power } from "../model/power.ts";
import type { VmState } from "../model/vm.ts";
import type { Found } from "./ask-host.ts";
import type { Here, Said, There } from "./verify-rules.ts";

type Context = WorkContext<unknown, unknown>;

const Answer = z.strictObject({
  hostId: HostId,
  said: z.enum(["on", "paused", "off", "crashed", "missing", "unknown", "silent"]),
  /** Not said by the host itself, which is fenced, Down, or none: nothing that it said before contradicts it. */
  vouched: z.optional(z.literal(true)),
});
export type Answer = z.infer<typeof Answer>;

export const Round = z.strictObject({
  /** Still to be asked. */
  left: z.array(HostId),
  answers: z.array(Answer),
  /** Until then what may be on its way is asked for again. */
  insistUntil: Instant,
  /** Until then a VM that its host does not know may turn up elsewhere. */
  listenUntil: Instant,
  /** Whatever hosts go on saying. */
  endsBy: Instant,
  /** How often a zombie's power was taken. */
  powerOffs: z.int(),
});
export type Round = z.infer<typeof Round>;

/** Where the VM should be, or was, as far as the record knows. */
export function recordedHost({ vm }: Pick<Context, "vm">): HostId | undefined {
  return vm.hostId ?? (MAY_BE_SOMEWHERE.has(vm.state) ? vm.lastHostId : undefined);
}

const MAY_BE_SOMEWHERE: ReadonlySet<VmState> = new Set([
  "Running",
  "Suspended",
  "Starting",
  "Stopping",
  "Migrating",
  "Unknown",
]);

/** Hosts to be asked: its own, those where something may still run, and those that say that they may have it. */
export function hostsConcerned(context: Context): readonly HostId[] {
  const recorded = recordedHost(context);
  return [
    ...new Set([
      ...(recorded === undefined ? [] : [recorded]),
      ...context.unsettled.map(({ hostId }) => hostId),
      ...claimers(context),
    ]),
  ];
}

/** 1, 2. Those of whom the round's answers say too little by now. */
export function toAskAgain(context: Context, { answers }: Round): readonly HostId[] {
  const contradicted = answers.filter(({ hostId, said, vouched }) => {
    const last = context.lastSaid.get(hostId)?.power;
    return vouched !== true && last !== undefined && contradicts(last, said);
  });
  const asked = new Set(answers.map(({ hostId }) => hostId));
  const unasked = claimers(context).filter((hostId) => !asked.has(hostId));
  return [...contradicted.map(({ hostId }) => hostId), ...unasked];
}

/** What the recorded host and the others say together. */
export function seen(
  context: Context,
  { answers }: Round,
): { readonly here: Here; readonly there: There } {
  const recorded = recordedHost(context);
  const here = answers.find(({ hostId }) => hostId === recorded)?.said ?? "nowhere";
  const others = answers.filter(({ hostId }) => hostId !== recorded).map(({ said }) => said);
  return { here, there: together(others) };
}

/** The hosts that have the VM, by their answers; its own first. */
export function having({ answers }: Round): readonly HostId[] {
  return answers.filter(({ said }) => HAS_IT.has(said)).map(({ hostId }) => hostId);
}

/** Whether a host was asked and has it not. */
export function hasNot({ answers }: Round, hostId: HostId): boolean {
  return answers.some((answer) => answer.hostId === hostId && HAS_IT_NOT.has(answer.said));
}

/** What hosts that were asked could not say. */
export function unsureOf({ answers }: Round): readonly Answer[] {
  return answers.filter(({ said }) => said === "silent" || said === "unknown");
}

/** Whether every host that was asked knew what to say. */
export function allHeard(round: Round): boolean {
  return unsureOf(round).length === 0;
}

/** An end of asking as an answer. `gone`: there is no such host, so nobody can have it there. */
export function answerOf(hostId: HostId, found: Exclude<Found, { kind: "asking" }>): Answer {
  switch (found.kind) {
    case "off":
      return { hostId, said: found.how };
    case "gone":
      return { hostId, said: "missing", vouched: true };
    default:
      return { hostId, said: found.kind };
  }
}

const HAS_IT: ReadonlySet<Said> = new Set(["on", "paused"]);
const HAS_IT_NOT: ReadonlySet<Said | Power> = new Set(["off", "crashed", "missing"]);

function together(others: readonly Said[]): There {
  const having = others.filter((said) => HAS_IT.has(said));
  if (having.length > 1) return "several";
  if (having[0] === "on" || having[0] === "paused") return having[0];
  if (others.includes("unknown")) return "unknown";
  return others.includes("silent") ? "silent" : "nothing";
}

function claimers({ lastSaid }: Context): readonly HostId[] {
  return [...lastSaid].filter(([, { power }]) => claims(power)).map(([hostId]) => hostId);
}

/** The last word of a host is its answer or later than that. */
function contradicts(last: Power, said: Said): boolean {
  if (said === "silent") return false;
  return last !== said && !(HAS_IT_NOT.has(last) && HAS_IT_NOT.has(said));
}
