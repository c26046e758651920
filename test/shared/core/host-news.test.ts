import { describe, expect, it } from "vitest";
import type { HostFencedBody, ObservedBody } from "../../../shared/model/apartment-message.ts";
import { UnsettledCommand, type VmSubject } from "../../../shared/model/apartment-record.ts";
import {
  aHostFact,
  aRecord,
  hostId,
  jobIdOf,
  otherHostId,
  settings,
  T0,
} from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";
import { VerifyRun } from "../../support/verify-run.ts";

const said = (power: "on" | "off" | "missing" | "unknown") => ({
  [hostId]: { bootOrdinal: 1, seq: 5, power, receivedAt: T0 },
});
const running = (vm: Partial<VmSubject> = {}) =>
  aRecord({ vm: { state: "Running", hostId, ...vm }, observations: said("on") });
const down = [[hostId, aHostFact({ state: "Down", bootId: undefined })]] as const;
const lost = { kind: "host-lost", hostId, bootOrdinal: 1 } as const;
const aStart = (ha: boolean) =>
  UnsettledCommand.parse({
    ...{ commandId: "x.1.0", hostId, epoch: 1, jobId: jobIdOf(9), verb: "start" },
    ...(ha ? { ha } : {}),
  });

describe("a host that is lost (1)", () => {
  it("leaves its VMs Unknown, their last state kept, until it says what is true", () => {
    const run = new VerifyRun(running(), [], { hosts: down }).hear(lost).toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Unknown", lastState: "Running", hostId });
    expect(run.all("command")).toEqual([]);
    const back = new VerifyRun(run.record, [[hostId, "on"]]);
    back.now = run.now;
    back.observed(hostId, "on").toTheEnd();
    expect(back.record.vm).toMatchObject({ state: "Running", hostId, lastState: undefined });
  });

  it.each(["off", "missing", "unknown"] as const)(
    "says nothing of a VM that it had %s",
    (power) => {
      const record = aRecord({ observations: said(power), vm: { state: "Unknown", hostId } });
      const before = new VerifyRun(record, []).record;
      const run = new VerifyRun(before, []).hear(lost);
      expect(run.record.observations).toEqual(said(power));
    },
  );

  it("A3 is lost once for each silence: told again long after it was heard, it says nothing", () => {
    const silent = { ...lost, lastReportAt: T0 };
    const run = new VerifyRun(running(), [[hostId, "on"]]).hear(silent).toTheEnd();
    const record = { ...run.record, applied: [] }; // much later
    run.record = record;
    expect(run.hear(silent).record).toBe(record);
    run.hear({ ...lost, lastReportAt: T0 + 3_600_000 });
    expect(run.record.observations[hostId]?.power).toBe("unknown");
  });

  it("is not lost any more for a VM of which it has said something in a later boot", () => {
    const observations = {
      [hostId]: { bootOrdinal: 2, seq: 0, power: "on" as const, receivedAt: T0 },
    };
    const record = aRecord({ vm: { state: "Running", hostId }, observations });
    expect(new VerifyRun(record, []).hear(lost).record).toBe(record);
  });
});

