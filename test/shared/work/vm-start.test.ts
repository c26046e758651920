import { describe, expect, it } from "vitest";
import { UnsettledCommand } from "../../../shared/model/apartment-record.ts";
import { BootId } from "../../../shared/model/ids.ts";
import {
  aHostFact,
  aRecord,
  bootId,
  hostId,
  otherHostId,
  settings,
} from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

const two = [aHostFact(), aHostFact({ hostId: otherHostId, free: { cpus: 2, memoryMiB: 100 } })];
const start = { type: "vm.start" };
const starting = () => new OneJob(aRecord(), start, { hosts: two }).reserved("held");

const anUnsettled = (verb: string) =>
  UnsettledCommand.parse({
    commandId: "x.1.0",
    hostId: otherHostId,
    epoch: 1,
    jobId: "01930000-0000-7000-8000-000000000009",
    verb,
  });

describe("vm.start", () => {
  it("reserves on the emptiest host, starts there, and is Running when the host says on", () => {
    const run = new OneJob(aRecord(), start, { hosts: two });
    expect(run.effects("reserve")[0]).toMatchObject({ hostId, need: { cpus: 1, memoryMiB: 64 } });
    run.reserved("held");
    expect(run.command).toMatchObject({
      hostId,
      bootId,
      call: { verb: "start" },
      timeoutSeconds: 600,
    });
    expect(run.record.unsettled).toHaveLength(1);
    run.answered({ status: "done", power: "on" });
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    expect(run.record.unsettled).toEqual([]);
    expect(run.ended).toMatchObject({ status: "succeeded", result: { hostId } });
  });

  it("goes back to where it last was, if that host still fits", () => {
    const run = new OneJob(aRecord({ vm: { lastHostId: otherHostId } }), start, { hosts: two });
    expect(run.effects("reserve")[0]?.hostId).toBe(otherHostId);
  });

  it("takes the named host and no other", () => {
    const run = new OneJob(aRecord(), { ...start, input: { hostId: otherHostId } }, { hosts: two });
    expect(run.effects("reserve")[0]?.hostId).toBe(otherHostId);
    run.reserved("refused", "no room");
    expect(run.ended?.error?.code).toBe("no_capacity");
    expect(run.ended?.error?.detail).toContain("host-b: no room");
    expect(run.record.vm).toMatchObject({ state: "Stopped", hostId: undefined });
  });

  it("tries the next host when one refuses room, and ends Stopped when none is left", () => {
    const run = new OneJob(aRecord(), start, { hosts: two }).reserved("refused");
    expect(run.effects("reserve")[0]?.hostId).toBe(otherHostId);
    run.reserved("refused");
    expect(run.ended?.error?.code).toBe("no_capacity");
    expect(run.record.vm.state).toBe("Stopped");
  });

  it("takes new facts instead of blaming a host whose agent restarted before the reservation", () => {
    const run = new OneJob(aRecord(), start).reserved("refused", "stale_boot");
    expect(run.effects("reserve")[0]).toMatchObject({ hostId, attempt: 2 });
  });

  it("fails no_capacity when no host fits, and is Stopped", () => {
    const run = new OneJob(aRecord({ vm: { spec: { cpus: 64, memoryMiB: 64 } } }), start);
    expect(run.ended?.error?.code).toBe("no_capacity");
    expect(run.record.vm.state).toBe("Stopped");
  });

  it("gives the room back and tries elsewhere when the hypervisor refuses", () => {
    const run = starting().answered({
      status: "failed",
      code: "libvirt_1",
      detail: "no such disk",
      power: "off",
    });
    expect(run.effects("release")[0]?.hostId).toBe(hostId);
    expect(run.effects("reserve")[0]?.hostId).toBe(otherHostId);
    expect(run.record.unsettled).toEqual([]);
    run.reserved("held").answered({ status: "failed", code: "libvirt_1", detail: "no such disk" });
    expect(run.ended?.error).toMatchObject({
      code: "host_refused",
      detail: "host-b: libvirt_1: no such disk",
    });
  });

  it("starts nothing while a host says that it has it, and has that verified next: started by hand while room was asked for", () => {
    const run = new OneJob(aRecord(), start, { hosts: two }).observed(otherHostId, "on");
    expect(run.ended?.error?.code).toBe("vm_unsettled");
    expect(run.record).toMatchObject({ vm: { state: "Stopped" }, active: { type: "vm.verify" } });
    expect(run.command).toMatchObject({ hostId: otherHostId, call: { verb: "probe" } });
  });

  it("tries no other host when its first one refuses it and another says that it has it", () => {
    const run = starting().observed(otherHostId, "on");
    expect(run.record.active?.type).toBe("vm.start");
    run.answered({ status: "failed", code: "libvirt_1", power: "off" });
    expect(run.ended?.error?.code).toBe("vm_unsettled");
    expect(run.effects("reserve")).toEqual([]);
    expect(run.record).toMatchObject({ vm: { state: "Stopped" }, active: { type: "vm.verify" } });
  });

  it("never tries more hosts than startAttemptsMax", () => {
    const run = new OneJob(aRecord(), start, { hosts: two, settings: { startAttemptsMax: 1 } });
    run.reserved("refused");
    expect(run.record.active).toBeUndefined();
    expect(run.ended?.error?.code).toBe("no_capacity");
  });

  it("believes a report that saw the command's epoch before the result comes", () => {
    const run = starting();
    run.observed(hostId, "on", run.command.epoch);
    expect(run.record.vm.state).toBe("Running");
    // The result is still out: it settles the command when it comes.
    expect(run.record.unsettled).toHaveLength(1);
  });

  it("does not believe a report from before the command, nor one from another host", () => {
    const run = starting();
    const { epoch } = run.command;
    run
      .observed(hostId, "on", epoch - 1)
      .observed(otherHostId, "on", epoch)
      .observed(hostId, "on");
    expect(run.record.vm.state).toBe("Starting");
  });

  it.each(["outcome_unknown", "timeout"])(
    "asks the host after %s, and goes by what it says",
    (code) => {
      const found = starting().answered({ status: "failed", code });
      expect(found.command.call.verb).toBe("probe");
      expect(found.record.unsettled).toHaveLength(1);
      found.answered({ status: "done", power: "on" });
      expect(found.record.vm).toMatchObject({ state: "Running", hostId });
      expect(found.record.unsettled).toEqual([]);
    },
  );

  it("A6 starts nowhere else while the probe says busy, and does once it says off", () => {
    const run = starting().answered({ status: "failed", code: "timeout" });
    run.answered({ status: "done", power: "off", busy: true });
    expect(run.record.unsettled).toHaveLength(1);
    expect(run.effects("reserve")).toEqual([]);
    run.silence().answered({ status: "done", power: "off" });
    expect(run.record.unsettled).toEqual([]);
    expect(run.effects("reserve")[0]?.hostId).toBe(otherHostId);
  });

  it("A6 ends timed_out and Unknown, the command unsettled, when the host stays silent", () => {
    const run = starting().silenceToTheEnd();
    expect(run.ended?.error?.code).toBe("timed_out");
    expect(run.record.vm).toMatchObject({ state: "Unknown", hostId });
    expect(run.record.unsettled).toHaveLength(1);
  });

  it("tries the same host again when its agent had restarted under the command", () => {
    const run = starting().answered({ status: "stale" });
    run.answered({ status: "done", power: "off" });
    expect(run.command).toMatchObject({ hostId, call: { verb: "start" } });
    run.answered({ status: "done", power: "on" });
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it("tries its own host again though that looks full: the room there is the VM's own", () => {
    const full = aHostFact({ free: { cpus: 0, memoryMiB: 0 } });
    const record = aRecord({ vm: { state: "Unknown", hostId } });
    const run = new OneJob(record, start, { hosts: [full] }).answered({
      status: "done",
      power: "off",
    });
    expect(run.effects("reserve")[0]?.hostId).toBe(hostId);
  });

  it("takes an already running guest for what it is", () => {
    const run = starting().answered({ status: "failed", code: "already_running", power: "on" });
    expect(run.record.vm.state).toBe("Running");
  });

  it("A6 asks every host with an unsettled command before it places the VM", () => {
    const record = aRecord({ epoch: 1, unsettled: [anUnsettled("start")] });
    const run = new OneJob(record, start, { hosts: two });
    expect(run.command).toMatchObject({ hostId: otherHostId, call: { verb: "probe" } });
    run.answered({ status: "done", power: "off" });
    expect(run.record.unsettled).toEqual([]);
    expect(run.effects("reserve")).toHaveLength(1);
  });

  it("fails vm_unsettled on an Unknown VM whose host never answers", () => {
    const run = new OneJob(aRecord({ vm: { state: "Unknown", hostId } }), start).silenceToTheEnd();
    expect(run.ended?.error?.code).toBe("vm_unsettled");
    expect(run.record.vm).toMatchObject({ state: "Unknown", hostId });
  });

  it("is refused at once while an unconfirmed stop is open", () => {
    const openIncidents = [{ id: "unconfirmed_stop.x", kind: "unconfirmed_stop" }] as never;
    const run = new OneJob(aRecord({ vm: { state: "Unknown", hostId }, openIncidents }), start);
    expect(run.ended?.error?.code).toBe("vm_unsettled");
  });

  it("A6 asks a host that says it has the VM on, though the record says Stopped, and takes it as it is", () => {
    const said = { bootOrdinal: 1, seq: 1, power: "on" as const, receivedAt: 0 };
    const run = new OneJob(aRecord({ observations: { [otherHostId]: said } }), start, {
      hosts: two,
    });
    expect(run.command).toMatchObject({ hostId: otherHostId, call: { verb: "probe" } });
    run.answered({ status: "done", power: "on" });
    expect(run.effects("reserve")[0]?.hostId).toBe(otherHostId);
    run.reserved("refused");
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
  });

  it("keeps a VM Stopped that was seen off when a host does not say what became of an old command", () => {
    const record = aRecord({ epoch: 1, unsettled: [anUnsettled("shutdown")] });
    const run = new OneJob(record, start, { hosts: two }).silenceToTheEnd();
    expect(run.ended?.error?.code).toBe("vm_unsettled");
    expect(run.record.vm.state).toBe("Stopped");
  });

  it("asks for as long as a start may take, not for a number of times", () => {
    const run = new OneJob(aRecord({ vm: { state: "Unknown", hostId } }), start);
    const begun = run.now;
    for (let n = 0; n < 300 && run.record.active !== undefined; n += 1)
      if (run.effects("command").length > 0)
        run.answered({ status: "done", power: "off", busy: true });
      else run.silence();
    expect(run.now - begun).toBeGreaterThanOrEqual(settings.commandTimeoutSeconds.start * 1000);
    expect(run.ended?.error?.code).toBe("vm_unsettled");
  });

  it("waits for the session of a host that joined anew, instead of giving up at once", () => {
    const joined = { ...aHostFact(), bootId: undefined, queueUrl: undefined };
    const run = new OneJob(aRecord({ vm: { state: "Unknown", hostId } }), start, {
      hosts: [joined],
    });
    expect(run.record.active).toMatchObject({ step: "probing", waitFor: { kind: "timer" } });
  });

  it("gives the room on its own host back when it is found off there and goes on to another", () => {
    const record = aRecord({ vm: { state: "Unknown", hostId } });
    const run = new OneJob(record, { ...start, input: { hostId: otherHostId } }, { hosts: two });
    run.answered({ status: "done", power: "off" });
    expect(run.effects("release").map((effect) => effect.hostId)).toEqual([hostId]);
    expect(run.effects("reserve").map((effect) => effect.hostId)).toEqual([otherHostId]);
  });

  it("ends Stopped, at no host, when the other refuses", () => {
    const record = aRecord({ vm: { state: "Unknown", hostId } });
    const run = new OneJob(record, { ...start, input: { hostId: otherHostId } }, { hosts: two });
    run.answered({ status: "done", power: "off" }).reserved("refused");
    expect(run.record.vm).toMatchObject({ state: "Stopped", hostId: undefined });
  });

  it("A6 believes only the host that a command was sent to", () => {
    const run = starting();
    const spoofed = run.resultOf(run.command, {
      status: "failed",
      code: "libvirt_1",
      hostId: otherHostId,
    });
    run.hear(spoofed);
    expect(run.record.unsettled).toHaveLength(1);
    expect(run.record.active?.step).toBe("starting");
  });

  it("A8 never waits without a deadline", () => {
    const run = starting();
    expect(run.record.wakeAt).toBe(run.now + (settings.commandTimeoutSeconds.start + 15) * 1000);
  });

  it("addresses the boot that the reservation was answered for", () => {
    const later = aHostFact({ bootId: BootId.parse("boot-0002"), bootOrdinal: 2 });
    const run = new OneJob(aRecord(), start, { hosts: [later] }).reserved("held");
    expect(run.command.bootId).toBe("boot-0002");
    expect(run.record.active?.sent[hostId]).toMatchObject({ bootOrdinal: 2 });
  });
});
