/**
 * A libvirt domain from a VM's spec, for those who give no XML of their own.
 *
 *  1. The domain's name is the VM's id: names of VMs are not unique and may change, a domain's name must be and may not.
 *     The VM's own name is its title (`virsh list --title`).
 *  2. The same spec gives the same XML: a start that defines the domain anew changes nothing, network addresses included.
 *  3. The format of a disk is told by its path and never probed: a guest could write another format's header into a raw disk.
 *  4. Everything that came from outside is escaped.
 */
import { createHash } from "node:crypto";
import type { VmId } from "../../shared/model/ids.ts";
import type { VmSpec } from "../../shared/model/vm.ts";

/** `qemu` emulates and runs everywhere; `kvm` needs /dev/kvm. */
export type DomainType = "qemu" | "kvm";

export function renderDomainXml(vm: {
  readonly vmId: VmId;
  readonly name: string;
  readonly spec: VmSpec;
  readonly domainType: DomainType;
}): string {
  const { vmId, spec } = vm;
  const lines = [
    `<domain type='${vm.domainType}'>`,
    `  <name>${vmId}</name>`,
    `  <uuid>${vmId}</uuid>`,
    `  <title>${escaped(vm.name)}</title>`,
    `  <memory unit='MiB'>${spec.memoryMiB}</memory>`,
    `  <vcpu>${spec.cpus}</vcpu>`,
    `  <os><type>hvm</type></os>`,
    `  <features><acpi/></features>`,
    `  <on_poweroff>destroy</on_poweroff>`,
    `  <on_reboot>restart</on_reboot>`,
    `  <on_crash>destroy</on_crash>`,
    `  <devices>`,
    ...(spec.disks ?? []).map((disk, at) => renderDisk(disk, at)),
    ...(spec.networks ?? []).map((network, at) => renderNetwork(vmId, network.bridge, at)),
    `    <controller type='usb' model='none'/>`,
    `    <memballoon model='none'/>`,
    `    <panic model='isa'/>`,
    `    <serial type='pty'/>`,
    `  </devices>`,
    `</domain>`,
  ];
  return lines.join("\n");
}

type Disk = NonNullable<VmSpec["disks"]>[number];

/** A disk that is only read may be shared by any number of guests, so it is. */
function renderDisk({ source, readOnly }: Disk, at: number): string {
  const isBlock = source.startsWith("/dev/");
  const format = source.endsWith(".qcow2") ? "qcow2" : "raw"; // 3
  const target = `vd${String.fromCharCode("a".charCodeAt(0) + at)}`; // at most 16
  return [
    `    <disk type='${isBlock ? "block" : "file"}' device='disk'>`,
    `<driver name='qemu' type='${format}'/>`,
    `<source ${isBlock ? "dev" : "file"}='${escaped(source)}'/>`,
    `<target dev='${target}' bus='virtio'/>`,
    readOnly === true ? `<readonly/><shareable/>` : "",
    `</disk>`,
  ].join("");
}

function renderNetwork(vmId: VmId, bridge: string, at: number): string {
  return [
    `    <interface type='bridge'>`,
    `<source bridge='${escaped(bridge)}'/>`,
    `<mac address='${macAddress(vmId, at)}'/>`,
    `<model type='virtio'/>`,
    `</interface>`,
  ].join("");
}

/** 40 bits of hash under a locally administered prefix: two of a million NICs meet with a chance of about a half. */
function macAddress(vmId: VmId, at: number): string {
  const bytes = createHash("sha256").update(`${vmId}/${at}`).digest().subarray(0, 5);
  return ["02", ...[...bytes].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&apos;",
  '"': "&quot;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>'"]/g, (character) => ENTITIES[character] ?? "");
}
