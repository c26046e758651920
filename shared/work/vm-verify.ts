/**
 * Verify: what is true of a VM whose record and hosts disagree while no job is at it (`core/agreement.ts`). The engine
 * begins it. All out-of-band rules are in `verify-rules.ts`; this asks, and does what they say.
 *
 *   asking        each host concerned is probed, one after the other (`verify-round.ts`)
 *   insisting     it may be moving, or about to be on or off: asked again, for a while
 *   holding       found where it holds no room yet: that is set right before it counts as there
 *   powering-off  nobody wants it any more: its power is taken, and all are asked again
 *
 * It decides on the answers alone, never on two reports of different times and never on absence. What it cannot settle is
 * `Unknown` or an open incident, and the engine tries again (`core/recheck.ts`).
 */
import * as z from "zod/mini";
import type { Outcome, Wakeup, WorkContext } from "../core/work-type.ts";
import type { HostFact } from "../model/host.ts";
import { HostId } from "../model/ids.ts";
import type { IncidentKind } from "../model/incident.ts";
import { VmState } from "../model/vm.ts";
import { Asking, addressOf, ask, type Found, hear, isVouchedOff, within } from "./ask-host.ts";
import { defineWork } from "./define-work.ts";
import { calledOff, fail } from "./fail.ts";
import { HA_RESTART, wantsRestart } from "./ha.ts";
import { RESULT_SLACK_MS } from "./patience.ts";
import {
  type Answer,
  allHeard,
  answerOf,
  hasNot,
  having,
  hostsConcerned,
  Round,
  recordedHost,
  seen,
  toAskAgain,
  unsureOf,
} from "./verify-round.ts";
import { RULES, type Verdict } from "./verify-rules.ts";

/** One host's time to answer; at least that of one probe and its way there and back. */
const ASK_MS = 30_000;
const PROBE_WAY_MS = 5_000;
/** A live migration by hand has both hosts say for up to a minute that they have the VM. */
const INSIST_MS = 90_000;
/** Between two rounds. */
const INSIST_EVERY_MS = 5_000;
/** A host's report comes within the interval, and a little later here. */
const REPORT_WAY_MS = 5_000;
/** Hosts that say another thing each time are not listened to for ever. */
const ENDS_AFTER_MS = 150_000;
/** For the answer to a reservation. */
const HOLD_MS = 30_000;
/** Between two looks at a VM whose host is Down. When that returns, it is compared whole, and this is over. */
const AWAY_MS = 10 * 60_000;
/** A zombie whose host does not power it off stays an incident. */
const POWER_OFFS_MAX = 3;

const Holding = z.strictObject({
  phase: z.literal("holding"),
  hostId: HostId,
  state: z.enum(["Running", "Suspended"]),
  incident: z.optional(z.enum(["out_of_band_power_on", "out_of_band_migration"])),
  heardAll: z.boolean(),
});
type Holding = z.infer<typeof Holding>;

const Memo = z.discriminatedUnion("phase", [
  z.strictObject({ phase: z.literal("asking"), asking: Asking, round: Round }),
  z.strictObject({ phase: z.literal("insisting"), round: Round }),
  Holding,
  z.strictObject({ phase: z.literal("powering_off"), powerOffs: z.int() }),
]);
type Memo = z.infer<typeof Memo>;

const Input = z.strictObject({ reason: z.string() });
const Result = z.strictObject({ state: VmState, hostId: z.optional(HostId) });
type Step = Outcome<Memo, z.infer<typeof Result>>;
type Context = WorkContext<z.infer<typeof Input>, unknown>;

export const vmVerify = defineWork({
  name: "vm.verify",
  version: 1,
  origin: "disagreement",
  input: Input,
  memo: Memo,
  result: Result,
  needsHost: false,
  reception: {
    Stopped: "go",
    Running: "go",
    Suspended: "go",
    Destroyed: "go",
    Expunging: "go",
    Error: "go",
    Unknown: "go",
    Starting: "go",
    Stopping: "go",
    Migrating: "go",
  },
  begin,
  resume,
});

function begin(context: Context): Step {
  return askAll(context, firstRound(context, 0));
}

