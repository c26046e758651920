import { describe, expect, it } from "vitest";
import { aHostFact, aRecord, hostId, jobIdOf } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

const running = () => aRecord({ epoch: 5, vm: { state: "Running", hostId } });
const stop = (input: Record<string, unknown> = {}) =>
  new OneJob(running(), { type: "vm.stop", input });

describe("vm.stop", () => {
  it("asks the guest, gives the room back and is Stopped when it is seen off", () => {
    const run = stop();
    expect(run.command.call).toEqual({ verb: "shutdown", args: { graceSeconds: 120 } });
    run.answered({ status: "done", power: "off" });
    expect(run.record.vm).toMatchObject({
      state: "Stopped",
      hostId: undefined,
      lastHostId: hostId,
    });
    expect(run.effects("release")).toMatchObject([
      { hostId, vmId: run.record.id, revision: run.record.version },
    ]);
    expect(run.ended).toMatchObject({ status: "succeeded", result: { forced: false } });
  });

  it("leaves a guest that ignores it Running, and fails timed_out", () => {
    const run = stop({ graceSeconds: 3 }).answered({
      status: "failed",
      code: "timeout",
      power: "on",
    });
    expect(run.ended?.error?.code).toBe("timed_out");
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    expect(run.effects("release")).toEqual([]);
  });

  it("takes the power of a guest that ignores it, if asked to", () => {
    const run = stop({ thenForce: true }).answered({
      status: "failed",
      code: "timeout",
      power: "on",
    });
    expect(run.command.call.verb).toBe("poweroff");
    run.answered({ status: "done", power: "off" });
    expect(run.record.vm.state).toBe("Stopped");
  });

  describe("of a paused guest, which could hear nobody ask", () => {
    const paused = (input: Record<string, unknown> = {}) =>
      new OneJob(aRecord({ epoch: 5, vm: { state: "Suspended", hostId } }), {
        type: "vm.stop",
        input,
      });

    it("lets it go on, then asks it", () => {
      const run = paused();
      expect(run.command.call.verb).toBe("resume");
      run.answered({ status: "done", power: "on" });
      expect(run.command.call).toEqual({ verb: "shutdown", args: { graceSeconds: 120 } });
      run.answered({ status: "done", power: "off" });
      expect(run.record.vm.state).toBe("Stopped");
    });

    it("takes its power when it cannot go on, if asked to, and else leaves it Suspended", () => {
      const refused = { status: "failed", code: "libvirt_1", power: "paused" } as const;
      const left = paused().answered(refused);
      expect(left.ended?.error?.code).toBe("host_refused");
      expect(left.record.vm).toMatchObject({ state: "Suspended", hostId });
      expect(paused({ thenForce: true }).answered(refused).command.call.verb).toBe("poweroff");
    });

    it("ends Running when it is called off meanwhile", () => {
      const run = paused();
      const { command } = run;
      run.hear({ kind: "cancel", jobId: jobIdOf(1) });
      run.hear(run.resultOf(command, { status: "done", power: "on" }));
      expect(run.ended?.error?.code).toBe("cancelled");
      expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    });
  });

  it("takes the power at once when forced", () => {
    const run = stop({ forced: true });
    expect(run.command.call).toEqual({ verb: "poweroff", args: {} });
    run.answered({ status: "done", power: "off" });
    expect(run.ended).toMatchObject({ status: "succeeded", result: { forced: true } });
  });

  it("raises the epoch with each command, so that taking the power supersedes the shutdown", () => {
    const run = stop({ thenForce: true });
    const { epoch } = run.command;
    run.answered({ status: "failed", code: "timeout", power: "on" });
    expect(run.command.epoch).toBeGreaterThan(epoch);
  });

  it("believes a report that saw the command's epoch, and none from before", () => {
    const run = stop();
    const { epoch } = run.command;
    run.observed(hostId, "off", epoch - 1);
    expect(run.record.vm.state).toBe("Stopping");
    run.observed(hostId, "off", epoch);
    expect(run.record.vm.state).toBe("Stopped");
  });

  it("A6 ends a forced stop that nobody confirms as unconfirmed_stop, its command unsettled, with an incident", () => {
    const run = stop({ forced: true }).silenceToTheEnd();
    expect(run.ended?.error?.code).toBe("unconfirmed_stop");
    expect(run.record.vm).toMatchObject({ state: "Unknown", hostId });
    expect(run.record.unsettled.map((command) => command.verb)).toEqual(["poweroff"]);
    expect(run.effects("open-incident")[0]?.incident.kind).toBe("unconfirmed_stop");
    expect(run.record.openIncidents).toHaveLength(1);
  });

  it("ends a shutdown that nobody answers for as timed_out, Unknown", () => {
    const run = stop().silenceToTheEnd();
    expect(run.ended?.error?.code).toBe("timed_out");
    expect(run.record.vm.state).toBe("Unknown");
    expect(run.effects("open-incident")).toEqual([]);
  });

  it.each(["outcome_unknown", "stale"])(
    "asks the host after %s and is Stopped when it is off",
    (how) => {
      const run = stop();
      run.answered(how === "stale" ? { status: "stale" } : { status: "failed", code: how });
      expect(run.command.call.verb).toBe("probe");
      run.answered({ status: "done", power: "off" });
      expect(run.record.vm.state).toBe("Stopped");
    },
  );

  it("says host_refused when the power could not be taken, and tells what is true", () => {
    const run = stop({ forced: true }).answered({
      status: "failed",
      code: "libvirt_38",
      detail: "busy",
    });
    run.answered({ status: "done", power: "on" });
    expect(run.ended?.error).toEqual({ code: "host_refused", detail: "host-a: libvirt_38: busy" });
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it("resolves an open unconfirmed_stop once the VM is seen off", () => {
    const openIncidents = [{ id: "unconfirmed_stop.x", kind: "unconfirmed_stop" }] as never;
    const record = aRecord({ vm: { state: "Unknown", hostId }, openIncidents });
    const run = new OneJob(record, { type: "vm.stop" }).answered({ status: "done", power: "off" });
    expect(run.record.vm.state).toBe("Stopped");
    expect(run.record.openIncidents).toEqual([]);
    expect(run.effects("resolve-incident")).toHaveLength(1);
  });

  it("is Stopped at once when a dead job left it Starting and nothing was ever sent", () => {
    const run = new OneJob(aRecord({ vm: { state: "Starting" } }), { type: "vm.stop" });
    expect(run.record.vm.state).toBe("Stopped");
  });

  it("fails host_unreachable, Unknown, when its host is not registered any more", () => {
    const run = new OneJob(running(), { type: "vm.stop" }, { hosts: [] });
    expect(run.ended?.error?.code).toBe("host_unreachable");
    expect(run.record.vm).toMatchObject({ state: "Unknown", hostId });
  });

  it("waits for the session of a host that joined anew, and goes on when it is there", () => {
    const joined = { ...aHostFact(), bootId: undefined, queueUrl: undefined };
    const run = new OneJob(running(), { type: "vm.stop" }, { hosts: [joined] });
    expect(run.record.active).toMatchObject({ step: "probing", waitFor: { kind: "timer" } });
    expect(run.silenceToTheEnd().ended?.error?.code).toBe("host_unreachable");
  });

  it.each([{ status: "stale" as const }, { status: "failed" as const, code: "outcome_unknown" }])(
    "asks the guest again for what is left of its grace when its agent lost the command: $status",
    (lost) => {
      const run = stop({ graceSeconds: 600, thenForce: true }).answered(lost);
      run.now += 100_000;
      run.answered({ status: "done", power: "on" });
      expect(run.command.call).toEqual({ verb: "shutdown", args: { graceSeconds: 500 } });
    },
  );

  it("says what the hypervisor said when it refuses the shutdown, and takes no power for that", () => {
    const run = stop({ graceSeconds: 600, thenForce: true });
    run.answered({ status: "failed", code: "libvirt_55", detail: "no ACPI" });
    run.answered({ status: "done", power: "on" });
    expect(run.ended?.error).toEqual({
      code: "host_refused",
      detail: "host-a: libvirt_55: no ACPI",
    });
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it("takes the power again when the agent restarted under it, three times at most", () => {
    const run = stop({ forced: true });
    for (let n = 0; n < 3; n += 1) {
      expect(run.command.call.verb).toBe("poweroff");
      run.answered({ status: "stale" }).answered({ status: "done", power: "on" });
    }
    expect(run.ended?.error?.code).toBe("timed_out");
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it("A6 keeps the list of unsettled commands short, however often a guest ignores it", () => {
    const run = stop({ graceSeconds: 1 });
    for (let n = 2; n < 60; n += 1) {
      run.answered({ status: "failed", code: "timeout", power: "on" });
      run.submitAnother(n, { type: "vm.stop", input: { graceSeconds: 1 } });
    }
    expect(run.record.unsettled.length).toBeLessThanOrEqual(1);
  });

  it("fails invalid_payload on an input that is not its own, and the next job runs", () => {
    const run = new OneJob(running(), { type: "vm.stop", input: { force: 1 } });
    expect(run.ended?.error?.code).toBe("invalid_payload");
    expect(run.record.vm.state).toBe("Running");
  });
});