describe("a host that is fenced (2)", () => {
  it("has its VMs off, without being asked", () => {
    const run = new VerifyRun(running(), [], { hosts: down }).fenced(hostId).toTheEnd();
    expect(run.record.vm).toMatchObject({
      state: "Stopped",
      hostId: undefined,
      lastHostId: hostId,
    });
    expect(run.all("command")).toEqual([]);
    expect(run.all("release")).toMatchObject([{ hostId }]);
    expect(run.told("vm.power").at(-1)).toMatchObject({ to: "off", detail: "host fenced" });
  });

  it("A6 settles what was sent there, and the stop that nobody confirmed", () => {
    const open = [{ id: "unconfirmed_stop.x", kind: "unconfirmed_stop" }] as never;
    const record = aRecord({
      vm: { state: "Unknown", hostId },
      unsettled: [aStart(false), { ...aStart(false), hostId: otherHostId }],
      openIncidents: open,
    });
    const run = new VerifyRun(record, [[otherHostId, "off"]], { hosts: down }).fenced(hostId);
    expect(run.record.unsettled.map((command) => command.hostId)).toEqual([otherHostId]);
    run.toTheEnd();
    expect(run.record.unsettled).toEqual([]);
    expect(run.open).toEqual([]);
    expect(run.record.vm.state).toBe("Stopped");
  });

  it("has a start that waits for it go on elsewhere at once", () => {
    const hosts = [
      aHostFact(),
      aHostFact({ hostId: otherHostId, free: { cpus: 2, memoryMiB: 100 } }),
    ];
    const run = new OneJob(aRecord(), { type: "vm.start" }, { hosts }).reserved("held");
    run.hear(fence());
    expect(run.effects("reserve")).toMatchObject([{ hostId: otherHostId }]);
    expect(run.record.unsettled).toEqual([]);
    run.reserved("held").answered({ status: "done", power: "on" });
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
  });

  it("has a stop that waits for it end in a VM that is off", () => {
    const run = new OneJob(running(), { type: "vm.stop", input: { forced: true } });
    run.hear(fence());
    expect(run.ended?.status).toBe("succeeded");
    expect(run.record.vm).toMatchObject({ state: "Stopped", hostId: undefined });
  });

  it("has a job that asks it, or is about to ask it again, know that nothing is on there", () => {
    const record = aRecord({ vm: { state: "Unknown", hostId } });
    const asking = new OneJob(record, { type: "vm.stop" });
    expect(asking.command.call.verb).toBe("probe");
    expect(asking.hear(fence()).record.vm.state).toBe("Stopped");
    const resting = new OneJob(record, { type: "vm.stop" }).answered({ status: "stale" });
    expect(resting.record.active?.waitFor.kind).toBe("timer");
    expect(resting.hear(fence()).record.vm.state).toBe("Stopped");
  });

  it("is believed again as soon as it says something after the fence, and no earlier", () => {
    const fenced = new VerifyRun(running(), [], { hosts: down }).fenced(hostId).toTheEnd();
    const run = new VerifyRun(fenced.record, [[hostId, "on"]]);
    run.observed(hostId, "on"); // of the boot before
    expect(run.record).toBe(fenced.record);
    run.hear({
      ...{ kind: "observed", hostId, bootOrdinal: 3, seq: 0, power: "on", receivedAt: T0 },
    });
    run.toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    expect(run.record.observations[hostId]?.vouched).toBeUndefined();
    const { record } = run;
    expect(run.fenced(hostId).record).toBe(record); // told late
  });

  it("A6 says nothing to whoever has a command out to a later boot of it: told late, or twice", () => {
    const hosts = [aHostFact({ bootOrdinal: 3 })];
    const run = new OneJob(aRecord(), { type: "vm.start" }, { hosts }).reserved("held");
    const { record } = run;
    expect(run.hear(fence()).record).toBe(record);
    expect(record.unsettled).toMatchObject([{ hostId, bootOrdinal: 3 }]);
    // The job that sent it may be gone.
    const idle = aRecord({ vm: { state: "Unknown", hostId }, unsettled: record.unsettled });
    expect(new VerifyRun(idle, []).fenced(hostId).record.unsettled).toEqual(record.unsettled);
  });

  it("A6 has nothing sent there that the same turn was about to send", () => {
    const run = new OneJob(aRecord(), { type: "vm.start" });
    const [reserve] = run.effects("reserve");
    if (reserve === undefined) throw new Error("nothing was reserved");
    const { jobId, attempt, boot } = reserve;
    const outcome = { status: "held" as const, ...boot };
    run.hear({ kind: "reserved", jobId, attempt, hostId, outcome }, fence());
    expect(run.effects("command")).toEqual([]);
    expect(run.record.unsettled).toEqual([]);
    expect(run.ended?.status).toBe("failed");
  });

  it("says nothing to a VM that was never there", () => {
    const record = aRecord({ vm: { state: "Running", hostId: otherHostId } });
    const run = new VerifyRun(record, [[otherHostId, "on"]]);
    const before = run.record;
    expect(run.fenced(hostId).record).toBe(before);
  });
});