function firstRound({ now, settings }: Context, powerOffs: number): Round {
  const listenMs = Math.min(settings.reportIntervalSeconds * 1000 + REPORT_WAY_MS, INSIST_MS);
  return {
    left: [],
    answers: [],
    insistUntil: now + INSIST_MS,
    listenUntil: now + listenMs,
    endsBy: now + ENDS_AFTER_MS,
    powerOffs,
  };
}

function resume(context: WorkContext<z.infer<typeof Input>, Memo>, wakeup: Wakeup): Step {
  const { memo } = context;
  // The engine tries again later: what is doubtful stays so until somebody has looked.
  if (context.cancelRequested && STOPS_IN.has(memo.phase))
    return calledOff("before it was settled");
  switch (memo.phase) {
    case "asking":
      return answered(context, memo, wakeup);
    case "insisting": // an observation says that something changed: no need to wait longer
      return wakeup.kind === "deadline" || wakeup.kind === "observed"
        ? askAll(context, memo.round)
        : { kind: "ignore" };
    case "holding":
      if (wakeup.kind !== "reserved" && wakeup.kind !== "deadline") return { kind: "ignore" };
      return isTakenBack(context, memo)
        ? askAll(context, firstRound(context, 0))
        : hasIt(context, memo);
    case "powering_off": // which may have taken long
      return wakeup.kind === "result" || wakeup.kind === "deadline"
        ? askAll(context, firstRound(context, memo.powerOffs))
        : { kind: "ignore" };
    default:
      return memo satisfies never;
  }
}

/** Where nothing is out that was to change something. */
const STOPS_IN: ReadonlySet<Memo["phase"]> = new Set(["asking", "insisting"]);

function askAll(context: Context, round: Round): Step {
  return askNext(context, { ...round, left: [...hostsConcerned(context)], answers: [] });
}

/** Asks the next host; when all have answered, decides. */
function askNext(context: Context, round: Round): Step {
  const [hostId] = round.left;
  if (hostId === undefined) return conclude(context, round);
  const host = context.facts.hosts.get(hostId);
  if (host === undefined) return { kind: "need", facts: [{ kind: "host", hostId }] };
  const vouched = vouchedOf(context, hostId, host);
  if (vouched !== undefined)
    return noteAnswer(context, round, { hostId, said: vouched, vouched: true });
  const probeMs = context.settings.probeTimeoutSeconds * 1000 + PROBE_WAY_MS;
  return told(context, round, hostId, ask(context, { hostId, forMs: Math.max(ASK_MS, probeMs) }));
}

/**
 * Hosts that need not be asked. One that is fenced runs nothing, as the record says once it was told; to one that is Down
 * nothing is sent: it would find a probe for each VM and try in its queue when it returns, and then it is heard anyway.
 */
function vouchedOf(
  context: Context,
  hostId: HostId,
  host: HostFact | null,
): "off" | "silent" | undefined {
  if (isVouchedOff(context, hostId)) return "off";
  const isAway = host?.state === "Down" || (host?.state === "Fenced" && host.bootId === undefined);
  return isAway ? "silent" : undefined;
}

/** `unknown` is an answer here: whether it is worth another question depends on what the others say. */
function answered(
  context: Context,
  { asking, round }: Extract<Memo, { phase: "asking" }>,
  wakeup: Wakeup,
): Step {
  const { hostId } = asking;
  const unknown =
    wakeup.kind === "result" && wakeup.status === "done" && wakeup.power === "unknown";
  if (unknown && !wakeup.busy) return noteAnswer(context, round, { hostId, said: "unknown" });
  return told(context, round, hostId, hear(context, asking, wakeup));
}

function told(context: Context, round: Round, hostId: HostId, found: Found): Step {
  if (found.kind === "asking")
    return within(found.outcome, (asking) => ({ phase: "asking", asking, round }));
  // What was sent to a host that is no more is not known to have ended.
  const lost = found.kind === "gone" && context.unsettled.some((each) => each.hostId === hostId);
  return noteAnswer(context, round, answerOf(hostId, lost ? { kind: "silent" } : found));
}

function noteAnswer(context: Context, round: Round, answer: Answer): Step {
  const left = round.left.filter((hostId) => hostId !== answer.hostId);
  return askNext(context, { ...round, left, answers: [...round.answers, answer] });
}

