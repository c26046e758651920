import { describe, expect, it } from "vitest";
import { aHostFact, aRecord, hostId, jobIdOf, otherHostId, T0 } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

const two = { hosts: [aHostFact(), aHostFact({ hostId: otherHostId })] };
const off = { status: "done", power: "off" } as const;
const destroyed = (parts: Parameters<typeof aRecord>[0] = {}) =>
  aRecord({ epoch: 5, ...parts, vm: { state: "Destroyed", lastHostId: hostId, ...parts.vm } });
const expunge = (record = destroyed()) => new OneJob(record, { type: "vm.expunge" }, two);
/** Probed off, then undefined. */
const forget = (run: OneJob) => run.answered(off).answered(off);

describe("vm.expunge", () => {
  it("asks the last host, has it forget the VM, and the VM is gone", () => {
    const run = expunge();
    expect(run.command).toMatchObject({ hostId, call: { verb: "probe" } });
    run.answered(off);
    expect(run.command).toMatchObject({ hostId, call: { verb: "undefine", args: {} } });
    expect(run.record.vm.state).toBe("Expunging");
    run.answered(off);
    expect(run.ended).toMatchObject({ status: "succeeded", result: {} });
    expect(run.record).toMatchObject({ gone: { at: run.now }, observations: {}, unsettled: [] });
    expect(run.record.wakeAt).toBeUndefined();
  });

  it("is gone at once when no host ever knew it", () => {
    const run = expunge(aRecord({ vm: { state: "Destroyed" } }));
    expect(run.record.gone).toBeDefined();
    expect(run.effects("command")).toEqual([]);
  });

  it("A6 asks every host that may know it: by a command, a snapshot, or its own word; not one that lists it no more", () => {
    const said = (power: string) => ({ bootOrdinal: 1, seq: 1, power, receivedAt: T0 });
    const record = destroyed({
      observations: { [otherHostId]: said("off"), "host-c": said("missing") } as never,
      unsettled: [
        { commandId: "c", hostId: otherHostId, epoch: 2, jobId: jobIdOf(9), verb: "start" },
      ] as never,
    });
    const run = expunge(record);
    expect(run.command.hostId).toBe(otherHostId);
    forget(run);
    expect(run.command.hostId).toBe(hostId);
    forget(run);
    expect(run.record.gone).toBeDefined();
  });

  it("takes the power of a VM that is on all the same", () => {
    const run = expunge().answered({ status: "done", power: "on" });
    expect(run.command.call.verb).toBe("poweroff");
    run.answered(off);
    expect(run.command.call.verb).toBe("undefine");
  });

  it("leaves it Expunging when a host is silent, and goes on when it is asked again", () => {
    const run = expunge().silenceToTheEnd();
    expect(run.ended?.error?.code).toBe("host_unreachable");
    expect(run.record.vm.state).toBe("Expunging");
    forget(run.submitAnother(2, { type: "vm.expunge" }));
    expect(run.record.gone).toBeDefined();
  });

  it("does not ask a host that an operator has forgotten", () => {
    const run = new OneJob(destroyed(), { type: "vm.expunge" }, { hosts: [] });
    expect(run.record.gone).toBeDefined();
  });

  it("has its domain XML forgotten, and its incidents resolved", () => {
    const record = destroyed({
      vm: { domainXmlVersion: 3 },
      openIncidents: [{ id: "zombie.x", kind: "zombie" }] as never,
    });
    const run = forget(expunge(record));
    expect(run.effects("forget-domain")).toEqual([
      { kind: "forget-domain", vmId: run.record.id, version: 3 },
    ]);
    expect(run.effects("resolve-incident")).toHaveLength(1);
    expect(run.record.openIncidents).toEqual([]);
    expect(run.record.vm.domainXmlVersion).toBeUndefined();
  });
});

describe("a VM that is gone", () => {
  const gone = () => forget(expunge());

  it("is not brought back by anything that comes late", () => {
    const run = gone();
    const { version } = run.record;
    run.observed(hostId, "on", 99);
    run.hear({ kind: "patch", name: "again" }, { kind: "pause", paused: true });
    run.hear(run.resultOf({ hostId, commandId: "c" as never, epoch: 9 }, off));
    expect(run.record.version).toBe(version);
  });

  it("A7 ends the jobs that still waited for it, one by one", () => {
    const run = gone();
    run.submitAnother(2, { type: "vm.recover" });
    expect(run.ended).toMatchObject({
      status: "failed",
      error: { code: "vm_state_conflict", detail: "the VM is gone" },
    });
    expect(run.record.queued).toEqual([]);
  });
});

describe("vm.destroy with expunge", () => {
  it("stops, then has the host forget it, in one job", () => {
    const record = aRecord({ epoch: 5, vm: { state: "Running", hostId } });
    const run = new OneJob(record, { type: "vm.destroy", input: { expunge: true, forced: true } });
    expect(run.command.call.verb).toBe("poweroff");
    run.answered(off);
    expect(run.record.vm.state).toBe("Expunging");
    expect(run.effects("release").map((effect) => effect.hostId)).toEqual([hostId]);
    forget(run);
    expect(run.ended).toMatchObject({ status: "succeeded", result: { expunged: true } });
    expect(run.record.gone).toBeDefined();
  });
});

describe("vm.destroy", () => {
  it("gives the guest its grace, then takes its power, and is Destroyed", () => {
    const record = aRecord({ vm: { state: "Running", hostId } });
    const run = new OneJob(record, { type: "vm.destroy" });
    expect(run.command.call).toEqual({ verb: "shutdown", args: { graceSeconds: 120 } });
    run.answered({ status: "failed", code: "timeout", power: "on" });
    expect(run.command.call.verb).toBe("poweroff");
    run.answered(off);
    expect(run.record.vm).toMatchObject({
      state: "Destroyed",
      hostId: undefined,
      lastHostId: hostId,
    });
    expect(run.ended).toMatchObject({ status: "succeeded", result: { expunged: false } });
  });
});
