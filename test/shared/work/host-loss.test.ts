import { describe, expect, it } from "vitest";
import { aHostFact, aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

const two = {
  hosts: [
    aHostFact(),
    aHostFact({ hostId: otherHostId, migrationUri: "qemu+tls://host-b/system" }),
  ],
};
const running = () => aRecord({ epoch: 5, vm: { state: "Running", hostId } });

describe("a host that is lost in the middle of a forced stop", () => {
  const stopped = () => new OneJob(running(), { type: "vm.stop", input: { forced: true } }, two);

  it("A6 blocks a start elsewhere, and a migration, until it is heard again", () => {
    const run = stopped();
    const { command } = run;
    run.silenceToTheEnd();
    expect(run.record.openIncidents.map(({ kind }) => kind)).toContain("unconfirmed_stop");
    for (const [n, type] of (["vm.start", "vm.migrate"] as const).entries()) {
      run.submitAnother(n + 2, { type, input: { hostId: otherHostId } });
      expect(run.ended?.error?.code).toBe("vm_unsettled");
      expect(run.effects("reserve")).toEqual([]);
    }
    // It is back, and repeats what nobody had accepted.
    run.hear(run.resultOf(command, { status: "done", power: "off" }));
    expect(run.record.openIncidents.map(({ kind }) => kind)).not.toContain("unconfirmed_stop");
  });
});

describe("a host that was vouched off and has no session", () => {
  it("is neither sent to nor asked for ever by a job that needs it: it is unreachable", () => {
    const said = { bootOrdinal: 2, seq: 0, power: "off", receivedAt: T0, vouched: true } as const;
    const record = aRecord({
      epoch: 5,
      observations: { [hostId]: said },
      vm: { state: "Stopped", lastHostId: hostId },
    });
    const fenced = aHostFact({ state: "Fenced", bootId: undefined });
    const run = new OneJob(
      record,
      { type: "vm.snapshot", input: { name: "before" } },
      { hosts: [fenced] },
    );
    expect(run.ended?.error?.code).toBe("host_unreachable");
    expect(run.record.vm.state).toBe("Stopped");
    expect(run.effects("command")).toEqual([]);
  });
});
