import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evidenceFor, isNewer, observe } from "../../../shared/core/observe.ts";
import { openTurn, vmRecord } from "../../../shared/core/turn.ts";
import type { Observation } from "../../../shared/model/power.ts";
import { registry } from "../../../shared/work/registry.ts";
import { aRecord, hostId, settings, T0 } from "../../support/a-record.ts";

const inputs = {
  facts: { hosts: new Map(), jobs: new Map() },
  settings,
  work: registry,
  now: T0,
};
const Said = fc.record({
  bootOrdinal: fc.nat(3),
  seq: fc.nat(6),
  power: fc.constantFrom("on" as const, "off" as const, "paused" as const),
  receivedAt: fc.constant(T0),
});

describe("observations", () => {
  it("end as what the host said last by its own order, however they arrive", () => {
    fc.assert(
      fc.property(fc.array(Said, { minLength: 1, maxLength: 30 }), (said) => {
        const end = said.reduce(
          (turn, each) => observe(turn, hostId, each),
          openTurn(aRecord(), inputs),
        );
        const last = vmRecord(end).observations[hostId];
        expect(said.every((each) => !isNewer(each, last))).toBe(true);
        expect(said).toContainEqual(last);
      }),
    );
  });

  it("tell the topic only when the power is another", () => {
    const on: Observation = { bootOrdinal: 1, seq: 1, power: "on", receivedAt: T0 };
    const first = observe(openTurn(aRecord(), inputs), hostId, on);
    const again = observe(first, hostId, { ...on, seq: 2 });
    const off = observe(again, hostId, { ...on, seq: 3, power: "off" });
    expect([first, again, off].map((turn) => turn.effects.length)).toEqual([1, 1, 2]);
  });

  it("keep the VM's own host among the few that are kept", () => {
    const at = aRecord({ vm: { state: "Running", hostId } });
    let turn = observe(openTurn(at, inputs), hostId, {
      bootOrdinal: 1,
      seq: 1,
      power: "on",
      receivedAt: T0,
    });
    for (let n = 0; n < 20; n += 1)
      turn = observe(turn, `other-${n}` as typeof hostId, {
        bootOrdinal: 1,
        seq: 1,
        power: "off",
        receivedAt: T0 + n,
      });
    const hosts = Object.keys(vmRecord(turn).observations);
    expect(hosts).toHaveLength(8);
    expect(hosts).toContain(hostId);
  });
});

describe("evidence for the active job", () => {
  const sent = { [hostId]: { epoch: 5, bootOrdinal: 2 } };
  const active = { sent } as Parameters<typeof evidenceFor>[0];
  const said = (bootOrdinal: number, epoch?: number): Observation => ({
    bootOrdinal,
    seq: 1,
    power: "on",
    receivedAt: T0,
    ...(epoch === undefined ? {} : { epoch }),
  });

  it.each([
    ["of the command's boot, having seen its epoch", said(2, 5), true],
    ["of the command's boot, having seen a later epoch", said(2, 6), true],
    ["of the command's boot, from before the command", said(2, 4), false],
    ["without an epoch", said(2), false],
    ["of an earlier boot", said(1, 9), false],
    ["of a later boot, whose agent may have lost its disk", said(3, 9), false],
  ])("an observation %s counts: %s", (_, observation, counts) => {
    const evidence = evidenceFor(active, { [hostId]: observation }, hostId);
    expect(evidence).toEqual(counts ? observation : undefined);
  });
});