/** All have answered: what that means, unless one has said another thing since. */
function conclude(context: Context, round: Round): Step {
  const again = toAskAgain(context, round);
  const rules = RULES[pastOf(context)];
  if (again.length === 0) {
    const { here, there } = seen(context, round);
    return carry(context, round, rules[there][here]);
  }
  if (context.now >= round.endsBy) return carry(context, round, rules.silent.silent);
  const answers = round.answers.filter(({ hostId }) => !again.includes(hostId));
  return askNext(context, { ...round, left: [...again], answers });
}

/** What the rules go by: the state, or the one before nobody could say what it is. */
function pastOf({ vm }: Context): VmState {
  return vm.state === "Unknown" ? (vm.lastState ?? "Unknown") : vm.state;
}

function carry(context: Context, round: Round, verdict: Verdict): Step {
  const { now, openIncidents } = context;
  switch (verdict.kind) {
    case "has_it":
      return found(context, round, verdict);
    case "lost":
    case "off":
      return now < round.listenUntil && wentElsewhere(context)
        ? insist(context, round, {
            until: round.listenUntil,
            why: "its host says that it migrated",
          })
        : stopped(context, round, verdict.kind);
    case "stays":
      return stays(context, round);
    case "twice": {
      const why = `${having(round).join(" and ")} have it`;
      return now < round.insistUntil && !openIncidents.has("split_brain")
        ? insist(context, round, { until: round.insistUntil, why })
        : splitBrain(context, round);
    }
    case "zombie":
      return powerOff(context, round);
    case "unsure":
      return now < round.insistUntil
        ? insist(context, round, { until: round.insistUntil, why: "it is on its way" })
        : carry(context, round, verdict.atLast);
    case "vanished":
      return now < round.listenUntil
        ? insist(context, round, { until: round.listenUntil, why: "its host does not know it" })
        : carry(context, round, verdict.atLast);
    case "unheard":
      return unheard(context, round);
    default:
      return verdict satisfies never;
  }
}

function insist(
  { now }: Context,
  round: Round,
  { until, why }: { readonly until: number; readonly why: string },
): Step {
  return {
    kind: "wait",
    step: "insisting",
    memo: { phase: "insisting", round },
    action: { kind: "timer" },
    deadlineInMs: Math.min(INSIST_EVERY_MS, until - now),
    note: `${why}; asks again`,
  };
}

/** A hypervisor's own words, where it gives them, are a reason to wait a little for another's; never to decide. */
function wentElsewhere(context: Context): boolean {
  const hostId = recordedHost(context);
  const detail = hostId === undefined ? undefined : context.lastSaid.get(hostId)?.detail;
  return detail !== undefined && /\bmigrated\b/.test(detail);
}

function found(
  context: Context,
  round: Round,
  verdict: Extract<Verdict, { kind: "has_it" }>,
): Step {
  const hosts = having(round);
  const recorded = recordedHost(context);
  const hostId =
    verdict.where === "here" ? recorded : hosts.find((candidate) => candidate !== recorded);
  if (hostId === undefined) throw new Error("found on, and nowhere");
  const { state, incident } = verdict;
  const heardAll = allHeard(round);
  const memo = { phase: "holding", hostId, state, incident, heardAll } as const;
  if (context.vm.hostId === hostId) return { ...hasIt(context, memo), ...notSoon(round) };
  const address = addressOf(context, hostId);
  if (address.kind === "need") return address.outcome;
  if (address.kind !== "address") return hasIt(context, memo);
  return {
    kind: "wait",
    step: "holding",
    memo,
    action: { kind: "reserve", address: address.address, attempt: 1, found: true },
    deadlineInMs: HOLD_MS,
    percent: 80,
    note: `was found at ${hostId}; holds room there`,
  };
}

/** Whether its host has said another thing since it was found there. */
function isTakenBack({ lastSaid }: Context, { hostId, state }: Holding): boolean {
  const said = lastSaid.get(hostId)?.power;
  return said !== undefined && said !== (state === "Running" ? "on" : "paused");
}

function hasIt(context: Context, { hostId, state, incident, heardAll }: Holding): Step {
  const left = context.vm.hostId;
  const was = `${context.vm.state}${left === undefined ? "" : ` at ${left}`}`;
  const detail = `the VM was recorded ${was} and was found ${state} at ${hostId}`;
  return {
    kind: "succeed",
    result: { state, hostId },
    vm: { state, hostId },
    cause: "power",
    ...(incident === undefined ? {} : { open: { kind: incident, hostId, detail } }),
    ...(heardAll ? { resolve: SETTLED } : {}),
    note: detail,
  };
}

