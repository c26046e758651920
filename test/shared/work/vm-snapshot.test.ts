import { describe, expect, it } from "vitest";
import { SNAPSHOTS_MAX, Snapshot } from "../../../shared/model/vm.ts";
import { aHostFact, aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

const base = Snapshot.parse({ name: "base", hostId, takenAt: T0 });
const two = { hosts: [aHostFact(), aHostFact({ hostId: otherHostId })] };
const running = { state: "Running", hostId } as const;
const stopped = { state: "Stopped", lastHostId: hostId } as const;

describe("vm.snapshot", () => {
  const take = (vm: Parameters<typeof aRecord>[0], name = "base") =>
    new OneJob(aRecord(vm), { type: "vm.snapshot", input: { name } });

  it("is in the list once its host has taken it, with the host that keeps it", () => {
    const run = take({ vm: running });
    expect(run.command).toMatchObject({
      hostId,
      call: { verb: "snapshot", args: { name: "base" } },
    });
    run.answered({ status: "done", power: "on" });
    expect(run.record.vm).toMatchObject({ ...running, snapshots: [{ ...base, takenAt: run.now }] });
  });

  it("of a VM that is off is taken by the host that it was on last, and leaves it Stopped", () => {
    const run = take({ vm: stopped });
    expect(run.command.hostId).toBe(hostId);
    run.answered({ status: "done", power: "off" });
    expect(run.record.vm).toMatchObject({ state: "Stopped", snapshots: [{ hostId }] });
  });

  it("of a VM that is off is no reason to doubt that it is off when the host is silent", () => {
    const run = take({ vm: stopped }).silenceToTheEnd();
    expect(run.ended?.error?.code).toBe("timed_out");
    expect(run.record.vm.state).toBe("Stopped");
  });

  it("of a VM that no host knows yet is refused", () => {
    expect(take({}).ended?.error?.code).toBe("vm_state_conflict");
  });

  it("that is there already is not taken again", () => {
    const run = take({ vm: { ...running, snapshots: [base] } });
    expect(run.ended?.status).toBe("succeeded");
    expect(run.effects("command")).toEqual([]);
  });

  it("is one of so many at most", () => {
    const snapshots = Array.from({ length: SNAPSHOTS_MAX }, (_, n) => ({ ...base, name: `s${n}` }));
    expect(take({ vm: { ...running, snapshots } }).ended?.error?.code).toBe("vm_state_conflict");
  });
});

describe("vm.delete-snapshot", () => {
  const remove = (vm: Parameters<typeof aRecord>[0]) =>
    new OneJob(aRecord(vm), { type: "vm.delete-snapshot", input: { snapshot: "base" } }, two);

  it("takes it from the list once the host that keeps it has deleted it", () => {
    const run = remove({ vm: { state: "Stopped", lastHostId: otherHostId, snapshots: [base] } });
    expect(run.command.hostId).toBe(hostId);
    run.answered({ status: "done", power: "off" });
    expect(run.record.vm.snapshots).toEqual([]);
  });

  it("of one that is not there is done", () => {
    expect(remove({ vm: running }).ended?.status).toBe("succeeded");
  });

  it("is refused while the VM is on at another host than keeps it", () => {
    const run = remove({ vm: { state: "Running", hostId: otherHostId, snapshots: [base] } });
    expect(run.ended?.error).toMatchObject({ code: "vm_state_conflict" });
  });
});

describe("vm.revert", () => {
  const revert = (vm: Parameters<typeof aRecord>[0]) =>
    new OneJob(aRecord(vm), { type: "vm.revert", input: { snapshot: "base" } }, two);

  it.each([
    ["on", "Running", hostId],
    ["paused", "Suspended", hostId],
    ["off", "Stopped", undefined],
  ] as const)("brings the power back that the snapshot has: %s is %s", (power, state, at) => {
    const run = revert({ vm: { ...running, snapshots: [base] } });
    expect(run.command.call).toEqual({ verb: "revert", args: { snapshot: "base" } });
    run.answered({ status: "done", power });
    expect(run.record.vm).toMatchObject({ state, hostId: at });
  });

  it("of a VM that is off holds room first, where the snapshot is kept, as it may come on", () => {
    const run = revert({ vm: { state: "Stopped", lastHostId: otherHostId, snapshots: [base] } });
    expect(run.effects("reserve").map((effect) => effect.hostId)).toEqual([hostId]);
    run.reserved("held").answered({ status: "done", power: "on" });
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it("gives that room back when it stays off", () => {
    const run = revert({ vm: { ...stopped, snapshots: [base] } }).reserved("held");
    run.answered({ status: "done", power: "off" });
    expect(run.record.vm).toMatchObject({ state: "Stopped", hostId: undefined });
    expect(run.effects("release").map((effect) => effect.hostId)).toEqual([hostId]);
  });

  it("stays Stopped when there is no room", () => {
    const run = revert({ vm: { ...stopped, snapshots: [base] } }).reserved("refused");
    expect(run.ended?.error?.code).toBe("no_capacity");
    expect(run.record.vm.state).toBe("Stopped");
  });

  it("to a snapshot that it has not is refused", () => {
    expect(revert({ vm: running }).ended?.error?.code).toBe("vm_state_conflict");
  });
});
