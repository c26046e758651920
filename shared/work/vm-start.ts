/**
 * Start: find a place, start there, and believe only what was seen.
 *
 *   reserving   a place is looked for (`find-place.ts`)
 *   starting    the command is out; the VM is Running when it is seen on by evidence after the command
 *
 * Other hosts are tried only when it is certain that nothing runs at the last one (A6), and none while one says that it has the VM.
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import type { VmSubject } from "../model/apartment-record.ts";
import { HostId } from "../model/ids.ts";
import { VERB_INPUTS, type VerbInput } from "../model/verbs.ts";
import { VmState } from "../model/vm.ts";
import { type Acted, Acting, act, acted, type Deed, endAs, SENDS_MAX } from "./act-at-host.ts";
import { within } from "./ask-host.ts";
import { defineVerb } from "./define-verb.ts";
import { fail } from "./fail.ts";
import {
  addressIn,
  type Placed,
  place,
  placed,
  placeElsewhere,
  Reserving,
  Search,
  type Wish,
} from "./find-place.ts";
import { knowing } from "./true-state.ts";

/** The state to fall back to when no host takes the VM. */
const Before = z.strictObject({ before: VmState });
export const StartMemo = z.discriminatedUnion("phase", [
  z.extend(Reserving, Before.shape),
  z.strictObject({ phase: z.literal("starting"), ...Before.shape, search: Search, acting: Acting }),
]);
type Memo = z.infer<typeof StartMemo>;

export const StartResult = z.strictObject({ hostId: HostId });
type Step = Outcome<Memo, z.infer<typeof StartResult>>;
type Context = WorkContext<VerbInput<"start">, unknown>;

/** What every start is, whoever asks for it. */
export const START = {
  version: 1,
  input: VERB_INPUTS.start,
  memo: StartMemo,
  result: StartResult,
  turnsOn: true,
  reception: {
    Stopped: "go",
    Running: "at_once",
    Suspended: "conflict",
    Destroyed: "conflict",
    Expunging: "conflict",
    Error: "go",
    Unknown: "probe",
    Starting: "probe",
    Stopping: "probe",
    Migrating: "probe",
  },
  // Whoever cannot say now where the VM is on may say so soon: it is worth a start's whole time.
  findForMs: ({ settings }: Context) => settings.commandTimeoutSeconds.start * 1000,
  unfound: (_: Context, hostId: HostId) =>
    fail("vm_unsettled", `${hostId} did not say what became of the VM there`),
  atOnce: ({ vm }: Context) => running(vm.hostId ?? neverSo(vm)),
  go: goStart,
  resume: resumeStart,
} as const;

export const vmStart = defineVerb({ ...START, name: "vm.start" });
/** The start that comes with `POST /v1/vms { start: true }`. */
export const vmDeploy = defineVerb({ ...START, name: "vm.deploy", origin: "creation" });

export function goStart(context: Context): Step {
  const before = context.vm.state;
  return startAt(context, before, place(context, wishOf(context), { avoid: [], attempt: 0 }));
}

export function resumeStart(context: WorkContext<VerbInput<"start">, Memo>, wakeup: Wakeup): Step {
  const { memo } = context;
  switch (memo.phase) {
    case "reserving":
      return startAt(context, memo.before, placed(context, wishOf(context), memo, wakeup));
    case "starting":
      return started(context, memo, acted(context, startOf(context), memo.acting, wakeup));
    default:
      return memo satisfies never;
  }
}

/** Where it was last, if nothing speaks against it. */
function wishOf({ input, vm }: Context): Wish {
  return { named: input.hostId, prefer: vm.hostId ?? vm.lastHostId };
}

function startAt(context: Context, before: VmState, looked: Placed): Step {
  const place = alreadyOn(context) ?? looked;
  switch (place.kind) {
    case "placing":
      return knowing(
        within(place.outcome, (reserving) => ({ ...reserving, before })),
        { state: "Starting" },
      );
    case "held": {
      const { search, target } = place;
      const sent = act(context, addressIn(target), startOf(context));
      return knowing(started(context, { before, search }, sent), { hostId: target.hostId });
    }
    case "none": {
      const { code, detail } = place.error;
      // It is off, so it is at no host any more.
      const state = before === "Error" ? "Error" : "Stopped";
      return { ...fail(code, detail), vm: { state, hostId: null } };
    }
    default:
      return place satisfies never;
  }
}

/** Somebody started it by hand meanwhile: another would be a second copy. What is true is for `vm.verify`, which begins next. */
function alreadyOn({ lastSaid }: Context): Placed | undefined {
  const has = [...lastSaid].find(([, { power }]) => power === "on" || power === "paused");
  if (has === undefined) return undefined;
  return { kind: "none", error: fail("vm_unsettled", `${has[0]} says that it has the VM`).error };
}

function startOf({ vm, settings }: Context): Deed {
  const { name, spec, haEnabled: ha, domainChanges: changes } = vm;
  return {
    call: {
      verb: "start",
      args: { name, spec, ha, ...(changes === undefined ? {} : { changes }) },
    },
    timeoutSeconds: settings.commandTimeoutSeconds.start,
    step: "starting",
    note: "starts it",
    percent: 40,
    during: "Starting",
    shows: "on",
    refusedIs: "off",
    // An agent that restarted under it says nothing against its host; any other doubt does.
    again: ({ why, sends }) => why === "stale" && sends < SENDS_MAX,
  };
}

function started(
  context: Context,
  memo: { readonly before: VmState; readonly search: Search },
  end: Acted,
): Step {
  switch (end.kind) {
    case "done":
      return running(end.hostId);
    case "acting": {
      const { before, search } = memo;
      return within(end.outcome, (acting) => ({ phase: "starting", before, search, acting }));
    }
    case "failed": {
      if (end.power !== "off")
        return {
          ...endAs(context, end),
          ...fail("vm_state_conflict", `it was found ${end.power} on ${end.hostId}`),
        };
      const { hostId, detail: refusal } = end;
      const next = placeElsewhere(context, wishOf(context), memo.search, { hostId, refusal });
      return knowing(startAt(context, memo.before, next), { hostId: null });
    }
    case "silent":
      return endAs(context, end);
    default:
      return end satisfies never;
  }
}

function running(hostId: HostId): Outcome<never, z.infer<typeof StartResult>> {
  return {
    kind: "succeed",
    result: { hostId },
    vm: { state: "Running", hostId },
    note: `is Running on ${hostId}`,
  };
}

function neverSo({ state }: VmSubject): never {
  throw new Error(`a VM that is ${state} is at no host`);
}
