import { describe, expect, it } from "vitest";
import { compareHost, isMatch } from "../../../shared/core/resync.ts";
import { Power } from "../../../shared/model/power.ts";
import { VmState } from "../../../shared/model/vm.ts";
import type { VmAtHost } from "../../../shared/model/vm-at-host.ts";
import { hostId } from "../../support/a-record.ts";
import { listed, vmIdOf } from "../../support/joined-host.ts";

const BOOT = 3;
const SAID = { bootOrdinal: BOOT, power: "on", detail: "booted", epoch: 4 } as const;
const RUNNING: VmAtHost = { id: vmIdOf(1), state: "Running", hostId, said: SAID };
const OFF: VmAtHost = {
  id: vmIdOf(1),
  state: "Stopped",
  said: { bootOrdinal: BOOT, power: "off" },
};
const AS_SAID = listed(1, { detail: "booted", epoch: 4 });

const compare = (records: readonly VmAtHost[], vms = [AS_SAID]) =>
  compareHost(records, { bootOrdinal: BOOT, vms });

describe("a record that has the host's very word, and rests in it", () => {
  it.each<readonly [string, VmAtHost, typeof AS_SAID]>([
    ["Running", RUNNING, AS_SAID],
    [
      "Suspended",
      { ...RUNNING, state: "Suspended", said: { ...SAID, power: "paused" } },
      { ...AS_SAID, power: "paused" },
    ],
    ["Stopped", OFF, listed(1, { power: "off" })],
    ["Destroyed", { ...OFF, state: "Destroyed" }, listed(1, { power: "off" })],
  ])("is told nothing: %s (1)", (_state, record, vm) => {
    expect(isMatch(compare([record], [vm]))).toBe(true);
  });
});

describe("a VM that is listed is told of (2)", () => {
  it.each<readonly [string, readonly VmAtHost[]]>([
    ["no record has it here", []],
    ["the host's word was never heard", [{ id: vmIdOf(1), state: "Running", hostId }]],
    ["it was heard in another boot", [{ ...RUNNING, said: { ...SAID, bootOrdinal: BOOT - 1 } }]],
    ["another power was", [{ ...RUNNING, said: { ...SAID, power: "off" } }]],
    ["other words were", [{ ...RUNNING, said: { ...SAID, detail: "migrated" } }]],
    ["another epoch was", [{ ...RUNNING, said: { ...SAID, epoch: 3 } }]],
    ["it is on, and recorded nowhere", [{ id: vmIdOf(1), state: "Running", said: SAID }]],
  ])("where %s", (_why, records) => {
    const { listed: told, unlisted } = compare(records);
    expect([...told]).toEqual([vmIdOf(1)]);
    expect(unlisted).toEqual([]);
  });

  it("where its record rests in no state that goes with the host's word", () => {
    const resting = VmState.options.filter((state) => isMatch(compare([{ ...RUNNING, state }])));
    expect(resting).toEqual(["Running"]);
  });

  it("where it may be there, and is recorded as off and nowhere", () => {
    const told = Power.options.filter((power) => {
      if (power === "missing") return false;
      const said = { bootOrdinal: BOOT, power };
      return !isMatch(compare([{ ...OFF, said }], [listed(1, { power })]));
    });
    expect(told).toEqual(["on", "paused", "unknown"]);
  });

  it("and no other", () => {
    const both = [RUNNING, { ...RUNNING, id: vmIdOf(2), state: "Unknown" as const }];
    const told = compare(both, [AS_SAID, { ...AS_SAID, vmId: vmIdOf(2) }]).listed;
    expect([...told]).toEqual([vmIdOf(2)]);
  });
});

describe("a VM that is not listed is absent (3)", () => {
  it("where its record has it there, whatever was heard", () => {
    for (const power of Power.options)
      expect(compare([{ ...RUNNING, said: { ...SAID, power } }], []).unlisted).toEqual([vmIdOf(1)]);
  });

  it("where it is nowhere, and the host's last word was that it may have it", () => {
    const claiming = Power.options.filter(
      (power) => !isMatch(compare([{ ...OFF, said: { bootOrdinal: BOOT, power } }], [])),
    );
    expect(claiming).toEqual(["on", "paused", "unknown"]);
  });
});