/** Over once all that may have the VM have said whether they do. */
const SETTLED: readonly IncidentKind[] = ["split_brain", "zombie", "unconfirmed_stop"];

function stopped(context: Context, round: Round, kind: "lost" | "off"): Step {
  const hostId = recordedHost(context);
  const said = round.answers.find((answer) => answer.hostId === hostId)?.said ?? "off";
  const detail = `the VM was recorded ${pastOf(context)} at ${hostId ?? "no host"} and was found ${said}`;
  const restarts = kind === "lost" && wantsRestart(context, hostId, said);
  return {
    kind: "succeed",
    result: { state: "Stopped" },
    ...off(context, round, "Stopped"),
    ...(restarts ? { systemJob: { type: HA_RESTART, input: {} } } : {}),
    ...(kind === "off"
      ? {}
      : {
          open: {
            kind: "out_of_band_power_off",
            ...(hostId === undefined ? {} : { hostId }),
            detail,
          },
        }),
    note: detail,
  };
}

function stays(context: Context, round: Round): Step {
  const state = pastOf(context);
  return {
    kind: "succeed",
    result: { state },
    ...off(context, round, state),
    note: `is ${state}, as recorded`,
  };
}

/** It is off, and holds no room any more where that was said. */
function off(context: Context, round: Round, state: VmState) {
  const { hostId } = context.vm;
  const leaves = hostId !== undefined && hasNot(round, hostId);
  return {
    vm: { state, ...(leaves ? { hostId: null } : {}) },
    cause: "power" as const,
    ...(allHeard(round) ? { resolve: SETTLED } : {}),
    ...notSoon(round),
    forget: round.answers.filter(isNoHost(context)).map((answer) => answer.hostId),
  };
}

function isNoHost({ facts }: Context): (answer: Answer) => boolean {
  return ({ hostId }) => facts.hosts.get(hostId) === null;
}

/** Nothing flips, and nothing is started, until one of them is gone. */
function splitBrain(_: Context, round: Round): Step {
  const [hostId, ...others] = having(round);
  const detail = `${[hostId, ...others].join(" and ")} each say that they have the VM`;
  return {
    ...fail("vm_unsettled", detail),
    open: { kind: "split_brain", ...(hostId === undefined ? {} : { hostId }), detail },
  };
}

/** Whoever is Down is heard before it is worth another question. */
function notSoon(round: Round): { readonly lookAgainInMs?: number } {
  const unsure = unsureOf(round);
  const isAway = unsure.length > 0 && unsure.every(({ vouched }) => vouched === true);
  return isAway ? { lookAgainInMs: AWAY_MS } : {};
}

function unheard(context: Context, round: Round): Step {
  const unsure = unsureOf(round);
  const names = unsure.map(({ hostId }) => hostId).join(", ");
  return {
    ...fail("host_unreachable", `${names} did not say what is true`),
    ...notSoon(round),
    ...(context.vm.state === "Unknown"
      ? {}
      : { vm: { state: "Unknown" as const }, cause: "power" as const }),
  };
}

function powerOff(context: Context, round: Round): Step {
  const [hostId] = having(round);
  if (hostId === undefined) throw new Error("a zombie that nobody has");
  const detail = `the VM is ${context.vm.state} and on at ${hostId}`;
  const open = { kind: "zombie", hostId, detail } as const;
  if (round.powerOffs >= POWER_OFFS_MAX)
    return { ...fail("host_refused", `${hostId} does not power it off`), open };
  const address = addressOf(context, hostId);
  if (address.kind === "need") return address.outcome;
  if (address.kind !== "address")
    return { ...fail("host_unreachable", `${hostId} has no session`), open };
  const timeoutSeconds = context.settings.commandTimeoutSeconds.stop;
  return {
    kind: "wait",
    step: "powering-off",
    memo: { phase: "powering_off", powerOffs: round.powerOffs + 1 },
    action: {
      kind: "command",
      address: address.address,
      call: { verb: "poweroff", args: {} },
      timeoutSeconds,
    },
    deadlineInMs: timeoutSeconds * 1000 + RESULT_SLACK_MS,
    open,
    note: `${detail}; its power is taken`,
  };
}
