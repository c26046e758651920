import { describe, expect, it } from "vitest";
import { type ApartmentRecord, UnsettledCommand } from "../../../shared/model/apartment-record.ts";
import type { Power } from "../../../shared/model/power.ts";
import { wrongEvidence } from "../../../sim/checks/evidence.ts";
import { aRecord, hostId, jobIdOf, otherHostId, T0 } from "../../support/a-record.ts";

const saying = (power: Power, seq = 2, bootOrdinal = 1) => ({
  ...{ bootOrdinal, seq, power, receivedAt: T0 },
});
const running = aRecord({
  vm: { state: "Running", hostId },
  observations: { [hostId]: saying("on") },
});
const wrongIn = (over: Partial<ApartmentRecord>) => wrongEvidence(running, { ...running, ...over });

describe("what a commit takes from hosts", () => {
  it("is all right where it is the host's last word, and newer than what was known", () => {
    const vm = { ...running.vm, state: "Suspended" } as const;
    expect(wrongIn({ vm, observations: { [hostId]: saying("paused", 3) } })).toBeUndefined();
    const { hostId: _, ...off } = { ...running.vm, state: "Stopped" as const };
    expect(wrongIn({ vm: off, observations: { [hostId]: saying("off", 3) } })).toBeUndefined();
    const moved = { ...running.vm, hostId: otherHostId };
    const observations = { [hostId]: saying("missing", 3), [otherHostId]: saying("on", 1) };
    expect(wrongIn({ vm: moved, observations })).toBeUndefined();
    expect(wrongIn({})).toBeUndefined();
  });

  it.each([
    ["seq", saying("off", 1)],
    ["boot", saying("off", 9, 0)],
  ])("is not an older word, by its %s (1)", (_, older) => {
    expect(wrongIn({ observations: { [hostId]: older } })).toContain("older");
  });

  it("needs no word of a host at which a VM did not start", () => {
    const at = (state: "Starting" | "Running") =>
      aRecord({ vm: { state, hostId }, observations: {} });
    const { hostId: _, ...off } = { ...running.vm, state: "Stopped" as const };
    const leaves = (before: ApartmentRecord) =>
      wrongEvidence({ ...before, observations: {} }, { ...before, vm: off, observations: {} });
    expect(leaves(at("Starting"))).toBeUndefined();
    expect(leaves(at("Running"))).toContain("taken from");
  });

  it("takes a start's failure for the last word of a host that had said no more than that it is at it", () => {
    const observations = { [hostId]: saying("unknown", 3) };
    const out = UnsettledCommand.parse({
      ...{ commandId: "x.1.0", hostId, epoch: 1, jobId: jobIdOf(1), verb: "start" },
    });
    const starting = aRecord({ vm: { state: "Starting", hostId }, observations, unsettled: [out] });
    const { hostId: _, ...vm } = starting.vm;
    const left = { ...starting, vm };
    expect(wrongEvidence(starting, { ...left, unsettled: [] })).toBeUndefined();
    expect(wrongEvidence(starting, left)).toContain("taken from");
    const before = { ...starting, unsettled: [] };
    expect(wrongEvidence(before, { ...left, unsettled: [] })).toContain("taken from");
  });

  it.each<[string, Partial<ApartmentRecord["vm"]>, Power]>([
    ["on", { state: "Suspended" }, "on"],
    ["off", { state: "Stopped", hostId: undefined }, "on"],
    ["elsewhere", { hostId: otherHostId }, "off"],
  ])("is not what no host said: %s (2)", (_, vm, power) => {
    const next = { ...running, vm: { ...running.vm, ...vm } };
    const observations = { [hostId]: saying(power, 3) };
    expect(wrongEvidence(running, { ...next, observations })).toBeDefined();
  });
});
