import { describe, expect, it } from "vitest";
import type { HostId } from "../../../shared/model/ids.ts";
import { chooseHost } from "../../../shared/work/choose-host.ts";
import { aHostFact, hostId, otherHostId } from "../../support/a-record.ts";

const spec = { cpus: 2, memoryMiB: 512 };
const wish = { spec, avoid: [], prefer: undefined, holds: new Set<HostId>() };
const roomy = aHostFact({ free: { cpus: 8, memoryMiB: 9000 } });
const tight = aHostFact({ hostId: otherHostId, free: { cpus: 2, memoryMiB: 512 } });

describe("chooseHost", () => {
  it("takes the emptiest, by name where they are equal, whatever the order given", () => {
    expect(chooseHost([tight, roomy], wish)).toBe(roomy);
    const twin = aHostFact({ hostId: otherHostId, free: { cpus: 8, memoryMiB: 9000 } });
    expect(chooseHost([twin, roomy], wish)?.hostId).toBe(hostId);
    expect(chooseHost([roomy, twin], wish)?.hostId).toBe(hostId);
  });

  it("prefers the one named, if it fits", () => {
    expect(chooseHost([tight, roomy], { ...wish, prefer: otherHostId })).toBe(tight);
    const big = { cpus: 4, memoryMiB: 512 };
    expect(chooseHost([tight, roomy], { ...wish, spec: big, prefer: otherHostId })).toBe(roomy);
  });

  it.each([
    ["is not Up", { state: "Disconnected" as const }],
    ["has too few cpus", { free: { cpus: 1, memoryMiB: 9000 } }],
    ["has too little memory", { free: { cpus: 8, memoryMiB: 511 } }],
  ])("never takes a host that %s", (_, overrides) => {
    expect(chooseHost([aHostFact(overrides)], wish)).toBeUndefined();
  });

  it("never takes one that was tried, nor one without the labels wanted", () => {
    expect(chooseHost([roomy], { ...wish, avoid: [hostId] })).toBeUndefined();
    const labelled = { ...spec, hostLabels: { zone: "a" } };
    expect(chooseHost([roomy], { ...wish, spec: labelled })).toBeUndefined();
    const inZone = aHostFact({ labels: { zone: "a", rack: "7" } });
    expect(chooseHost([inZone], { ...wish, spec: labelled })).toBe(inZone);
  });

  it("takes a host whose capacity nobody told", () => {
    const untold = aHostFact({ free: undefined });
    expect(chooseHost([untold], wish)).toBe(untold);
  });
});
