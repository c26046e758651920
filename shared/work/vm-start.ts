/**
 * Start: find what is true if that is in doubt, find a place, start there, and believe only what was seen.
 *
 *   settling    something sent earlier is unsettled, the state is in doubt, or a host says that it has the VM: those
 *               hosts are asked first
 *   holding     the VM was found on where it holds no room yet: that is set right before it counts as Running
 *   reserving   a place is looked for (`find-place.ts`)
 *   starting    the command is out; the VM is Running when it is seen on by evidence after the command
 *   confirming  nobody said how the command ended: its host is asked; found off, another host is tried
 *
 * Other hosts are tried only when it is certain that nothing runs at the last one (A6).
 */
import * as z from "zod/mini";
import type { Address, Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { HostId } from "../model/ids.ts";
import { VmState } from "../model/vm.ts";
import { Asking, addressOf, ask, type Found, hear, within } from "./ask-host.ts";
import { defineWork } from "./define-work.ts";
import { calledOff, fail } from "./fail.ts";
import { place, placed, placeElsewhere, Reserving, Search, Target } from "./find-place.ts";
import { CONFIRM_MS, RESULT_SLACK_MS } from "./patience.ts";

const Input = z.strictObject({ hostId: z.optional(HostId) });
type Input = z.infer<typeof Input>;

const Memo = z.discriminatedUnion("phase", [
  z.strictObject({
    phase: z.literal("settling"),
    before: VmState,
    asking: Asking,
    /** Hosts still to be asked after this one. */
    remaining: z.array(HostId),
  }),
  z.strictObject({ phase: z.literal("holding"), hostId: HostId }),
  Reserving,
  z.strictObject({ phase: z.literal("starting"), search: Search, target: Target }),
  z.strictObject({
    phase: z.literal("confirming"),
    search: Search,
    asking: Asking,
    /** Found off, this host is not tried again; not so when its agent had merely restarted. */
    blame: z.boolean(),
  }),
]);
type Memo = z.infer<typeof Memo>;

const Result = z.strictObject({ hostId: HostId });
type Step = Outcome<Memo, z.infer<typeof Result>>;
type Context = WorkContext<Input, unknown>;

const definition = {
  version: 1,
  input: Input,
  memo: Memo,
  result: Result,
  needsHost: true,
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
  begin,
  resume,
} as const;

export const vmStart = defineWork({ ...definition, name: "vm.start" });
/** The start that comes with `POST /v1/vms { start: true }`. */
export const vmDeploy = defineWork({ ...definition, name: "vm.deploy", origin: "creation" });

function begin(context: Context): Step {
  const { vm, openIncidents } = context;
  const reception = definition.reception[vm.state];
  if (reception === "conflict")
    return fail("vm_state_conflict", `a VM that is ${vm.state} cannot be started`);
  if (reception === "at_once" && vm.hostId !== undefined)
    return { kind: "succeed", result: { hostId: vm.hostId }, note: `is Running on ${vm.hostId}` };
  if (openIncidents.has("unconfirmed_stop") || openIncidents.has("split_brain"))
    return fail("vm_unsettled", "an unconfirmed stop or a split brain is open for this VM");
  return settleNext(context, vm.state, hostsInDoubt(context));
}

/** Hosts that may have the VM on, as far as the record knows: they are asked before it is started anywhere (A6). */
function hostsInDoubt({ vm, unsettled, lastSaid }: Context): readonly HostId[] {
  const uncertain =
    definition.reception[vm.state] === "probe" ? (vm.hostId ?? vm.lastHostId) : undefined;
  const claiming = [...lastSaid].filter(([, { power }]) => MAY_BE_ON.has(power));
  return [
    ...new Set([
      ...unsettled.map((command) => command.hostId),
      ...(uncertain === undefined ? [] : [uncertain]),
      ...claiming.map(([hostId]) => hostId),
    ]),
  ];
}

const MAY_BE_ON: ReadonlySet<string> = new Set(["on", "paused", "unknown"]);

function resume(context: WorkContext<Input, Memo>, wakeup: Wakeup): Step {
  const { memo } = context;
  switch (memo.phase) {
    case "settling":
      if (wakeup.kind === "cancelled") return undecided(memo.before, CANCELLED);
      return settle(
        context,
        { ...memo, hostId: memo.asking.hostId },
        hear(context, memo.asking, wakeup),
      );
    case "holding":
      return wakeup.kind === "observed" || wakeup.kind === "result" || wakeup.kind === "cancelled"
        ? { kind: "ignore" }
        : running(context, memo.hostId);
    case "reserving": {
      const answer = placed(context, memo, wakeup);
      return answer.kind === "held" ? start(context, memo.search, answer.address) : answer.outcome;
    }
    case "starting":
      return started(context, memo, wakeup);
    case "confirming": {
      const { hostId } = memo.asking;
      if (seenOn(context, hostId)) return running(context, hostId);
      return confirm(context, { ...memo, hostId }, hear(context, memo.asking, wakeup));
    }
    default:
      return memo satisfies never;
  }
}

/** Asks the next host in doubt; when none is left, looks for a place. */
function settleNext(context: Context, before: VmState, hosts: readonly HostId[]): Step {
  const [hostId, ...remaining] = hosts;
  if (hostId === undefined) return place(context, { avoid: [], attempt: 0, before });
  const forMs = context.settings.commandTimeoutSeconds.start * 1000;
  return settle(context, { before, remaining, hostId }, ask(context, { hostId, forMs }));
}

function settle(
  context: Context,
  memo: {
    readonly before: VmState;
    readonly remaining: readonly HostId[];
    readonly hostId: HostId;
  },
  found: Found,
): Step {
  const { hostId, before, remaining } = memo;
  switch (found.kind) {
    case "on":
      return context.vm.hostId === hostId ? running(context, hostId) : hold(context, hostId);
    case "paused":
      return {
        ...fail("vm_state_conflict", `the VM is paused on ${hostId}`),
        vm: { state: "Suspended", hostId },
      };
    case "off":
      return settleNext(context, before, remaining);
    case "gone": // forgotten by an operator: nobody is left to ask
      return context.unsettled.some((command) => command.hostId === hostId)
        ? unsettled(memo)
        : settleNext(context, before, remaining);
    case "silent":
      return unsettled(memo);
    case "asking":
      return within(found.outcome, (asking) => ({
        phase: "settling",
        before,
        remaining: [...remaining],
        asking,
      }));
    default:
      return found satisfies never;
  }
}

function unsettled({ before, hostId }: { before: VmState; hostId: HostId }): Step {
  const end = fail("vm_unsettled", `${hostId} did not say what became of the VM there`);
  return undecided(before, end);
}

/** What was certain before stays so: it is the commands that are in doubt, not that the VM was seen off. */
function undecided(before: VmState, end: ReturnType<typeof fail>): Step {
  const certain = before === "Stopped" || before === "Error";
  return { ...end, vm: { state: certain ? before : "Unknown" } };
}

const CANCELLED = calledOff("before it was known where the VM is");

/** Found on where no room is held for it: it runs there whether or not there is room. */
function hold(context: Context, hostId: HostId): Step {
  const found = addressOf(context, hostId);
  if (found.kind === "need") return found.outcome;
  if (found.kind !== "address") return running(context, hostId);
  return {
    kind: "wait",
    step: "holding",
    memo: { phase: "holding", hostId },
    action: { kind: "reserve", address: found.address, attempt: 1 },
    deadlineInMs: CONFIRM_MS,
    percent: 80,
    note: `was found on at ${hostId}; holds room there`,
  };
}

function start(context: Context, search: Search, address: Address): Step {
  const { hostId } = address;
  const { name, spec, haEnabled, hostId: left } = context.vm;
  const timeoutSeconds = context.settings.commandTimeoutSeconds.start;
  return {
    kind: "wait",
    step: "starting",
    memo: { phase: "starting", search, target: address },
    vm: { state: "Starting", hostId },
    ...(left === undefined || left === hostId ? {} : { release: [left] }),
    action: {
      kind: "command",
      address,
      call: { verb: "start", args: { name, spec, ha: haEnabled } },
      timeoutSeconds,
    },
    deadlineInMs: timeoutSeconds * 1000 + RESULT_SLACK_MS,
    percent: 40,
    note: `starts on ${hostId}`,
  };
}

function started(
  context: Context,
  memo: Extract<Memo, { phase: "starting" }>,
  wakeup: Wakeup,
): Step {
  const { search, target } = memo;
  const { hostId } = target;
  if (seenOn(context, hostId)) return running(context, hostId);
  switch (wakeup.kind) {
    case "observed":
    case "reserved":
    case "cancelled": // its result decides, or its deadline
      return { kind: "ignore" };
    case "deadline":
      return askHowItEnded(context, { search, hostId, blame: true });
    case "result": {
      const refused =
        wakeup.status === "failed" && !MAY_BE_ON_AFTER.has(wakeup.code ?? "outcome_unknown");
      const blame = wakeup.status !== "stale";
      if (!refused) return askHowItEnded(context, { search, hostId, blame });
      const refusal = `${wakeup.code ?? "failed"}: ${wakeup.detail ?? ""}`;
      return placeElsewhere(context, search, { hostId, refusal });
    }
    default:
      return wakeup satisfies never;
  }
}

/** Failures of a start after which the VM may be on all the same. */
const MAY_BE_ON_AFTER: ReadonlySet<string> = new Set([
  "outcome_unknown",
  "timeout",
  "already_running",
]);

type Doubt = { readonly search: Search; readonly hostId: HostId; readonly blame: boolean };

function askHowItEnded(context: Context, doubt: Doubt): Step {
  return confirm(context, doubt, ask(context, { hostId: doubt.hostId, forMs: CONFIRM_MS }));
}

function confirm(context: Context, { search, hostId, blame }: Doubt, found: Found): Step {
  switch (found.kind) {
    case "on":
      return running(context, hostId);
    case "paused":
      return {
        ...fail("vm_state_conflict", `the VM was found paused on ${hostId}`),
        vm: { state: "Suspended", hostId },
      };
    case "off": {
      const refusal = "it was not on after the start command";
      return blame ? placeElsewhere(context, search, { hostId, refusal }) : place(context, search);
    }
    case "gone":
    case "silent":
      return {
        ...fail("timed_out", `${hostId} did not say how the start ended`),
        vm: { state: "Unknown" },
      };
    case "asking":
      return within(found.outcome, (asking) => ({ phase: "confirming", search, asking, blame }));
    default:
      return found satisfies never;
  }
}

function seenOn(context: Context, hostId: HostId): boolean {
  return context.evidence(hostId)?.power === "on";
}

function running(context: Context, hostId: HostId): Step {
  const left = context.vm.hostId;
  return {
    kind: "succeed",
    result: { hostId },
    vm: { state: "Running", hostId },
    ...(left === undefined || left === hostId ? {} : { release: [left] }),
    note: `is Running on ${hostId}`,
  };
}
