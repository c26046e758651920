import { describe, expect, it } from "vitest";
import type { HostState } from "../../../shared/model/host.ts";
import { HostId } from "../../../shared/model/ids.ts";
import { aHostFact, aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";
import { VerifyRun } from "../../support/verify-run.ts";

const third = HostId.parse("host-c");
const running = () => aRecord({ vm: { state: "Running", hostId } });
const seconds = (run: VerifyRun) => (run.now - T0) / 1000;

describe("a VM that changes behind our back, without a job", () => {
  it("is verified in the commit that records the observation, under an epoch of its own, and told of", () => {
    const run = new VerifyRun(running(), [[hostId, "off"]]).observed(hostId, "off");
    expect(run.record.active).toMatchObject({ type: "vm.verify", step: "probing" });
    expect(run.record.vm.state).toBe("Running");
    expect(run.all("command")[0]?.epoch).toBe(run.record.epoch);
    run.toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Stopped", hostId: undefined });
    expect(run.told("vm.state")).toEqual([
      expect.objectContaining({ from: "Running", to: "Stopped", cause: "power" }),
    ]);
    expect(run.told("incident")).toEqual([expect.objectContaining({ change: "opened" })]);
    expect(run.record.wakeAt).toBeUndefined();
  });

  it("is not Stopped because a report was wrong: its host is asked, and says on", () => {
    const run = new VerifyRun(running(), [[hostId, "on"]]).observed(hostId, "off").toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    expect(run.open).toEqual([]);
    expect(run.record.recheck).toBeUndefined();
  });

  it("opens an incident once, and it is over when the VM is on again", () => {
    const run = new VerifyRun(running(), [[hostId, "off"]]).observed(hostId, "off").toTheEnd();
    expect(run.open).toEqual(["out_of_band_power_off"]);
    run.answers.set(hostId, "on");
    run.observed(hostId, "on").toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    expect(run.open).toEqual(["out_of_band_power_on"]);
    run.answers.set(hostId, "crashed");
    run.observed(hostId, "crashed").toTheEnd();
    expect(run.open).toEqual(["out_of_band_power_off"]);
    expect(run.all("resolve-incident")).toHaveLength(2);
  });

  it("is Suspended when it was paused, and Running when it was resumed", () => {
    const run = new VerifyRun(running(), [[hostId, "paused"]]);
    run.observed(hostId, "paused").toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Suspended", hostId });
    run.answers.set(hostId, "on");
    expect(run.observed(hostId, "on").toTheEnd().record.vm.state).toBe("Running");
    expect(run.all("open-incident")).toEqual([]);
  });

  it("keeps the hypervisor's own words beside the power that the probe found", () => {
    const run = new VerifyRun(running(), [[hostId, "off"]]);
    run.observed(hostId, "off", "shut off (destroyed)").toTheEnd();
    expect(run.record.observations[hostId]?.detail).toBe("shut off (destroyed)");
  });
});

describe("absence", () => {
  it("is no evidence: the host is asked, and a VM that it knows is what it says", () => {
    const run = new VerifyRun(running(), [[hostId, "on"]]).observed(hostId, "missing").toTheEnd();
    expect(run.record.vm.state).toBe("Running");
  });

  it("that the host confirms is waited out for a report of others, then the VM is Stopped", () => {
    const run = new VerifyRun(running(), [[hostId, "missing"]]).observed(hostId, "missing");
    run.toTheEnd();
    expect(run.record.vm.state).toBe("Stopped");
    expect(run.open).toEqual(["out_of_band_power_off"]);
    expect(seconds(run)).toBeGreaterThanOrEqual(60);
    expect(seconds(run)).toBeLessThanOrEqual(90);
  });

  it("at a host that cannot be asked makes it Unknown, never Stopped, and gives no room back", () => {
    const run = new VerifyRun(running(), []).observed(hostId, "missing").toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Unknown", lastState: "Running", hostId });
    expect(run.all("release")).toEqual([]);
  });
});

describe("a live migration by hand", () => {
  it("ends as a migration though both hosts claim the VM for a minute", () => {
    const run = new VerifyRun(running(), [
      [hostId, (at) => (at.now < T0 + 60_000 ? "on" : "off")],
      [otherHostId, "on"],
    ]).observed(otherHostId, "on");
    run.toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
    expect(run.open).toEqual(["out_of_band_migration"]);
    expect(run.all("open-incident").map(({ incident }) => incident.kind)).not.toContain(
      "split_brain",
    );
    expect(run.all("release").map((effect) => effect.hostId)).toEqual([hostId]);
    expect(run.all("reserve")).toMatchObject([{ hostId: otherHostId, found: true }]);
  });

  it("is seen at once when a host says so while both were being asked again", () => {
    const run = new VerifyRun(running(), [
      [hostId, "on"],
      [otherHostId, "on"],
    ]).observed(otherHostId, "on");
    while (run.record.active?.step !== "insisting") run.goOn();
    run.answers.set(hostId, "off");
    run.observed(hostId, "off").toTheEnd();
    expect(run.record.vm.hostId).toBe(otherHostId);
    expect(seconds(run)).toBe(0);
  });

  it("leaves the VM alone while the target does not know yet what it has", () => {
    const run = new VerifyRun(running(), [
      [hostId, "on"],
      [otherHostId, "unknown"],
    ]);
    run.observed(otherHostId, "unknown").toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    expect(run.record.recheck).toMatchObject({ tries: 1 });
    run.answers.set(hostId, "off").set(otherHostId, "on");
    run.observed(hostId, "off").toTheEnd();
    expect(run.record.vm.hostId).toBe(otherHostId);
  });

  it("that its old host tells of first is not taken for a power-off: the new one is waited for", () => {
    const run = new VerifyRun(running(), [
      [hostId, "off"],
      [otherHostId, "on"],
    ]).observed(hostId, "off", "shut off (migrated)");
    while (run.record.active?.step !== "insisting") run.goOn();
    run.observed(otherHostId, "on").toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
    expect(run.open).toEqual(["out_of_band_migration"]);
    expect(run.told("vm.state")).toEqual([]);
  });

  it("by hand is over as an incident when the VM leaves that host again", () => {
    const run = new VerifyRun(running(), [
      [hostId, "off"],
      [otherHostId, "on"],
    ]).observed(otherHostId, "on");
    run.toTheEnd();
    run.answers.set(hostId, "on").set(otherHostId, "missing");
    run.observed(hostId, "on").toTheEnd();
    expect(run.record.vm.hostId).toBe(hostId);
    const kinds = run.all("open-incident").map(({ incident }) => incident.hostId);
    expect(kinds).toEqual([otherHostId, hostId]);
    expect(run.record.openIncidents).toMatchObject([{ hostId }]);
  });
});

describe("two hosts that have it", () => {
  const split = () =>
    new VerifyRun(running(), [
      [hostId, "on"],
      [otherHostId, "on"],
    ])
      .observed(otherHostId, "on")
      .toTheEnd();

  it("are a split brain when that lasts: nothing flips, and it is looked at until one is gone", () => {
    const run = split();
    expect(run.open).toEqual(["split_brain"]);
    expect(run.record.vm).toMatchObject({ state: "Running", hostId });
    expect(seconds(run)).toBeGreaterThanOrEqual(90);
    expect(run.record.wakeAt).toBe(run.record.recheck?.at);
    run.answers.set(otherHostId, "off");
    run.observed(otherHostId, "off").toTheEnd();
    expect(run.open).toEqual([]);
    expect(run.record.vm.hostId).toBe(hostId);
  });

  it("are no split brain by what one said long ago: it is asked again", () => {
    const run = new VerifyRun(running(), [
      [hostId, "on"],
      [otherHostId, "off"],
    ]);
    run.observed(otherHostId, "on").toTheEnd();
    expect(run.open).toEqual([]);
    expect(run.record.recheck).toBeUndefined();
  });

  it("stay a split brain while one of them cannot be asked", () => {
    const run = split();
    run.answers.set(otherHostId, "silent");
    run.wake().toTheEnd();
    expect(run.open).toEqual(["split_brain"]);
  });

  it("and the VM's own is gone: it is where the other has it", () => {
    const run = split();
    run.answers.set(hostId, "off");
    run.observed(hostId, "off").toTheEnd();
    expect(run.record.vm.hostId).toBe(otherHostId);
    expect(run.open).toEqual(["out_of_band_migration"]);
  });
});

describe("a zombie", () => {
  it("is powered off as a step of the job that finds it, at every host that has it", () => {
    const run = new VerifyRun(aRecord({ vm: { state: "Destroyed" } }), [
      [hostId, "on"],
      [otherHostId, "paused"],
    ]).observed(hostId, "on");
    run.observed(otherHostId, "paused").toTheEnd();
    const killed = run.all("command").filter(({ call }) => call.verb === "poweroff");
    expect(killed.map((command) => command.hostId)).toEqual([hostId, otherHostId]);
    expect(run.record.vm.state).toBe("Destroyed");
    expect(run.told("incident").map(({ change }) => change)).toEqual(["opened", "resolved"]);
    expect(run.record.unsettled).toEqual([]);
  });

  it("that its host does not power off stays an incident, and is tried again later", () => {
    const run = new VerifyRun(aRecord({ vm: { state: "Destroyed" } }), [[hostId, "on"]]);
    run.stubborn.add(hostId);
    run.observed(hostId, "on").toTheEnd();
    expect(run.open).toEqual(["zombie"]);
    expect(run.record.recheck?.at).toBeGreaterThan(run.now);
    const killed = run.all("command").filter(({ call }) => call.verb === "poweroff");
    expect(killed).toHaveLength(3);
  });
});

describe("who cannot be asked", () => {
  it("makes the VM Unknown with its last state kept, tried again at ever greater distances (A8)", () => {
    const run = new VerifyRun(running(), []).observed(hostId, "missing").toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Unknown", lastState: "Running" });
    const distances = Array.from({ length: 9 }, () => {
      const distance = (run.record.recheck?.at ?? 0) - run.now;
      run.wake().toTheEnd();
      return distance / 1000;
    });
    expect(distances).toEqual([10, 20, 40, 80, 120, 120, 120, 120, 120]);
  });

  it("and answers again: the VM is what is true, in the eyes of its state before", () => {
    const run = new VerifyRun(running(), []).observed(hostId, "missing").toTheEnd();
    run.answers.set(hostId, "on");
    run.wake().toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", lastState: undefined });
    expect(run.record.recheck).toBeUndefined();
    run.answers.set(hostId, "silent");
    run.observed(hostId, "missing").toTheEnd();
    run.answers.set(hostId, "off");
    run.observed(hostId, "off").toTheEnd();
    expect(run.record.vm.state).toBe("Stopped");
    expect(run.open).toEqual(["out_of_band_power_off"]);
  });

  it.each<HostState>(["Down", "Fenced"])("is not sent anything while it is %s", (state) => {
    const hosts = [[hostId, aHostFact({ state, bootId: undefined })]] as const;
    const run = new VerifyRun(running(), [[hostId, "on"]], { hosts });
    run.observed(hostId, "missing").toTheEnd();
    expect(run.all("command")).toEqual([]);
    expect(run.record.vm.state).toBe("Unknown");
    // Its return is heard; until then a look costs a job and finds nothing.
    expect((run.record.recheck?.at ?? 0) - run.now).toBe(600_000);
  });

  it("and is no host any more can have nothing, unless something sent there is unsettled", () => {
    const stopped = aRecord();
    const hosts = [[third, null]] as const;
    const run = new VerifyRun(stopped, [], { hosts }).observed(third, "on").toTheEnd();
    expect(run.record.vm.state).toBe("Stopped");
    expect(run.record.observations[third]).toBeUndefined();
    const unsettled = [
      { commandId: "c.1.0", hostId: third, epoch: 1, jobId: run.record.id, verb: "start" },
    ] as never;
    const doubtful = new VerifyRun(aRecord({ unsettled }), [], { hosts }).observed(third, "on");
    expect(doubtful.toTheEnd().record.vm.state).toBe("Unknown");
  });

  it("for it is busy is not believed until what it does is over", () => {
    let asked = 0;
    const run = new VerifyRun(aRecord({ vm: { state: "Unknown", hostId } }), [
      [
        hostId,
        () => {
          asked += 1;
          return asked < 3 ? "busy" : "on";
        },
      ],
    ]);
    run.observed(hostId, "off").toTheEnd();
    expect(run.record.vm.state).toBe("Running");
  });
});

describe("the evidence", () => {
  it("that a host contradicts while others are asked is asked for again", () => {
    const run = new VerifyRun(running(), [
      [hostId, "on"],
      [otherHostId, "off"],
    ]).observed(otherHostId, "on");
    run.goOn(); // its own host says on
    run.answers.set(hostId, "off").set(otherHostId, "on");
    run.observed(hostId, "off");
    run.toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Running", hostId: otherHostId });
    expect(run.open).toEqual(["out_of_band_migration"]);
  });

  it("that was true when it was given, and is not any more, is no evidence", () => {
    const run = new VerifyRun(running(), [
      [hostId, "on"],
      [otherHostId, "off"],
    ]).observed(otherHostId, "on");
    run.goOn(); // its own host says on
    run.answers.set(hostId, "off");
    run.observed(hostId, "off").toTheEnd();
    expect(run.record.vm).toMatchObject({ state: "Stopped", hostId: undefined });
  });

  it("of a host that says another thing each time ends in doubt, within its time", () => {
    let n = 0;
    const run = new VerifyRun(running(), [
      [hostId, "on"],
      [
        otherHostId,
        (at) => {
          n += 1;
          at.observed(hostId, n % 2 === 0 ? "on" : "off");
          return "off";
        },
      ],
    ]).observed(otherHostId, "on");
    run.answers.set(hostId, (at) => {
      at.now += 1_000;
      return n % 2 === 0 ? "off" : "on";
    });
    run.toTheEnd();
    expect(seconds(run)).toBeLessThan(200);
  });

  it("older than what its host has said since changes nothing", () => {
    const run = new VerifyRun(running(), [[hostId, "on"]]);
    run.observed(hostId, "on");
    const { version } = run.record;
    run.hear({
      kind: "observed",
      hostId,
      bootOrdinal: 0,
      seq: 999,
      power: "off",
      receivedAt: run.now + 5,
    });
    expect(run.record).toMatchObject({ version, vm: { state: "Running" } });
  });
});

describe("a VM left in the middle by a job that is gone", () => {
  it.each(["Starting", "Stopping", "Migrating"] as const)(
    "%s is verified by wakeAt, with no report",
    (state) => {
      const before = aRecord({ vm: { state, hostId }, recheck: { at: T0 + 10_000, tries: 0 } });
      const run = new VerifyRun({ ...before, wakeAt: T0 + 10_000 }, [[hostId, "on"]]);
      run.wake().toTheEnd();
      expect(run.record.vm).toMatchObject({ state: "Running", hostId });
      expect(seconds(run)).toBeLessThanOrEqual(60);
      expect(run.open).toEqual([]);
    },
  );
});

describe("a paused apartment", () => {
  it("verifies nothing, and is compared when it goes on", () => {
    const paused = { ...running(), paused: true };
    const run = new VerifyRun(paused, [[hostId, "off"]]).observed(hostId, "off");
    expect(run.record.active).toBeUndefined();
    run.hear({ kind: "pause", paused: false }).toTheEnd();
    expect(run.record.vm.state).toBe("Stopped");
  });
});