describe("a lease that was revoked (3)", () => {
  const known = running({ haEnabled: true, haAt: { hostId, bootOrdinal: 1 } });
  const world = { hosts: down, settings: { ...settings, haEnabled: false, selfFence: true } };

  it("has those VMs off that the agent knew to be for HA", () => {
    const run = new VerifyRun(known, [], world).fenced(hostId, "ha").toTheEnd();
    expect(run.record.vm.state).toBe("Stopped");
    expect(run.told("vm.power").at(-1)).toMatchObject({ detail: "lease revoked" });
  });

  it.each<[string, Partial<VmSubject>]>([
    ["is not for HA", { haEnabled: false }],
    ["was made one for HA and nobody told its host", { haEnabled: true }],
    [
      "was told of to another host",
      { haEnabled: true, haAt: { hostId: otherHostId, bootOrdinal: 1 } },
    ],
    ["was told of to an earlier boot", { haEnabled: true, haAt: { hostId, bootOrdinal: 0 } }],
    [
      "may have been told of otherwise since",
      { haEnabled: true, haAt: { hostId, bootOrdinal: 1, doubted: true } },
    ],
  ])("is the loss of its host to a VM that %s", (_, vm) => {
    const run = new VerifyRun(running(vm), [], world);
    expect(run.fenced(hostId, "ha").toTheEnd().record.vm.state).toBe("Unknown");
    expect(run.record.observations[hostId]?.power).toBe("unknown");
  });

  it.each([true, false])("settles a start there that says so itself: %s", (ha) => {
    const record = aRecord({
      vm: { state: "Starting", hostId, haEnabled: true },
      unsettled: [aStart(ha)],
    });
    const run = new VerifyRun(record, [], world).fenced(hostId, "ha");
    expect(run.record.unsettled).toHaveLength(ha ? 0 : 1);
  });
});

