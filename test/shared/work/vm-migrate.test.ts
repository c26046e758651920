import { describe, expect, it } from "vitest";
import type { HostFact } from "../../../shared/model/host.ts";
import { aHostFact, aRecord, hostId, jobIdOf, otherHostId, T0 } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";
import { VerifyRun } from "../../support/verify-run.ts";

const target = aHostFact({ hostId: otherHostId, migrationUri: "qemu+tls://host-b/system" });
const two = [aHostFact(), target];
const running = () => aRecord({ epoch: 5, vm: { state: "Running", hostId } });
const migrate = (input: object = {}, hosts: readonly HostFact[] = two) =>
  new OneJob(running(), { type: "vm.migrate", input }, { hosts });
/** The command is out at the source. */
const moving = (input: object = {}) => migrate(input).reserved("held");
const held = (run: OneJob) => run.effects("release").map((effect) => effect.hostId);

describe("vm.migrate", () => {
  it("holds room at the target, has the source move it, and is Running there when the target says so", () => {
    const run = migrate();
    expect(run.effects("reserve").map((effect) => effect.hostId)).toEqual([otherHostId]);
    expect(run.record.vm.state).toBe("Running");
    run.reserved("held");
    expect(run.command).toMatchObject({
      hostId,
      call: {
        verb: "migrate",
        args: { targetHostId: otherHostId, targetUri: "qemu+tls://host-b/system" },
      },
      timeoutSeconds: 3600,
    });
    expect(run.record.vm).toMatchObject({ state: "Migrating", hostId });
    run.answered({ status: "done", power: "off" });
    expect(run.command).toMatchObject({ hostId: otherHostId, call: { verb: "probe" } });
    expect(run.record.vm.state).toBe("Migrating");
    run.answered({ status: "done", power: "on" });
    expect(run.ended).toMatchObject({ status: "succeeded", result: { hostId: otherHostId } });
    expect(run.record.vm).toMatchObject({
      state: "Running",
      hostId: otherHostId,
      lastHostId: hostId,
    });
    expect(held(run)).toEqual([hostId]);
    expect(run.record.unsettled).toEqual([]);
  });

  it("A6 is unsettled at both its hosts while the command is out", () => {
    const { unsettled } = moving().record;
    expect(unsettled.map(({ hostId, verb }) => [hostId, verb])).toEqual([
      [hostId, "migrate"],
      [otherHostId, "migrate"],
    ]);
  });

  it("is done at once where it is, and refused where it is not on", () => {
    expect(migrate({ hostId }).ended?.status).toBe("succeeded");
    const off = new OneJob(aRecord(), { type: "vm.migrate" }, { hosts: two });
    expect(off.ended?.error?.code).toBe("vm_state_conflict");
  });

  it.each([
    ["its agent gave no migrationUri", [aHostFact(), { ...target, migrationUri: undefined }]],
    ["it is the only host", [aHostFact()]],
  ])("finds no capacity, and leaves the VM Running: %s", (_, hosts) => {
    const run = migrate({}, hosts);
    expect(run.ended?.error?.code).toBe("no_capacity");
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    expect(run.record.unsettled).toEqual([]);
  });

  it("leaves it Running when no host has the room, and holds none", () => {
    const run = migrate().reserved("refused", "no_room");
    expect(run.ended?.error?.code).toBe("no_capacity");
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it.each(["paused", "off"] as const)(
    "moves nothing that its host says is %s by then, and has that verified next",
    (power) => {
      const run = migrate().observed(hostId, power);
      expect(run.ended?.error?.code).toBe("vm_state_conflict");
      expect(run.record).toMatchObject({ vm: { hostId }, active: { type: "vm.verify" } });
      expect(held(run)).toEqual([otherHostId]); // It may have been given by now.
    },
  );

  it("tries the next host when the source's hypervisor refuses, and gives the first one's room back", () => {
    const run = moving().answered({ status: "failed", code: "libvirt_38", power: "on" });
    expect(run.ended?.error).toEqual({ code: "host_refused", detail: "host-b: libvirt_38: " });
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    expect(held(run)).toEqual([otherHostId]);
    expect(run.record.unsettled).toEqual([]);
  });

  it.each([
    ["failed", "timeout"],
    ["failed", "outcome_unknown"],
  ] as const)(
    "asks both, the source first, after %s %s, and is Running where it is",
    (status, code) => {
      const run = moving().answered({ status, code, power: "on" });
      expect(run.command).toMatchObject({ hostId, call: { verb: "probe" } });
      run.answered({ status: "done", power: "on" });
      expect(run.command).toMatchObject({ hostId: otherHostId, call: { verb: "probe" } });
      run.answered({ status: "done", power: "off" });
      expect(run.ended?.error?.code).toBe("timed_out");
      expect(run.record.vm).toMatchObject({ state: "Running", hostId });
      expect(held(run)).toEqual([otherHostId]);
      expect(run.record.unsettled).toEqual([]);
    },
  );

  it("waits with the target while the source is busy", () => {
    const run = moving().answered({ status: "failed", code: "outcome_unknown" });
    run.answered({ status: "done", power: "on", busy: true });
    expect(run.record.active?.waitFor).toEqual({ kind: "timer" });
    run.silence();
    expect(run.command.hostId).toBe(hostId);
  });

  it("tries again when the source's agent restarted before it began", () => {
    const run = moving().answered({ status: "stale" });
    run.answered({ status: "done", power: "on" }).answered({ status: "done", power: "off" });
    expect(run.record.vm.state).toBe("Running");
    run.reserved("held");
    expect(run.command.call.verb).toBe("migrate");
  });

  it("succeeds when nobody heard the end and the target has it and the source has not", () => {
    const run = moving().silence().answered({ status: "done", power: "off" });
    run.answered({ status: "done", power: "on" });
    expect(run.ended?.status).toBe("succeeded");
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
  });

  it("is Stopped, and says so, when neither has it any more", () => {
    const run = moving().answered({ status: "done", power: "off" });
    run.answered({ status: "done", power: "off" });
    expect(run.ended?.error?.code).toBe("host_refused");
    expect(run.record.vm).toMatchObject({ state: "Stopped", hostId: undefined });
    expect(held(run).toSorted()).toEqual([hostId, otherHostId]);
  });

  it("is Unknown there when the source has it no more and the target says nothing", () => {
    const run = moving().answered({ status: "done", power: "off" }).silenceToTheEnd();
    expect(run.ended?.error?.code).toBe("timed_out");
    expect(run.record.vm).toMatchObject({ state: "Unknown", hostId: otherHostId });
  });

  it("A6 is Running there when the source says nothing and the target has it; the source stays unsettled", () => {
    const run = moving();
    while (run.record.active?.waitFor.kind !== "result" || run.command.hostId === hostId)
      run.silence();
    run.answered({ status: "done", power: "on" });
    expect(run.ended?.error?.code).toBe("timed_out");
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
    expect(run.record.unsettled.map((command) => command.hostId)).toContain(hostId);
  });

  it("A6 is Unknown, unsettled at both, when nobody says anything", () => {
    const run = moving().silenceToTheEnd();
    expect(run.ended?.error?.code).toBe("timed_out");
    expect(run.record.vm).toMatchObject({ state: "Unknown", hostId });
    expect(run.record.unsettled.map((command) => command.hostId)).toEqual([hostId, otherHostId]);
    expect(held(run)).toEqual([]);
  });

  it("holds the target's room after its end for as long as the VM may still come there, and no longer", () => {
    const ended = moving().silenceToTheEnd();
    const run = new VerifyRun(ended.record, [
      [hostId, "on"],
      [otherHostId, "off"],
    ]);
    run.now = ended.now;
    run.wake().toTheEnd();
    expect(run.record).toMatchObject({ vm: { state: "Running", hostId }, unsettled: [] });
    expect(run.all("release")).toMatchObject([{ hostId: otherHostId }]);
  });

  it("keeps the target's room while the target says that it has it and the source was not asked yet", () => {
    const run = moving();
    const move = run.command;
    while (run.record.active?.waitFor.kind !== "result" || run.command.hostId === hostId)
      run.silence();
    run.hear(run.resultOf(move, { status: "done", power: "off" })).silenceToTheEnd();
    run.submitAnother(2, { type: "vm.migrate" });
    expect(run.command.hostId).toBe(otherHostId);
    run.answered({ status: "done", power: "on" });
    expect(run.record).toMatchObject({ vm: { state: "Unknown", hostId }, unsettled: [] });
    expect(held(run)).toEqual([]);
    run.answered({ status: "done", power: "off" });
    expect(run.effects("reserve")).toMatchObject([{ hostId: otherHostId, found: true }]);
    expect(held(run)).toEqual([]);
  });

  it("is Unknown when both have it by their own words, and leaves it to verifying whether that lasts", () => {
    const run = moving().answered({ status: "failed", code: "outcome_unknown" });
    run.answered({ status: "done", power: "on" }).answered({ status: "done", power: "on" });
    expect(run.ended?.error?.code).toBe("vm_unsettled");
    expect(run.effects("open-incident")).toEqual([]);
    expect(run.record.vm.state).toBe("Unknown");
    expect(run.record.recheck).toBeDefined();
  });

  it.each(["unconfirmed_stop", "split_brain"])("is refused while an %s is open", (kind) => {
    const record = aRecord({
      vm: { state: "Running", hostId },
      openIncidents: [{ id: `${kind}.x`, kind }] as never,
    });
    const run = new OneJob(record, { type: "vm.migrate" }, { hosts: two });
    expect(run.ended?.error?.code).toBe("vm_unsettled");
  });

  it("A6 asks whoever may still be doing something for it before it moves", () => {
    const unsettled = [
      { commandId: "c", hostId: otherHostId, epoch: 3, jobId: jobIdOf(1), verb: "start" },
    ] as never;
    const record = aRecord({ epoch: 5, vm: { state: "Running", hostId }, unsettled });
    const run = new OneJob(record, { type: "vm.migrate" }, { hosts: two });
    expect(run.command).toMatchObject({ hostId: otherHostId, call: { verb: "probe" } });
    run.answered({ status: "done", power: "off" });
    expect(run.command).toMatchObject({ hostId, call: { verb: "probe" } });
    run.answered({ status: "done", power: "on" });
    expect(run.effects("reserve")).toHaveLength(1);
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it("moves nothing when another host says that it has it too, and has that verified next", () => {
    const said = { bootOrdinal: 1, seq: 1, power: "on", receivedAt: T0 };
    const record = aRecord({
      epoch: 5,
      vm: { state: "Running", hostId },
      observations: { [hostId]: said, [otherHostId]: said } as never,
    });
    const run = new OneJob(record, { type: "vm.migrate" }, { hosts: two });
    run.answered({ status: "done", power: "on" }).answered({ status: "done", power: "on" });
    expect(run.ended?.error?.code).toBe("vm_unsettled");
    expect(run.effects("open-incident")).toEqual([]);
    expect(run.record.active?.type).toBe("vm.verify");
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it("stays where it is, and says that there is no room, when its only other host is in doubt and gone", () => {
    const unsettled = [
      { commandId: "c", hostId: otherHostId, epoch: 3, jobId: jobIdOf(7), verb: "start" },
    ] as never;
    const record = aRecord({ epoch: 5, vm: { state: "Running", hostId }, unsettled });
    const run = new OneJob(record, { type: "vm.migrate" }, { hosts: [aHostFact()] });
    expect(run.ended?.error?.code).toBe("vm_unsettled");
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it("called off before the command is out, leaves it where it is; after, goes by how it ended", () => {
    const cancel = { kind: "cancel", jobId: jobIdOf(1) } as const;
    const early = migrate().hear(cancel);
    expect(early.ended?.error?.code).toBe("cancelled");
    expect(early.record.vm).toMatchObject({ state: "Running", hostId });
    const late = moving().hear(cancel).answered({ status: "done", power: "off" });
    late.answered({ status: "done", power: "on" });
    expect(late.ended?.status).toBe("succeeded");
    const failed = moving().hear(cancel);
    failed.answered({ status: "failed", code: "libvirt_9", power: "on" });
    expect(failed.record.vm).toMatchObject({ state: "Running", hostId });
    expect(failed.effects("reserve")).toEqual([]);
  });

  it("never takes the guest's power, however it ends", () => {
    for (const power of ["on", "off", "paused"] as const) {
      const run = moving().answered({ status: "failed", code: "outcome_unknown", power });
      expect(run.command.call.verb).toBe("probe");
    }
  });
});
