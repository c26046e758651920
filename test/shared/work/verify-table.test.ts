import { describe, expect, it } from "vitest";
import type { ApartmentRecord } from "../../../shared/model/apartment-record.ts";
import type { VmState } from "../../../shared/model/vm.ts";
import type { Here, There } from "../../../shared/work/verify-rules.ts";
import { aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";
import { VerifyRun } from "../../support/verify-run.ts";

/**
 * What a VM is after it was verified: its state, at its recorded host (`A`), at the other (`B`) or at none, with the
 * incident that is open then. `killed`: its power was taken, and it stays what it was.
 */
type After =
  | "killed"
  | `${VmState}`
  | `${VmState} ${"A" | "B"}`
  | `${VmState}${"" | " A" | " B"} !${"power_on" | "power_off" | "migration" | "split_brain"}`;

/** By what the recorded host answers: one line a row of `There`. */
type Row = Readonly<Record<Here, After>>;
type Table = Readonly<Record<Exclude<There, "several">, Row>>;

const row = (
  on: After,
  paused: After,
  off: After,
  crashed: After,
  missing: After,
  unknown: After,
  silent: After,
  nowhere: After,
): Row => ({ on, paused, off, crashed, missing, unknown, silent, nowhere });

const U = "Unknown A";
const split = (state: VmState): After => `${state} A !split_brain`;

/** On before: off is out of band, and elsewhere is a migration. */
const wasOn = (state: "Running" | "Suspended"): Table => {
  const lost = "Stopped !power_off";
  const [moved, movedPaused] = ["Running B !migration", "Suspended B !migration"] as const;
  const both = split(state);
  // biome-ignore format: a table
  return {
    //           on           paused         off          crashed      missing      unknown  silent  nowhere
    nothing: row("Running A", "Suspended A", lost,        lost,        lost,        U,       U,      lost),
    on:      row(both,        both,          moved,       moved,       moved,       U,       U,      moved),
    paused:  row(both,        both,          movedPaused, movedPaused, movedPaused, U,       U,      movedPaused),
    unknown: row("Running A", "Suspended A", U,           U,           U,           U,       U,      "Unknown"),
    silent:  row("Running A", "Suspended A", U,           U,           U,           U,       U,      "Unknown"),
  };
};

/** Off before: on is out of band, wherever it is. */
const wasOff = (state: "Stopped" | "Error"): Table => {
  const both = split(state);
  const [here, herePaused] = ["Running A !power_on", "Suspended A !power_on"] as const;
  const [there, therePaused] = ["Running B !power_on", "Suspended B !power_on"] as const;
  // biome-ignore format: a table
  return {
    nothing: row(here, herePaused, state,       state,       state,       U, U, state),
    on:      row(both, both,       there,       there,       there,       U, U, there),
    paused:  row(both, both,       therePaused, therePaused, therePaused, U, U, therePaused),
    unknown: row(here, herePaused, U,           U,           U,           U, U, "Unknown"),
    silent:  row(here, herePaused, U,           U,           U,           U, U, "Unknown"),
  };
};

/** In the middle of what a job did that is gone: nothing is out of band but, where it was on all along, that it is off. */
const midway = (off: After): Table => {
  const both = split("Unknown");
  // biome-ignore format: a table
  return {
    nothing: row("Running A", "Suspended A", off,           off,           off,           U, U, off),
    on:      row(both,        both,          "Running B",   "Running B",   "Running B",   U, U, "Running B"),
    paused:  row(both,        both,          "Suspended B", "Suspended B", "Suspended B", U, U, "Suspended B"),
    unknown: row("Running A", "Suspended A", U,             U,             U,             U, U, "Unknown"),
    silent:  row("Running A", "Suspended A", U,             U,             U,             U, U, "Unknown"),
  };
};

/** Wanted by nobody: whoever has it loses it. Room is kept where nobody says that it is off. */
const gone = (state: VmState): Table => {
  const kill = "killed";
  const there: After = `${state} A`;
  // biome-ignore format: a table
  return {
    nothing: row(kill, kill, state, state, state, there, there, state),
    on:      row(kill, kill, kill,  kill,  kill,  kill,  kill,  kill),
    paused:  row(kill, kill, kill,  kill,  kill,  kill,  kill,  kill),
    unknown: row(kill, kill, state, state, state, there, there, state),
    silent:  row(kill, kill, state, state, state, there, there, state),
  };
};

/** VM state × what the others answer × what the recorded host answers. Total: a state without its table does not compile. */
const TABLE: Readonly<Record<VmState, Table>> = {
  Running: wasOn("Running"),
  Suspended: wasOn("Suspended"),
  Stopped: wasOff("Stopped"),
  Error: wasOff("Error"),
  Starting: midway("Stopped"),
  Stopping: midway("Stopped"),
  Migrating: midway("Stopped !power_off"),
  Unknown: midway("Stopped"),
  Destroyed: gone("Destroyed"),
  Expunging: gone("Expunging"),
};

const POWERED = { on: "on", paused: "paused", unknown: "unknown", silent: "on" } as const;

function recordOf(state: VmState, there: keyof Table, here: Here): ApartmentRecord {
  const claim =
    there === "nothing"
      ? {}
      : { [otherHostId]: { bootOrdinal: 1, seq: 1, power: POWERED[there], receivedAt: 0 } };
  return aRecord({
    vm: { state, ...(here === "nowhere" ? {} : { hostId }) },
    observations: claim,
    systemJob: { type: "vm.verify", input: { reason: "the table" } },
    wakeAt: T0,
  });
}

function verified(state: VmState, there: keyof Table, here: Here): VerifyRun {
  const run = new VerifyRun(recordOf(state, there, here), [
    ...(here === "nowhere" ? [] : [[hostId, here] as const]),
    ...(there === "nothing" ? [] : [[otherHostId, there] as const]),
  ]);
  return run.wake().toTheEnd();
}

const rows = Object.entries(TABLE).flatMap(([state, table]) =>
  Object.entries(table).flatMap(([there, answers]) =>
    Object.entries(answers).map(([here, after]) => ({ state, here, there, after }) as Case),
  ),
);
type Case = { state: VmState; here: Here; there: keyof Table; after: After };

function afterOf({ record, open }: VerifyRun): string {
  const { state, hostId: at } = record.vm;
  const where = at === undefined ? "" : at === hostId ? " A" : " B";
  const incident = open.map((kind) => ` !${kind.replace("out_of_band_", "")}`).join("");
  return `${state}${where}${incident}`;
}

describe("vm.verify, by the VM's state and what the probes answered", () => {
  it.each(rows)("$state, its host: $here, another: $there → $after", (given) => {
    const { state, here, there, after } = given;
    const run = verified(state, there, here);
    if (after !== "killed") {
      expect(afterOf(run)).toBe(after);
      expect(run.all("command").every(({ call }) => call.verb === "probe")).toBe(true);
      return;
    }
    expect(run.record.vm.state).toBe(state);
    const killed = run.all("command").filter(({ call }) => call.verb === "poweroff");
    const had = [
      ...(here === "on" || here === "paused" ? [hostId] : []),
      ...(there === "on" || there === "paused" ? [otherHostId] : []),
    ];
    expect(killed.map((command) => command.hostId)).toEqual(had);
    expect(run.all("open-incident").map(({ incident }) => incident.kind)).toEqual(["zombie"]);
    const allSaid = ![here, there].some((said) => said === "silent" || said === "unknown");
    expect(run.open).toEqual(allSaid ? [] : ["zombie"]);
  });

  it.each(rows)("$state, its host: $here, another: $there: room is where the VM is", (given) => {
    const { here, state, there } = given;
    const run = verified(state, there, here);
    const left = here === "nowhere" ? undefined : hostId;
    const at = run.record.vm.hostId;
    const released = new Set(run.all("release").map((effect) => effect.hostId));
    // Where a host said that it has a VM of which nobody knew where it is, its room may have been kept.
    const wasKept = state === "Unknown" && run.record.vm.state !== "Unknown" && there !== "nothing";
    const mayHaveHad = [left, ...(wasKept ? [otherHostId] : [])];
    expect(released).toEqual(
      new Set(mayHaveHad.filter((host) => host !== undefined && host !== at)),
    );
    const held = run.all("reserve").map((effect) => [effect.hostId, effect.found]);
    expect(held).toEqual(at === undefined || at === left ? [] : [[at, true]]);
  });
});
