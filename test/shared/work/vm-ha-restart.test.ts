import { describe, expect, it } from "vitest";
import type { VmSubject } from "../../../shared/model/apartment-record.ts";
import { aHostFact, aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";
import { VerifyRun } from "../../support/verify-run.ts";

const HOUR_MS = 3_600_000;
const aVm = (vm: Partial<VmSubject> = {}) =>
  aRecord({
    vm: { state: "Running", hostId, haEnabled: true, ...vm },
    observations: { [hostId]: { bootOrdinal: 1, seq: 5, power: "on", receivedAt: T0 } },
  });
const gone = [[hostId, aHostFact({ state: "Fenced", bootId: undefined })]] as const;
const spare = [[otherHostId, "off"]] as const;
const starts = (run: VerifyRun) =>
  run.all("command").flatMap((each) => (each.call.verb === "start" ? [each.hostId] : []));

describe("a VM for HA", () => {
  it("of a fenced host is started elsewhere", () => {
    const run = new VerifyRun(aVm(), spare, { hosts: gone }).fenced(hostId).toTheEnd();
    expect(starts(run)).toEqual([otherHostId]);
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
    expect(run.record.vm.restartedAts).toEqual([T0]);
    expect(run.open).toEqual([]);
  });

  it("of a host that is Down is not, before the fence, and is after it", () => {
    const hosts = [[hostId, aHostFact({ state: "Down" })]] as const;
    const run = new VerifyRun(aVm(), spare, { hosts });
    run.hear({ kind: "host-lost", hostId, bootOrdinal: 1 }).toTheEnd();
    for (let looks = 0; looks < 5; looks += 1) run.wake().toTheEnd();
    expect(run.record.vm.state).toBe("Unknown");
    expect(starts(run)).toEqual([]);
    run.fenced(hostId).toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
  });

  it("that crashed is started again on its host, which is Up", () => {
    const hosts = [
      [otherHostId, aHostFact({ hostId: otherHostId, free: { cpus: 99, memoryMiB: 99_999 } })],
    ] as const;
    const run = new VerifyRun(aVm(), [[hostId, "crashed"]], { hosts });
    run.observed(hostId, "crashed", "shut off (crashed)").toTheEnd();
    expect(starts(run)).toEqual([hostId]);
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
  });

  it.each([
    ["its host lost power and came back without it", "shut off (unknown)", true],
    ["it could not go on", "shut off (failed)", true],
    ["the guest switched itself off", "shut off (shutdown)", false],
    ["somebody took its power", "shut off (destroyed)", false],
    ["nobody says why it is off", undefined, false],
  ])("is started again or not: %s", (_, detail, again) => {
    const run = new VerifyRun(aVm(), [[hostId, "off"]]).observed(hostId, "off", detail);
    run.toTheEnd();
    expect(starts(run)).toEqual(again ? [hostId] : []);
    expect(run.record.vm.state).toBe(again ? "Running" : "Stopped");
  });

  it("that its host does not know any more is started again only if that host was away", () => {
    const away = aVm({ state: "Unknown", lastState: "Running" });
    for (const [record, again] of [
      [aVm(), false],
      [away, true],
    ] as const) {
      const run = new VerifyRun(record, [[hostId, "missing"]]).observed(hostId, "missing");
      run.toTheEnd();
      expect(starts(run)).toHaveLength(again ? 1 : 0);
    }
  });

  it.each([
    ["the VM", {}, { haEnabled: false }],
    ["the whole", { settings: { haEnabled: false } }, {}],
  ])("is none where that is switched off for %s", (_, world, vm) => {
    const run = new VerifyRun(aVm(vm), [], { hosts: gone, ...world }).fenced(hostId).toTheEnd();
    expect(starts(run)).toEqual([]);
    expect(run.record.vm.state).toBe("Stopped");
    expect(run.open).toEqual(["out_of_band_power_off"]);
  });

  it("is not started again for ever: five times within an hour", () => {
    const restartedAts = [1, 2, 3, 4, 5].map((minutes) => T0 - minutes * 60_000);
    const run = new VerifyRun(aVm({ restartedAts }), [[hostId, "crashed"]]);
    run.observed(hostId, "crashed").toTheEnd();
    expect(run.record.vm.state).toBe("Stopped");
    const later = new VerifyRun(aVm({ restartedAts }), [[hostId, "crashed"]]);
    later.now = T0 + HOUR_MS;
    later.observed(hostId, "crashed").toTheEnd();
    expect(later.record.vm).toMatchObject({ state: "Running", restartedAts: [T0 + HOUR_MS] });
  });

  it("waits for room, at greater distances, and gives up after two hours", () => {
    const full = aHostFact({ hostId: otherHostId, free: { cpus: 0, memoryMiB: 0 } });
    const hosts = [...gone, [otherHostId, full]] as const;
    const run = new VerifyRun(aVm(), [], { hosts }).fenced(hostId);
    expect(run.record.active).toMatchObject({ type: "vm.ha-restart", step: "waiting" });
    expect(run.record.vm.state).toBe("Stopped");
    const before = run.now;
    run.wake();
    expect(run.now - before).toBe(15_000);
    run.toTheEnd();
    expect((run.now - before) / HOUR_MS).toBeCloseTo(2, 0);
    expect(run.record.vm.state).toBe("Stopped");
    expect(run.open).toEqual(["out_of_band_power_off"]);
  });

  it("is started as soon as there is room", () => {
    const full = aHostFact({ hostId: otherHostId, free: { cpus: 0, memoryMiB: 0 } });
    const hosts = [...gone, [otherHostId, full]] as const;
    const waiting = new VerifyRun(aVm(), [], { hosts }).fenced(hostId);
    const run = new VerifyRun(waiting.record, spare, { hosts: gone });
    run.wake().toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
  });

  it("is not started a second time when somebody started it by hand while it waited for room", () => {
    const full = aHostFact({ hostId: otherHostId, free: { cpus: 0, memoryMiB: 0 } });
    const hosts = [...gone, [otherHostId, full]] as const;
    const waiting = new VerifyRun(aVm(), [], { hosts }).fenced(hostId);
    const run = new VerifyRun(waiting.record, [[otherHostId, "on"]], { hosts: gone });
    run.observed(otherHostId, "on").toTheEnd();
    expect(starts(run)).toEqual([]);
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
  });

  it("is asked for by nobody but the system", async () => {
    const { registry } = await import("../../../shared/work/registry.ts");
    expect(registry.get("vm.ha-restart")?.origin).toBe("system");
  });
});
