/**
 * A libvirt domain from a VM's spec, for those who give no XML of their own.
 *
 *  1. The domain's name is the VM's id: names of VMs are not unique and may change, a domain's name must be and may not.
 *     The VM's own name is its title (`virsh list --title`).
 *  2. The same spec gives the same XML: a start that defines the domain anew changes nothing, network addresses included.
 *     An interface's address follows from its bridge, not from its place: detaching one must not change the others'.
 *  3. The format of a disk is told by its path and never probed: a guest could write another format's header into a raw disk.
 *  4. Everything that came from outside is escaped.
 */
import { createHash } from "node:crypto";
import type { VmId } from "../../shared/model/ids.ts";
import type { Device, VmSpec } from "../../shared/model/vm.ts";

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
    ...renderDevices(vmId, { targets: [], bridges: [] }, devicesOf(spec)),
    `    <controller type='usb' model='none'/>`,
    `    <memballoon model='none'/>`,
    `    <panic model='isa'/>`,
    `    <serial type='pty'/>`,
    `  </devices>`,
    `</domain>`,
  ];
  return lines.join("\n");
}

/** A spec's devices, in the order in which a guest gets them. */
export function devicesOf(spec: VmSpec): readonly Device[] {
  const disks = (spec.disks ?? []).map((disk) => ({ kind: "disk", ...disk }) as const);
  const networks = (spec.networks ?? []).map((one) => ({ kind: "network", ...one }) as const);
  return [...disks, ...networks];
}

/** What a domain has already, as far as a new device must not be it again. */
export type Taken = {
  /** `vda`, … */
  readonly targets: readonly string[];
  /** Of the interfaces, one for each. */
  readonly bridges: readonly string[];
};

/** Device elements to add to a domain that has `taken`: names and addresses that are free there, the same each time. */
export function renderDevices(
  vmId: VmId,
  taken: Taken,
  devices: readonly Device[],
): readonly string[] {
  const targets = new Set(taken.targets);
  const bridges = [...taken.bridges];
  return devices.map((device) => {
    switch (device.kind) {
      case "disk": {
        const target = TARGETS.find((one) => !targets.has(one)) ?? "vdz";
        targets.add(target);
        return renderDisk(device, target);
      }
      case "network": {
        const { bridge } = device;
        const nth = bridges.filter((other) => other === bridge).length;
        bridges.push(bridge);
        return renderNetwork(bridge, macAddress(vmId, bridge, nth));
      }
      default:
        return device satisfies never;
    }
  });
}

/** More than a spec may have and an owner's XML is likely to. */
const TARGETS = Array.from({ length: 26 }, (_, at) => `vd${String.fromCharCode(97 + at)}`);

/** A disk that is only read may be shared by any number of guests, so it is. */
function renderDisk({ source, readOnly }: Extract<Device, { kind: "disk" }>, target: string) {
  const isBlock = source.startsWith("/dev/");
  const format = source.endsWith(".qcow2") ? "qcow2" : "raw"; // 3
  return [
    `    <disk type='${isBlock ? "block" : "file"}' device='disk'>`,
    `<driver name='qemu' type='${format}'/>`,
    `<source ${isBlock ? "dev" : "file"}='${escaped(source)}'/>`,
    `<target dev='${target}' bus='virtio'/>`,
    readOnly === true ? `<readonly/><shareable/>` : "",
    `</disk>`,
  ].join("");
}

function renderNetwork(bridge: string, mac: string): string {
  return [
    `    <interface type='bridge'>`,
    `<source bridge='${escaped(bridge)}'/>`,
    `<mac address='${mac}'/>`,
    `<model type='virtio'/>`,
    `</interface>`,
  ].join("");
}

/** 40 bits of hash under a locally administered prefix: two of a million NICs meet with a chance of about a half. */
function macAddress(vmId: VmId, bridge: string, nth: number): string {
  const bytes = createHash("sha256").update(`${vmId}/${bridge}/${nth}`).digest().subarray(0, 5);
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
