import { describe, expect, it } from "vitest";
import type { VmSubject } from "../../../shared/model/apartment-record.ts";
import type { JobErrorCode } from "../../../shared/model/job.ts";
import type { VmVerb } from "../../../shared/model/verbs.ts";
import type { VmState } from "../../../shared/model/vm.ts";
import { registry } from "../../../shared/work/registry.ts";
import { aHostFact, aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

/** Every verb, and the manners that it has beside its plain one. */
type Operation = VmVerb | "stop forced" | "reboot forced" | "destroy forced" | "destroy expunge";

/** What a job does first: sends a command, asks for room, or ends; `= State` is a success in one turn. */
type First =
  | "reserves"
  | "probes"
  | "conflict"
  | `sends ${"shutdown" | "poweroff" | "reboot" | "reset" | "suspend" | "resume"}`
  | `sends ${"snapshot" | "revert" | "delete-snapshot" | "attach" | "detach"}`
  | `= ${VmState}`;
type Row = Readonly<Record<Operation, First>>;

const DISK = { kind: "disk", source: "/images/data.img" };
const HAS = { kind: "network", bridge: "br0" };
const INPUT: Readonly<Record<Operation, object>> = {
  start: {},
  stop: {},
  "stop forced": { forced: true },
  reboot: {},
  "reboot forced": { forced: true },
  suspend: {},
  resume: {},
  migrate: {},
  destroy: {},
  "destroy forced": { forced: true },
  "destroy expunge": { expunge: true },
  recover: {},
  expunge: {},
  scale: { cpus: 2 },
  snapshot: { name: "before" },
  revert: { snapshot: "base" },
  "delete-snapshot": { snapshot: "base" },
  attach: { device: DISK },
  detach: { device: HAS },
};

const ALL_CONFLICT: Row = {
  start: "conflict",
  stop: "conflict",
  "stop forced": "conflict",
  reboot: "conflict",
  "reboot forced": "conflict",
  suspend: "conflict",
  resume: "conflict",
  migrate: "conflict",
  destroy: "conflict",
  "destroy forced": "conflict",
  "destroy expunge": "conflict",
  recover: "conflict",
  expunge: "conflict",
  scale: "conflict",
  snapshot: "conflict",
  revert: "conflict",
  "delete-snapshot": "conflict",
  attach: "conflict",
  detach: "conflict",
};
const IN_DOUBT: Row = {
  start: "probes",
  stop: "probes",
  "stop forced": "probes",
  reboot: "probes",
  "reboot forced": "probes",
  suspend: "probes",
  resume: "probes",
  migrate: "probes",
  destroy: "probes",
  "destroy forced": "probes",
  "destroy expunge": "probes",
  recover: "conflict",
  expunge: "conflict",
  scale: "probes",
  snapshot: "probes",
  revert: "probes",
  "delete-snapshot": "probes",
  attach: "probes",
  detach: "probes",
};

/** Total: a state without its row, or a row without an operation, does not compile. */
const TABLE: Readonly<Record<VmState, Row>> = {
  Stopped: {
    ...ALL_CONFLICT,
    start: "reserves",
    stop: "= Stopped",
    "stop forced": "= Stopped",
    destroy: "= Destroyed",
    "destroy forced": "= Destroyed",
    "destroy expunge": "probes",
    scale: "= Stopped",
    snapshot: "sends snapshot",
    revert: "reserves",
    "delete-snapshot": "sends delete-snapshot",
    attach: "= Stopped",
    detach: "= Stopped",
  },
  Running: {
    ...ALL_CONFLICT,
    start: "= Running",
    stop: "sends shutdown",
    "stop forced": "sends poweroff",
    reboot: "sends reboot",
    "reboot forced": "sends reset",
    suspend: "sends suspend",
    resume: "= Running",
    migrate: "reserves",
    destroy: "sends shutdown",
    "destroy forced": "sends poweroff",
    "destroy expunge": "sends shutdown",
    snapshot: "sends snapshot",
    revert: "sends revert",
    "delete-snapshot": "sends delete-snapshot",
    attach: "sends attach",
    detach: "sends detach",
  },
  Suspended: {
    ...ALL_CONFLICT,
    stop: "sends resume",
    "stop forced": "sends poweroff",
    suspend: "= Suspended",
    resume: "sends resume",
    destroy: "sends resume",
    "destroy forced": "sends poweroff",
    "destroy expunge": "sends resume",
    snapshot: "sends snapshot",
    revert: "sends revert",
    "delete-snapshot": "sends delete-snapshot",
  },
  Destroyed: {
    ...ALL_CONFLICT,
    destroy: "= Destroyed",
    "destroy forced": "= Destroyed",
    "destroy expunge": "probes",
    recover: "= Stopped",
    expunge: "probes",
  },
  Expunging: { ...ALL_CONFLICT, expunge: "probes" },
  Error: {
    ...ALL_CONFLICT,
    start: "reserves",
    stop: "= Error",
    "stop forced": "= Error",
    destroy: "= Destroyed",
    "destroy forced": "= Destroyed",
    "destroy expunge": "probes",
    expunge: "probes",
  },
  Unknown: IN_DOUBT,
  Starting: IN_DOUBT,
  Stopping: IN_DOUBT,
  Migrating: IN_DOUBT,
};

const ON: ReadonlySet<VmState> = new Set<VmState>([
  ...(["Running", "Suspended", "Unknown", "Starting", "Stopping", "Migrating"] as const),
]);
const TWO = {
  hosts: [
    aHostFact(),
    aHostFact({ hostId: otherHostId, migrationUri: "qemu+tls://host-b/system" }),
  ],
};

/** A VM with a snapshot and an interface, which was on at the first host last. */
function begin(state: VmState, operation: Operation): OneJob {
  const vm: Partial<VmSubject> = {
    state,
    spec: { cpus: 1, memoryMiB: 64, networks: [{ bridge: "br0" }] },
    snapshots: [{ name: "base", hostId, takenAt: T0 }],
    ...(ON.has(state) ? { hostId } : { lastHostId: hostId }),
  };
  const [verb = ""] = operation.split(" ");
  const job = { type: `vm.${verb}`, input: INPUT[operation] };
  return new OneJob(aRecord({ epoch: 5, vm }), job, TWO);
}

function firstOf(run: OneJob): First | string {
  const { ended } = run;
  if (ended?.error?.code === "vm_state_conflict") return "conflict";
  if (ended?.status === "succeeded") return `= ${run.record.vm.state}`;
  if (ended?.error !== undefined) return ended.error.code;
  if (run.effects("reserve").length > 0) return "reserves";
  const { verb } = run.command.call;
  return verb === "probe" ? "probes" : `sends ${verb}`;
}

const operations = Object.keys(INPUT) as Operation[];
const states = Object.keys(TABLE) as VmState[];

describe("a verb, by the VM's state when its job begins", () => {
  it.each(states.flatMap((state) => operations.map((operation) => ({ state, operation }))))(
    "$state, $operation",
    ({ state, operation }) => {
      const run = begin(state, operation);
      expect(firstOf(run)).toBe(TABLE[state][operation]);
      // No job leaves a state that only a job is in.
      const left =
        ON.has(state) && state !== "Running" && state !== "Suspended" ? "Unknown" : state;
      if (TABLE[state][operation] === "conflict") expect(run.record.vm.state).toBe(left);
    },
  );

  const found = { on: "Running", paused: "Suspended", off: "Stopped" } as const;
  const powers = ["on", "paused", "off"] as const;
  it.each(powers.flatMap((power) => operations.map((operation) => ({ power, operation }))))(
    "$operation of a VM in doubt that is found $power goes by that, and the record says so",
    ({ power, operation }) => {
      if (TABLE.Unknown[operation] === "conflict") return;
      const run = begin("Unknown", operation).answered({ status: "done", power });
      const state = found[power];
      expect(firstOf(run)).toBe(TABLE[state][operation]);
      if (TABLE[state][operation] === "conflict") {
        expect(run.record.vm.state).toBe(state);
        expect(run.record.vm.hostId).toBe(power === "off" ? undefined : hostId);
      }
    },
  );

  it("has a work type for each verb of the API, and no other verb", () => {
    const verbs = [...registry.values()].filter(
      ({ origin, subject }) => origin === "verb" && subject === "vm",
    );
    expect(new Set(verbs.map(({ name }) => name))).toEqual(
      new Set(operations.map((operation) => `vm.${operation.split(" ")[0]}`)),
    );
  });
});

/** How the operation's own command goes. Probes are answered truthfully, room is held. */
type How =
  | "done"
  /** Its agent says so each time, and that the power is what it was. */
  | "done, not so"
  /** Its agent is heard once the command's time is over and it is asked what is true. */
  | "late, done"
  /** The hypervisor says no. */
  | "refused"
  /** Its agent restarted under it once; then it is done. */
  | "stale once"
  /** Each time. */
  | "stale"
  | "timeout"
  /** Nobody knows how it ended, and it did not come about; each time. */
  | "doubt"
  /** Nobody knows how it ended, and it came about. */
  | "doubt, done"
  /** Nothing is heard of any host any more. */
  | "silent"
  /** Called off while the command is out, of which nobody knows how it ended: it did not come about. */
  | "cancelled"
  /** Called off while the command is out, which is done all the same. */
  | "cancelled, done";
type Code = "ok" | JobErrorCode;
/** The job's end, and what is true then. */
type Ending = `${Code} ${VmState | "gone"}`;
type Endings = Readonly<Record<How, Ending>>;

/** What only the power shows is so however that was heard, and is tried three times where it was lost. */
const POWER_VERB = {
  "done, not so": "timed_out",
  refused: "host_refused",
  stale: "timed_out",
  timeout: "timed_out",
  doubt: "timed_out",
  silent: "timed_out",
  cancelled: "cancelled",
} as const;

function allIn(state: VmState, done: VmState): Endings {
  return {
    done: `ok ${done}`,
    "done, not so": `${POWER_VERB["done, not so"]} ${state}`,
    refused: `${POWER_VERB.refused} ${state}`,
    "late, done": `ok ${done}`,
    "stale once": `ok ${done}`,
    stale: `${POWER_VERB.stale} ${state}`,
    timeout: `${POWER_VERB.timeout} ${state}`,
    doubt: `${POWER_VERB.doubt} ${state}`,
    "doubt, done": `ok ${done}`,
    silent: `${POWER_VERB.silent} Unknown`,
    cancelled: `${POWER_VERB.cancelled} ${state}`,
    "cancelled, done": `ok ${done}`,
  };
}

/** What no power shows came about when the agent says so, which it does after looking. */
function toldIn(state: VmState): Endings {
  return { ...allIn(state, state), "done, not so": `ok ${state}` };
}

const EXPUNGED: Endings = {
  ...allIn("Expunging", "Expunging"),
  done: "ok gone",
  "done, not so": "ok gone",
  "late, done": "ok gone",
  "stale once": "ok gone",
  "doubt, done": "ok gone",
  silent: "timed_out Expunging",
  "cancelled, done": "ok gone",
};

/** Total: an operation without its row does not compile. `one turn`: nothing is sent anywhere. */
const ENDINGS: Readonly<
  Record<Operation, "one turn" | { readonly from: VmState; readonly ends: Endings }>
> = {
  start: {
    from: "Stopped",
    ends: {
      ...allIn("Stopped", "Running"),
      // Each of these speaks against its host: the other is tried, and is no better.
      "done, not so": "host_refused Stopped",
      stale: "host_refused Stopped",
      timeout: "host_refused Stopped",
      doubt: "host_refused Stopped",
    },
  },
  stop: { from: "Running", ends: { ...allIn("Running", "Stopped") } },
  "stop forced": {
    from: "Running",
    ends: { ...allIn("Running", "Stopped"), silent: "unconfirmed_stop Unknown" },
  },
  // Nobody can see whether a guest went through it: not sent twice, unless it was never begun.
  reboot: {
    from: "Running",
    ends: { ...toldIn("Running"), "doubt, done": "timed_out Running" },
  },
  "reboot forced": {
    from: "Running",
    ends: { ...toldIn("Running"), "doubt, done": "timed_out Running" },
  },
  suspend: { from: "Running", ends: allIn("Running", "Suspended") },
  resume: { from: "Suspended", ends: allIn("Suspended", "Running") },
  migrate: {
    from: "Running",
    // Room is held anew for each try.
    ends: { ...allIn("Running", "Running"), stale: "host_refused Running" },
  },
  destroy: {
    from: "Running",
    // A guest that does not obey has its power taken, and that goes the same way here.
    ends: allIn("Running", "Destroyed"),
  },
  "destroy forced": {
    from: "Running",
    ends: { ...allIn("Running", "Destroyed"), silent: "unconfirmed_stop Unknown" },
  },
  "destroy expunge": {
    from: "Destroyed",
    ends: EXPUNGED,
  },
  recover: "one turn",
  expunge: {
    from: "Destroyed",
    ends: EXPUNGED,
  },
  scale: "one turn",
  // Sent again it is done at once, where it came about unheard.
  snapshot: { from: "Running", ends: toldIn("Running") },
  revert: { from: "Running", ends: toldIn("Running") },
  "delete-snapshot": { from: "Running", ends: toldIn("Running") },
  attach: { from: "Running", ends: toldIn("Running") },
  detach: { from: "Running", ends: toldIn("Running") },
};

type Power = "on" | "paused" | "off";
const POWER: Partial<Record<VmState, Power>> = { Running: "on", Suspended: "paused" };

/** What is true at both hosts before the operation's command, and once it came about. */
function truths(operation: Operation, from: VmState): { before: Truth; after: Truth } {
  const before: Truth = { [hostId]: POWER[from] ?? "off", [otherHostId]: "off" };
  const on = new Set<Operation>(["start", "resume", "reboot", "reboot forced"]);
  const off = new Set<Operation>(["stop", "stop forced", "destroy", "destroy forced"]);
  if (operation === "migrate") return { before, after: { [hostId]: "off", [otherHostId]: "on" } };
  if (operation === "suspend") return { before, after: { ...before, [hostId]: "paused" } };
  if (on.has(operation)) return { before, after: { ...before, [hostId]: "on" } };
  return { before, after: off.has(operation) ? { ...before, [hostId]: "off" } : before };
}
type Truth = Readonly<Record<string, Power>>;

/** Longer than any job goes on here. */
const STEPS_MAX = 500;

function drive(run: OneJob, { before, after }: { before: Truth; after: Truth }, how: How): void {
  let truth = before;
  let sent = 0;
  for (let step = 0; step < STEPS_MAX && run.record.active !== undefined; step += 1) {
    const { kind } = run.record.active.waitFor;
    if (kind === "reserved") run.reserved("held");
    else if (kind === "timer" || (how === "silent" && sent > 0)) run.silence();
    else {
      const { command } = run;
      const result = (parts: Parameters<OneJob["answered"]>[0]) =>
        run.hear(run.resultOf(command, parts));
      if (command.call.verb === "probe") result({ status: "done", power: truth[command.hostId] });
      else {
        sent += 1;
        truth = goes(how, sent) ? after : truth;
        if (how.startsWith("cancelled")) run.hear({ kind: "cancel", jobId: command.jobId });
        if (how === "late, done") run.silence();
        const asked = how === "late, done" ? run.command : undefined;
        if (how !== "silent")
          result({ ...answerTo(how, sent), ...powerTold(how, sent, truth[command.hostId]) });
        const { waitFor } = run.record.active ?? {};
        if (asked && waitFor?.kind === "result" && waitFor.commandId === asked.commandId)
          run.hear(run.resultOf(asked, { status: "done", power: truth[asked.hostId] }));
      }
      run.now += 1_000;
    }
  }
}

/** Whether the command that is sent for the n-th time comes about. */
function goes(how: How, n: number): boolean {
  return how.endsWith("done") || (how === "stale once" && n > 1);
}

function answerTo(how: How, n: number): Parameters<OneJob["answered"]>[0] {
  switch (how) {
    case "done":
    case "done, not so":
    case "late, done":
    case "cancelled, done":
      return { status: "done" };
    case "refused":
      return { status: "failed", code: "libvirt_38", detail: "no" };
    case "stale once":
      return { status: n === 1 ? "stale" : "done" };
    case "stale":
      return { status: "stale" };
    case "timeout":
      return { status: "failed", code: "timeout" };
    case "doubt, done":
      return n === 1 ? { status: "failed", code: "outcome_unknown" } : { status: "done" };
    case "doubt":
    case "cancelled":
    case "silent":
      return { status: "failed", code: "outcome_unknown" };
    default:
      return how satisfies never;
  }
}

/** An agent that knows how it ended has looked. */
function powerTold(how: How, n: number, power: Power | undefined) {
  const { status, code } = answerTo(how, n);
  const looked = status === "done" || (code !== undefined && code !== "outcome_unknown");
  return looked && power !== undefined ? { power } : {};
}

function endingOf({ ended, record }: OneJob): string {
  const code = ended?.status === "succeeded" ? "ok" : (ended?.error?.code ?? "does not end");
  return `${code} ${record.gone === undefined ? record.vm.state : "gone"}`;
}

const cases = operations.flatMap((operation) => {
  const row = ENDINGS[operation];
  if (row === "one turn") return [];
  return Object.entries(row.ends).map(([how, ending]) => ({
    operation,
    how: how as How,
    ending,
    from: row.from,
  }));
});

describe("an operation, by how its command goes", () => {
  it.each(cases)("$operation, $how: $ending", ({ operation, how, ending, from }) => {
    const run = begin(from, operation);
    drive(run, truths(operation, from), how);
    expect(endingOf(run)).toBe(ending);
    // A6: nothing is left in doubt but what nobody can be asked about.
    if (how !== "silent") expect(run.record.unsettled).toEqual([]);
    else if (operation !== "expunge") expect(run.record.unsettled).not.toEqual([]);
    // Nothing is left to do but to ask again what nobody could say (A8).
    const { wakeAt, recheck, vm } = run.record;
    expect(wakeAt).toBe(recheck?.at);
    expect(recheck !== undefined).toBe(vm.state === "Unknown");
  });

  it("in one turn, where nothing is sent anywhere", () => {
    for (const operation of operations.filter((each) => ENDINGS[each] === "one turn"))
      for (const state of states) expect(begin(state, operation).effects("reserve")).toEqual([]);
  });
});
