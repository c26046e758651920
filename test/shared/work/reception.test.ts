import { describe, expect, it } from "vitest";
import type { JobErrorCode } from "../../../shared/model/job.ts";
import type { VmState } from "../../../shared/model/vm.ts";
import { aRecord, hostId } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

/** What a job does first, by the VM's state when it begins (contract, the verb table). */
type First =
  | { readonly ends: "succeeded"; readonly state: VmState }
  | { readonly ends: "failed"; readonly code: JobErrorCode; readonly state: VmState }
  | { readonly does: "reserves"; readonly state: VmState }
  | { readonly does: "shutdown" | "poweroff" | "probe"; readonly state: VmState };

type Row = {
  readonly "vm.start": First;
  readonly "vm.stop": First;
  readonly "vm.stop forced": First;
};

const conflict = (state: VmState): First => ({ ends: "failed", code: "vm_state_conflict", state });
const probes = (state: VmState): Row => ({
  "vm.start": { does: "probe", state },
  "vm.stop": { does: "probe", state },
  "vm.stop forced": { does: "probe", state },
});
const refused = (state: VmState): Row => ({
  "vm.start": conflict(state),
  "vm.stop": conflict(state),
  "vm.stop forced": conflict(state),
});

/** Total: a state without its row does not compile. */
const TABLE: Readonly<Record<VmState, Row>> = {
  Stopped: {
    "vm.start": { does: "reserves", state: "Starting" },
    "vm.stop": { ends: "succeeded", state: "Stopped" },
    "vm.stop forced": { ends: "succeeded", state: "Stopped" },
  },
  Running: {
    "vm.start": { ends: "succeeded", state: "Running" },
    "vm.stop": { does: "shutdown", state: "Stopping" },
    "vm.stop forced": { does: "poweroff", state: "Stopping" },
  },
  Suspended: {
    "vm.start": conflict("Suspended"),
    "vm.stop": { does: "shutdown", state: "Stopping" },
    "vm.stop forced": { does: "poweroff", state: "Stopping" },
  },
  Destroyed: refused("Destroyed"),
  Expunging: refused("Expunging"),
  Error: {
    "vm.start": { does: "reserves", state: "Starting" },
    "vm.stop": { ends: "succeeded", state: "Error" },
    "vm.stop forced": { ends: "succeeded", state: "Error" },
  },
  Unknown: probes("Unknown"),
  Starting: probes("Starting"),
  Stopping: probes("Stopping"),
  Migrating: probes("Migrating"),
};

const AT_A_HOST: ReadonlySet<VmState> = new Set([
  "Running",
  "Suspended",
  "Unknown",
  "Starting",
  "Stopping",
  "Migrating",
]);

const rows = Object.entries(TABLE).flatMap(([state, row]) =>
  Object.entries(row).map(([verb, first]) => ({ state: state as VmState, verb, first })),
);

describe("a verb, by the VM's state when its job begins", () => {
  it.each(rows)("$state, $verb: $first", ({ state, verb, first }) => {
    const vm = AT_A_HOST.has(state) ? { state, hostId } : { state };
    const [type = "", forced] = verb.split(" ");
    const run = new OneJob(aRecord({ vm }), {
      type,
      input: forced === undefined ? {} : { forced: true },
    });
    expect(run.record.vm.state).toBe(first.state);
    if ("ends" in first) {
      expect(run.ended?.status).toBe(first.ends);
      expect(run.ended?.error?.code).toBe("code" in first ? first.code : undefined);
      expect(run.record.active).toBeUndefined();
    } else if (first.does === "reserves") {
      expect(run.effects("reserve")).toHaveLength(1);
    } else {
      expect(run.command.call.verb).toBe(first.does);
    }
  });
});
