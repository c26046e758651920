import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle, settleFenced } from "../../../shared/core/settle.ts";
import { UnsettledCommand } from "../../../shared/model/apartment-record.ts";
import { CommandId, type HostId } from "../../../shared/model/ids.ts";
import { hostId, jobIdOf, otherHostId } from "../../support/a-record.ts";

const out = (n: number, host: HostId = hostId): UnsettledCommand =>
  UnsettledCommand.parse({
    commandId: `c${n}`,
    hostId: host,
    epoch: n,
    jobId: jobIdOf(1),
    verb: "start",
  });
const result = (n: number, status: "done" | "failed" | "stale", code?: string) => ({
  commandId: CommandId.parse(`c${n}`),
  hostId,
  epoch: n,
  status,
  code,
  busy: undefined as boolean | undefined,
});
const waitsForProbe = (n: number) =>
  ({
    kind: "result",
    commandId: CommandId.parse(`c${n}`),
    hostId,
    verb: "probe",
    epoch: n,
  }) as const;

describe("A6: settlement", () => {
  it.each([
    ["done", undefined, true],
    ["failed", "libvirt_38", true],
    ["failed", "not_found", true],
    ["failed", "outcome_unknown", false],
    ["failed", "timeout", false],
    ["failed", "hypervisor_unreachable", true],
    ["failed", undefined, false],
    ["stale", undefined, false],
  ] as const)("a command answered %s %s is settled: %s", (status, code, settled) => {
    expect(settle([out(1), out(2)], result(1, status, code), undefined)).toEqual(
      settled ? [out(2)] : [out(1), out(2)],
    );
  });

  it("a fence settles what was sent to the host, and not what another host may still bring there", () => {
    const source = { ...out(1), verb: "migrate" };
    const target = { ...source, hostId: otherHostId, sourceHostId: hostId };
    expect(settleFenced([source, target, out(2, otherHostId)], otherHostId)).toEqual([
      source,
      target,
    ]);
    expect(settleFenced([target], otherHostId)).toEqual([]);
    expect(settleFenced([source, target], hostId)).toEqual([target]);
  });

  it("the timeout of a shutdown settles it: it turns nothing on, and is over", () => {
    const shutdown = { ...out(1), verb: "shutdown" };
    expect(settle([shutdown], result(1, "failed", "timeout"), undefined)).toEqual([]);
  });

  it("nothing settles but the answer of the host that the command was sent to, under its epoch", () => {
    const elsewhere = { ...result(1, "done"), hostId: otherHostId };
    expect(settle([out(1)], elsewhere, undefined)).toEqual([out(1)]);
    expect(settle([out(1)], { ...result(1, "done"), epoch: 7 }, undefined)).toEqual([out(1)]);
    const probed = { ...result(5, "done"), hostId: otherHostId };
    expect(settle([out(1)], probed, waitsForProbe(5))).toEqual([out(1)]);
    expect(settle([out(1)], { ...result(5, "done"), epoch: 99 }, waitsForProbe(5))).toEqual([
      out(1),
    ]);
  });

  it("a probe that says not busy settles everything earlier at its host, and nothing elsewhere", () => {
    const left = settle([out(1), out(2, otherHostId), out(9)], result(5, "done"), waitsForProbe(5));
    expect(left).toEqual([out(2, otherHostId), out(9)]);
  });

  it.each([
    ["busy", { ...result(5, "done"), busy: true }],
    ["stale", result(5, "stale")],
    ["failed", result(5, "failed", "libvirt_38")],
  ])("a probe answered %s settles nothing", (_, answer) => {
    expect(settle([out(1)], answer, waitsForProbe(5))).toEqual([out(1)]);
  });

  describe("of a migration, unsettled at its source and at its target", () => {
    const source = { ...out(1), verb: "migrate" };
    const target = { ...source, hostId: otherHostId, sourceHostId: hostId };
    const probed = (host: HostId) =>
      [
        { ...result(5, "done"), hostId: host },
        { ...waitsForProbe(5), hostId: host },
      ] as const;

    it.each([
      ["done", undefined, [target]],
      ["failed", "libvirt_38", []],
      ["failed", "timeout", [source, target]],
      ["failed", "outcome_unknown", [source, target]],
    ] as const)("the source's %s %s settles what it proves", (status, code, left) => {
      expect(settle([source, target], result(1, status, code), undefined)).toEqual(left);
    });

    it("the target answers for its part only once the source's is settled, and for no more", () => {
      expect(settle([source, target], ...probed(otherHostId))).toEqual([source, target]);
      expect(settle([source, target], ...probed(hostId))).toEqual([target]);
      expect(settle([target], ...probed(otherHostId))).toEqual([]);
    });

    it("the target's own result of the command, if anybody sent one, settles nothing", () => {
      const spoofed = { ...result(1, "done"), hostId: otherHostId };
      expect(settle([source, target], spoofed, undefined)).toEqual([source, target]);
    });
  });

  it("never settles a command at a host that did not answer", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 8 }),
        fc.constantFrom("done" as const, "failed" as const, "stale" as const),
        fc.integer({ min: 30, max: 40 }),
        (epochs, status, n) => {
          const elsewhere = epochs.map((epoch) => out(epoch, otherHostId));
          expect(settle(elsewhere, result(n, status), waitsForProbe(n))).toEqual(elsewhere);
        },
      ),
    );
  });
});