describe("what an agent knows of HA", () => {
  const hosts = [aHostFact()];
  const fencing = { hosts, settings: { selfFence: true } };

  it("is what a start told it, once it answered", () => {
    const run = new OneJob(aRecord({ vm: { haEnabled: true } }), { type: "vm.start" }, { hosts });
    run.reserved("held");
    expect(run.record.unsettled).toMatchObject([{ ha: true }]);
    expect(run.record.vm.haAt).toBeUndefined();
    run.answered({ status: "done", power: "on", bootOrdinal: 7 });
    expect(run.record.vm.haAt).toEqual({ hostId, bootOrdinal: 7 });
  });

  it("is nothing where the command was stale", () => {
    const run = new OneJob(aRecord({ vm: { haEnabled: true } }), { type: "vm.start" }, { hosts });
    run.reserved("held").answered({ status: "stale" });
    expect(run.record.vm.haAt).toBeUndefined();
  });

  it("is what a probe tells it, where hosts fence themselves", () => {
    const record = aRecord({ vm: { state: "Unknown", hostId, haEnabled: true } });
    const silent = new OneJob(record, { type: "vm.stop" }, { hosts });
    expect(silent.command.call).toEqual({ verb: "probe", args: {} });
    const run = new OneJob(record, { type: "vm.stop" }, fencing);
    expect(run.command.call).toEqual({ verb: "probe", args: { ha: true } });
    run.answered({ status: "done", power: "on" });
    expect(run.record.vm.haAt).toEqual({ hostId, bootOrdinal: 1 });
  });

  const fences = { settings: { selfFence: true } };
  const knows = (vm: Partial<VmSubject>) =>
    new VerifyRun(running(vm), [[hostId, "on"]], fences).hear({
      ...{ kind: "observed", hostId, bootOrdinal: 1, seq: 50, power: "on", receivedAt: T0 },
    });

  it.each<[string, Partial<VmSubject>, boolean]>([
    ["came there without a start", { haEnabled: true }, true],
    ["is known to another boot only", { haEnabled: true, haAt: { hostId, bootOrdinal: 0 } }, true],
    ["is known already", { haEnabled: true, haAt: { hostId, bootOrdinal: 1 } }, false],
    ["is for HA no longer", { haAt: { hostId, bootOrdinal: 1 } }, true],
    [
      "is for HA again, after its host may have heard that it is not",
      { haEnabled: true, haAt: { hostId, bootOrdinal: 1, doubted: true } },
      true,
    ],
    ["was never for HA", {}, false],
  ])("is seen to where hosts fence themselves: a VM that %s", (_, vm, probed) => {
    const run = knows(vm).toTheEnd();
    expect(run.all("command")).toHaveLength(probed ? 1 : 0);
    const known = vm.haEnabled === true ? { hostId, bootOrdinal: 1 } : undefined;
    expect(run.record.vm.haAt).toEqual(known);
    expect(run.record.recheck).toBeUndefined();
    expect(run.record.vm.state).toBe("Running");
  });

  it("is doubted from the moment that a command takes it back, answered or not (3)", () => {
    const vm = { state: "Unknown", hostId, haAt: { hostId, bootOrdinal: 1 } } as const;
    const run = new OneJob(
      aRecord({ vm, unsettled: [aStart(true)] }),
      { type: "vm.stop" },
      fencing,
    );
    expect(run.command.call).toEqual({ verb: "probe", args: { ha: false } });
    expect(run.record.vm.haAt).toEqual({ hostId, bootOrdinal: 1, doubted: true });
    expect(run.record.unsettled).toMatchObject([{ verb: "start", ha: undefined }]);
  });

  it.each(["failed", "stale"] as const)("is not what a command says that was %s", (status) => {
    const record = aRecord({ vm: { state: "Unknown", hostId, haEnabled: true } });
    const run = new OneJob(record, { type: "vm.stop" }, fencing).answered({ status });
    expect(run.record.vm.haAt).toBeUndefined();
  });

  it("is taken back by the next probe when the VM is for HA no longer", () => {
    const vm = { state: "Unknown", hostId, haAt: { hostId, bootOrdinal: 1 } } as const;
    const run = new OneJob(aRecord({ vm }), { type: "vm.stop" }, fencing);
    expect(run.command.call).toEqual({ verb: "probe", args: { ha: false } });
    run.answered({ status: "done", power: "on" });
    expect(run.record.vm.haAt).toBeUndefined();
  });
});

describe("an epoch that was never given out", () => {
  const future = (epoch: number): ObservedBody => ({
    ...{ kind: "observed" as const, hostId, bootOrdinal: 1, seq: 9, power: "on" as const },
    ...{ epoch, receivedAt: T0 },
  });

  it("counts for no job, and a person is asked to look, once", () => {
    const run = new OneJob(aRecord(), { type: "vm.start" }).reserved("held");
    run.hear(future(run.record.epoch + 1));
    expect(run.record.active?.step).toBe("starting");
    expect(run.record.observations[hostId]).toMatchObject({ power: "on" });
    expect(run.record.observations[hostId]?.epoch).toBeUndefined();
    expect(run.record.openIncidents).toMatchObject([{ kind: "poison_message", hostId }]);
    run.hear({ ...future(run.record.epoch + 2), seq: 10 });
    expect(run.record.openIncidents).toHaveLength(1);
    run.hear({ ...future(run.record.epoch), seq: 11 });
    expect(run.record.vm.state).toBe("Running");
  });
});

function fence(scope: HostFencedBody["scope"] = "all"): HostFencedBody {
  return { kind: "host-fenced", hostId, bootOrdinal: 2, scope, at: T0 };
}
