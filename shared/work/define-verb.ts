/**
 * What all verbs on a VM have in common: how they take its state when their job begins (contract, the verb table).
 *
 *  1. A state in doubt is looked into first, and so is a certain one where a verb asks for it; then the verb goes by what
 *     was found, and the record says so whatever becomes of the verb.
 *  2. A start and a migration are refused while it is not known where the VM is on (`unconfirmed_stop`, `split_brain`).
 *  3. A job called off before the verb did anything ends in what was found.
 */
import * as z from "zod/mini";
import type {
  Origin,
  Outcome,
  Reception,
  Wakeup,
  WorkContext,
  WorkType,
} from "../core/work-type.ts";
import type { HostId } from "../model/ids.ts";
import type { VmState } from "../model/vm.ts";
import { changedVm, type VmChange } from "../model/vm-change.ts";
import { within } from "./ask-host.ts";
import { defineWork, type Typed } from "./define-work.ts";
import { calledOff, fail } from "./fail.ts";
import { Finding, find, found, hostsInDoubt, type Truth } from "./find-truth.ts";
import { CONFIRM_MS } from "./patience.ts";
import { knowing, trueState } from "./true-state.ts";

/** Unsettled commands with which a job asks their hosts before it sends more: a probe settles them, and the list stays short. */
const UNSETTLED_MANY = 8;

/** A verb with its own steps; `go` and `resume` are pure. */
export type Verb<I, M, R> = {
  readonly name: string;
  readonly version: number;
  readonly origin?: Origin;
  readonly input: z.ZodMiniType<I>;
  /** Of the verb's own steps; a verb of one turn has `NoMemo`. */
  readonly memo: z.ZodMiniType<M>;
  readonly result: z.ZodMiniType<R>;
  readonly reception: Readonly<Record<VmState, Reception>>;
  /** Whether it can turn the VM on at another host: what refuses and hastens that is about this (2). */
  readonly turnsOn?: true;
  /** How long a host in doubt may take to answer. Absent: `CONFIRM_MS`. */
  readonly findForMs?: (context: WorkContext<I, unknown>) => number;
  /** It is so already: how that is said. Absent: nothing is so already. */
  readonly atOnce?: (context: WorkContext<I, unknown>) => Outcome<M, R>;
  readonly go: (context: WorkContext<I, unknown>) => Outcome<M, R>;
  readonly resume: (context: WorkContext<I, M>, wakeup: Wakeup) => Outcome<M, R>;
  /** A host in doubt did not say. Absent: `host_unreachable`. */
  readonly unfound?: (context: WorkContext<I, unknown>, hostId: HostId) => Outcome<never, never>;
};

type Memo<M> = { readonly finding: Finding } | { readonly doing: M };

/** The work type that the registry lists. */
export function defineVerb<I, M, R>(verb: Verb<I, M, R>): WorkType & Typed<I, R> {
  const { name, version, origin = "verb", input, result, reception } = verb;
  return defineWork({
    ...{ name, version, origin, input, result, reception },
    needsHost: verb.turnsOn === true,
    memo: z.union([z.strictObject({ finding: Finding }), z.strictObject({ doing: verb.memo })]),
    begin: (context) => begin(verb, context),
    resume: (context, wakeup) => {
      const { memo } = context;
      if ("doing" in memo) return doing(verb.resume({ ...context, memo: memo.doing }, wakeup));
      return wakeup.kind === "cancelled" && memo.finding.phase === "asking"
        ? calledOff("before it was known what is true")
        : hearTruth(verb, context, found(context, memo.finding, wakeup));
    },
  });
}

function begin<I, M, R>(
  verb: Verb<I, M, R>,
  context: WorkContext<I, unknown>,
): Outcome<Memo<M>, R> {
  const reception = verb.reception[context.vm.state];
  if (reception === "conflict") return conflict(verb, context);
  const { openIncidents, unsettled } = context;
  const lost = openIncidents.has("unconfirmed_stop") || openIncidents.has("split_brain");
  if (lost && verb.turnsOn === true)
    return fail("vm_unsettled", "an unconfirmed stop or a split brain is open for this VM"); // 2
  const inDoubt = reception === "probe";
  const looks = reception === "go" && (verb.turnsOn === true || unsettled.length >= UNSETTLED_MANY);
  const hosts = inDoubt || looks ? hostsInDoubt(context, inDoubt ? "in_doubt" : "certain") : [];
  if (!inDoubt && hosts.length === 0) return receive(verb, context);
  const forMs = verb.findForMs?.(context) ?? CONFIRM_MS;
  // A verb that takes a VM from where it is to another host must know of all of them.
  const until = verb.turnsOn === true && verb.reception.Running === "go" ? "all" : "first";
  return hearTruth(verb, context, find(context, { hosts: [...hosts], forMs, until }));
}

/** 1, 3 */
function hearTruth<I, M, R>(
  verb: Verb<I, M, R>,
  context: WorkContext<I, unknown>,
  truth: Truth,
): Outcome<Memo<M>, R> {
  const inDoubt = verb.reception[context.vm.state] === "probe";
  if (truth.kind === "finding") return within(truth.outcome, (finding) => ({ finding }));
  if (truth.kind === "unknown") {
    const { hostId } = truth;
    const detail = `${hostId} did not say what is true`;
    const ended = verb.unfound?.(context, hostId) ?? fail("host_unreachable", detail);
    return inDoubt ? knowing(ended, { state: "Unknown" }) : ended;
  }
  if (truth.kind === "torn") {
    // Asked one after the other, it may be moving: `vm.verify`, which begins next, finds out whether that lasts.
    const end = fail("vm_unsettled", `it is on at ${truth.between.join(" and at ")}`);
    return knowing(end, inDoubt ? { state: "Unknown" } : {});
  }
  const change = changeOf(truth, inDoubt || context.vm.hostId !== undefined);
  const known = { ...context, vm: changedVm(context.vm, change) };
  const idle = verb.reception[known.vm.state] !== "go";
  return knowing(
    idle || !context.cancelRequested ? receive(verb, known) : calledOff("before it did anything"),
    change,
  );
}

/** A VM that was off stays what it was (Stopped, Error, …) where no host says otherwise. */
function changeOf(truth: Extract<Truth, { kind: "at" | "off" }>, mayBeOn: boolean): VmChange {
  if (truth.kind === "at") return trueState(truth.power, truth.hostId);
  return mayBeOn ? { state: "Stopped", hostId: null } : {};
}

/** Goes by the table. */
function receive<I, M, R>(
  verb: Verb<I, M, R>,
  context: WorkContext<I, unknown>,
): Outcome<Memo<M>, R> {
  const reception = verb.reception[context.vm.state];
  switch (reception) {
    case "go":
      return doing(verb.go(context));
    case "at_once":
      if (verb.atOnce === undefined)
        throw new Error(`${verb.name} does not say what is so at once`);
      return doing(verb.atOnce(context));
    case "conflict":
    case "probe": // no state that was found is
      return conflict(verb, context);
    default:
      return reception satisfies never;
  }
}

function conflict<I, M, R>({ name }: Verb<I, M, R>, { vm }: WorkContext<I, unknown>) {
  return fail("vm_state_conflict", `${name} does not take a VM that is ${vm.state}`);
}

function doing<M, R>(outcome: Outcome<M, R>): Outcome<Memo<M>, R> {
  return outcome.kind === "wait" ? { ...outcome, memo: { doing: outcome.memo } } : outcome;
}
