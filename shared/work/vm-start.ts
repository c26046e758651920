/**
 * Start: find what is true if that is in doubt, hold room on a host, start there, and believe only what was seen.
 *
 *   settling    something sent earlier is unsettled, or the state is in doubt: the hosts concerned are asked first
 *   reserving   room is held on one host after another, until one has it
 *   starting    the command is out; the VM is Running when it is seen on by evidence after the command
 *   confirming  nobody said how the command ended: its host is asked; found off, another host is tried
 *
 * Other hosts are tried only when it is certain that nothing runs at the last one (A6).
 */
import * as z from "zod/mini";
import type { Address, Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import { BootId, HostId } from "../model/ids.ts";
import type { JobErrorCode } from "../model/job.ts";
import { VmState } from "../model/vm.ts";
import { Asking, addressOf, ask, type Found, hear, within } from "./ask-host.ts";
import { chooseHost } from "./choose-host.ts";
import { defineWork } from "./define-work.ts";

/** How long a reservation's answer may take. */
const RESERVATION_MS = 30_000;
/** How long, beyond the command's own time, the job waits for its result: the way there and back. */
const RESULT_SLACK_MS = 15_000;
/** How long a host is asked how a start ended. */
const CONFIRM_MS = 60_000;

const Input = z.strictObject({ hostId: z.optional(HostId) });
type Input = z.infer<typeof Input>;

const Target = z.strictObject({
  hostId: HostId,
  bootId: BootId,
  bootOrdinal: z.int(),
  queueUrl: z.string(),
});

/** Carried through every phase: the hosts tried, and what the last one said. */
const Search = z.strictObject({
  avoid: z.array(HostId),
  attempt: z.int(),
  /** The state to fall back to when no host takes the VM. */
  before: VmState,
  refusal: z.optional(z.string()),
});
type Search = z.infer<typeof Search>;

const Memo = z.discriminatedUnion("phase", [
  z.strictObject({
    phase: z.literal("settling"),
    search: Search,
    asking: Asking,
    /** Hosts still to be asked after this one. */
    remaining: z.array(HostId),
  }),
  z.strictObject({ phase: z.literal("reserving"), search: Search, target: Target }),
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
export const vmDeploy = defineWork({ ...definition, name: "vm.deploy" });

function begin(context: Context): Step {
  const { vm, openIncidents } = context;
  const reception = definition.reception[vm.state];
  if (reception === "conflict")
    return fail("vm_state_conflict", `a VM that is ${vm.state} cannot be started`);
  if (reception === "at_once" && vm.hostId !== undefined)
    return { kind: "succeed", result: { hostId: vm.hostId }, note: `is Running on ${vm.hostId}` };
  if (openIncidents.has("unconfirmed_stop") || openIncidents.has("split_brain"))
    return fail("vm_unsettled", "an unconfirmed stop or a split brain is open for this VM");
  const search: Search = { avoid: [], attempt: 0, before: vm.state };
  const doubtful = reception === "go" ? undefined : (vm.hostId ?? vm.lastHostId);
  const hosts = new Set([
    ...context.unsettled.map((command) => command.hostId),
    ...(doubtful === undefined ? [] : [doubtful]),
  ]);
  return settleNext(context, search, [...hosts]);
}

function resume(context: WorkContext<Input, Memo>, wakeup: Wakeup): Step {
  const { memo } = context;
  switch (memo.phase) {
    case "settling":
      return settle(context, memo, hear(context, memo.asking, wakeup));
    case "reserving":
      return reserved(context, memo, wakeup);
    case "starting":
      return started(context, memo, wakeup);
    case "confirming":
      if (seenOn(context, memo.asking.hostId)) return running(memo.asking.hostId);
      return confirm(
        context,
        { ...memo, hostId: memo.asking.hostId },
        hear(context, memo.asking, wakeup),
      );
    default:
      return memo satisfies never;
  }
}

/** Asks the next host in doubt; when none is left, looks for a place. */
function settleNext(context: Context, search: Search, hosts: readonly HostId[]): Step {
  const [hostId, ...remaining] = hosts;
  if (hostId === undefined) return place(context, search);
  const forMs = context.settings.commandTimeoutSeconds.start * 1000;
  const found = ask(context, { hostId, forMs });
  return settle(context, { search, remaining, asking: { hostId } }, found);
}

function settle(
  context: Context,
  memo: {
    readonly search: Search;
    readonly remaining: readonly HostId[];
    readonly asking: Pick<Asking, "hostId">;
  },
  found: Found,
): Step {
  const { hostId } = memo.asking;
  switch (found.kind) {
    case "on":
      return running(hostId);
    case "paused":
      return {
        ...fail("vm_state_conflict", `the VM is paused on ${hostId}`),
        vm: { state: "Suspended", hostId },
      };
    case "off":
      return settleNext(context, memo.search, memo.remaining);
    case "silent":
      return {
        ...fail("vm_unsettled", `${hostId} did not say what became of earlier commands`),
        vm: { state: "Unknown" },
      };
    case "asking":
      return within(found.outcome, (asking) => ({
        phase: "settling",
        search: memo.search,
        remaining: [...memo.remaining],
        asking,
      }));
    default:
      return found satisfies never;
  }
}

/** Holds room on the host named, the one that the VM has room on, or the best of the others; or gives up. */
function place(context: Context, search: Search): Step {
  if (search.attempt >= context.settings.startAttemptsMax)
    return noHost(context, search, `${search.attempt} hosts were tried`);
  const named = context.input.hostId;
  if (named !== undefined)
    return search.avoid.includes(named)
      ? noHost(context, search, `${named} cannot take it`)
      : placeAt(context, search, named);
  const own = context.vm.hostId;
  if (own !== undefined && !search.avoid.includes(own)) {
    const fact = context.facts.hosts.get(own);
    if (fact === undefined) return { kind: "need", facts: [{ kind: "host", hostId: own }] };
    if (fact?.state === "Up") return placeAt(context, search, own);
  }
  const { candidates } = context.facts;
  if (candidates === undefined) return { kind: "need", facts: [{ kind: "candidates" }] };
  const host = chooseHost(candidates, {
    spec: context.vm.spec,
    avoid: search.avoid,
    prefer: context.vm.lastHostId,
  });
  if (host?.bootId === undefined || host.queueUrl === undefined)
    return noHost(context, search, "no host that is Up has room and the labels wanted");
  const { hostId, bootId, bootOrdinal, queueUrl } = host;
  return reserve(search, { hostId, bootId, bootOrdinal, queueUrl });
}

/** Holds room on this host; what the VM holds there already is its own, though the host may look full. */
function placeAt(context: Context, search: Search, hostId: HostId): Step {
  if (search.attempt >= context.settings.startAttemptsMax)
    return noHost(context, search, `${search.attempt} reservations were tried`);
  const found = addressOf(context, hostId);
  if (found.kind === "need") return found.outcome;
  if (found.kind === "none")
    return noHost(context, search, `${hostId} is not there or has no session`);
  return reserve(search, found.address);
}

function reserve(search: Search, target: Address): Step {
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

function reserved(
  context: Context,
  memo: Extract<Memo, { phase: "reserving" }>,
  wakeup: Wakeup,
): Step {
  const { hostId } = memo.target;
  if (wakeup.kind === "deadline")
    return tryElsewhere(context, memo.search, { hostId, refusal: "its room was not answered for" });
  if (wakeup.kind !== "reserved") return { kind: "ignore" };
  if (wakeup.outcome.status === "refused") {
    const { reason } = wakeup.outcome;
    // Another boot by now: the host is as good as before, only its address is old.
    if (reason === "stale_boot") return place(context, memo.search);
    return tryElsewhere(context, memo.search, { hostId, refusal: reason });
  }
  const { address } = wakeup.outcome;
  const timeoutSeconds = context.settings.commandTimeoutSeconds.start;
  const left = context.vm.hostId;
  return {
    ...(left === undefined || left === hostId ? {} : { release: left }),
    kind: "wait",
    step: "starting",
    memo: { phase: "starting", search: memo.search, target: address },
    vm: { state: "Starting", hostId },
    action: {
      kind: "command",
      address,
      call: {
        verb: "start",
        args: { name: context.vm.name, spec: context.vm.spec, ha: context.vm.haEnabled },
      },
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
  if (seenOn(context, hostId)) return running(hostId);
  switch (wakeup.kind) {
    case "observed":
    case "reserved":
      return { kind: "ignore" };
    case "deadline":
      return askHowItEnded(context, { search, hostId, blame: true });
    case "result": {
      const refused =
        wakeup.status === "failed" && !DOUBTFUL_FAILURES.has(wakeup.code ?? "outcome_unknown");
      const blame = wakeup.status !== "stale";
      if (!refused) return askHowItEnded(context, { search, hostId, blame });
      const refusal = `${wakeup.code ?? "failed"}: ${wakeup.detail ?? ""}`;
      return tryElsewhere(context, search, { hostId, refusal });
    }
    default:
      return wakeup satisfies never;
  }
}

/** Failures after which the VM may be on all the same. */
const DOUBTFUL_FAILURES: ReadonlySet<string> = new Set([
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
      return running(hostId);
    case "paused":
      return {
        ...fail("vm_state_conflict", `the VM was found paused on ${hostId}`),
        vm: { state: "Suspended", hostId },
      };
    case "off":
      return blame
        ? tryElsewhere(context, search, {
            hostId,
            refusal: "it was not on after the start command",
          })
        : place(context, search);
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

/** Nothing runs at this host: gives its room back and goes on to the next. */
function tryElsewhere(
  context: Context,
  search: Search,
  last: { readonly hostId: HostId; readonly refusal: string },
): Step {
  const refusal = `${last.hostId}: ${last.refusal}`.slice(0, 400);
  const next = place(context, { ...search, refusal, avoid: [...search.avoid, last.hostId] });
  if (next.kind === "need" || next.kind === "ignore") return next;
  const vm = next.kind === "wait" ? { ...next.vm, hostId: null } : next.vm;
  return {
    ...next,
    ...(vm === undefined ? {} : { vm }),
    release: last.hostId,
    note: `${refusal}; ${next.note}`,
  };
}

function noHost(context: Context, search: Search, why: string): Step {
  const { hostId } = context.vm;
  const end = {
    vm: { state: search.before === "Error" ? "Error" : "Stopped", hostId: null },
    ...(hostId === undefined ? {} : { release: hostId }),
  } as const;
  return search.refusal === undefined
    ? { ...fail("no_capacity", why), ...end }
    : { ...fail("host_refused", search.refusal), ...end };
}

function seenOn(context: Context, hostId: HostId): boolean {
  return context.evidence(hostId)?.power === "on";
}

function running(hostId: HostId): Step {
  return {
    kind: "succeed",
    result: { hostId },
    vm: { state: "Running", hostId },
    note: `is Running on ${hostId}`,
  };
}

function fail(code: JobErrorCode, detail: string): Extract<Step, { kind: "fail" }> {
  return { kind: "fail", error: { code, detail }, note: detail };
}
