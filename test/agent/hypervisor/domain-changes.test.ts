import { expect, test } from "vitest";
import { devicesIn, newDeviceIn, withChanges } from "../../../agent/hypervisor/domain-changes.ts";
import type { DomainChanges } from "../../../shared/model/vm.ts";
import { vmId } from "../../support/agent/commands.ts";

const DISK_A = `<disk type='file'><source file='/a &amp; a.img'/><target dev='vda'/></disk>`;
const DISK_B = `<disk type="block"><target dev="vdc"/><source dev="/dev/b"/></disk>`;
const NIC = `<interface type='bridge'><source bridge='br0'/></interface>`;
const OWN = `<domain type='kvm'><name>own</name><vcpu placement='static' current='1'>4</vcpu><memory unit='GiB'>1</memory><currentMemory>512</currentMemory><devices><!-- <disk><source file='/c'/></disk> -->${DISK_A}${DISK_B}${NIC}</devices></domain>`;

function changed(xml: string, changes: Partial<DomainChanges>): string {
  const result = withChanges(xml, vmId(1), { attached: [], detached: [], ...changes });
  return result.ok ? result.xml : result.reason;
}

test("no changes leave the owner's text alone", () => {
  expect(changed(OWN, {})).toBe(OWN);
});

test("CPUs and memory are replaced, with what would contradict them; other attributes stay", () => {
  const xml = changed(OWN, { cpus: 2, memoryMiB: 300 });
  expect(xml).toContain("<vcpu placement='static'>2</vcpu>");
  expect(xml).toContain("<memory unit='MiB'>300</memory><devices>");
  expect(xml).not.toContain("currentMemory");
});

test("CPUs and memory are added where there are none", () => {
  expect(changed("<domain></domain>", { cpus: 2 })).toBe("<domain><vcpu>2</vcpu></domain>");
  expect(changed("<domain><vcpu/></domain>", { cpus: 2, memoryMiB: 8 })).toBe(
    "<domain><memory unit='MiB'>8</memory><vcpu>2</vcpu></domain>",
  );
});

test("a disk is known by its source, an interface by its bridge, and each is removed where it stands", () => {
  const without = (device: DomainChanges["detached"][number]) =>
    changed(OWN, { detached: [device] });
  expect(without({ kind: "disk", source: "/a & a.img" })).toBe(OWN.replace(DISK_A, ""));
  expect(without({ kind: "disk", source: "/dev/b" })).toBe(OWN.replace(DISK_B, ""));
  expect(without({ kind: "network", bridge: "br0" })).toBe(OWN.replace(NIC, ""));
  expect(without({ kind: "disk", source: "/c" })).toBe(OWN);
});

test("a disk's backing chain is not the disk", () => {
  const disk = `<disk><source file='/top'/><backingStore><source file='/base'/></backingStore></disk>`;
  const xml = `<domain><devices>${disk}</devices></domain>`;
  expect(changed(xml, { detached: [{ kind: "disk", source: "/base" }] })).toBe(xml);
});

test("a device is added behind the others under a name that is free, once", () => {
  const disk = { kind: "disk", source: "/d.qcow2" } as const;
  const once = changed(OWN, { attached: [disk] });
  expect(once).toMatch(/<source file='\/d.qcow2'\/><target dev='vdb'.*<\/devices><\/domain>$/);
  expect(changed(once, { attached: [disk] })).toBe(once);
});

test.each([
  ["<domain><devices/></domain>"],
  ["<domain></domain>"],
  ["<domain><devices></devices></domain>"],
])("a device finds its place in %s", (xml) => {
  const result = changed(xml, { attached: [{ kind: "network", bridge: "br1" }] });
  expect(result).toMatch(
    /^<domain><devices>\s*<interface .*<source bridge='br1'\/>.*<\/devices><\/domain>$/,
  );
});

test("what was detached can be attached again at once: it comes back as a new one", () => {
  const disk = { kind: "disk", source: "/dev/b" } as const;
  const xml = changed(OWN, { detached: [disk], attached: [disk] });
  expect(devicesIn(xml, disk)).toEqual([expect.stringContaining("<target dev='vdb'")]);
});

test("a new interface on the same bridge has another address than the first", () => {
  const device = { kind: "network", bridge: "br0" } as const;
  const bare = newDeviceIn("<domain></domain>", vmId(1), device);
  expect(bare).toContain("<mac address='02:");
  expect(newDeviceIn(OWN, vmId(1), device)).not.toBe(bare);
});

test("what is no domain is refused", () => {
  expect(changed("<network/>", { cpus: 1 })).toMatch(/root element is network/);
  expect(changed("<domain/>", { cpus: 1 })).toMatch(/it is empty/);
  expect(devicesIn("<a", { kind: "disk", source: "/a" })).toEqual([]);
  expect(newDeviceIn("<a", vmId(1), { kind: "disk", source: "/a" })).toBeUndefined();
});
