/**
 * The devices of a VM as its record has them: in its spec, or, where its owner gave an XML, as changes of that. Once
 * attached there is one of its kind and name, once detached there is none, however often it is said.
 */
import type { VmSubject } from "../model/apartment-record.ts";
import { type Device, DISKS_MAX, type DomainChanges, NETWORKS_MAX } from "../model/vm.ts";
import type { VmChange } from "../model/vm-change.ts";

/** `full`: it has as many as it may. */
export type DeviceChange =
  | { readonly kind: "so_already" }
  | { readonly kind: "full" }
  | { readonly kind: "change"; readonly change: VmChange };

type Owned = Pick<VmSubject, "spec" | "domainXmlVersion" | "domainChanges">;

export function attached(vm: Owned, device: Device): DeviceChange {
  const { spec, domainChanges = NO_CHANGES } = vm;
  if (vm.domainXmlVersion !== undefined) {
    const { attached, detached } = domainChanges;
    if (attached.some(isLike(device))) return { kind: "so_already" };
    if (attached.length >= DISKS_MAX + NETWORKS_MAX) return { kind: "full" };
    return changes({
      ...domainChanges,
      attached: [...attached, device],
      detached: detached.filter(isOther(device)),
    });
  }
  const { disks = [], networks = [] } = spec;
  if (devicesOf(spec).some(isLike(device))) return { kind: "so_already" };
  if (device.kind === "disk") {
    if (disks.length >= DISKS_MAX) return { kind: "full" };
    const { kind: _, ...disk } = device;
    return { kind: "change", change: { spec: { ...spec, disks: [...disks, disk] } } };
  }
  if (networks.length >= NETWORKS_MAX) return { kind: "full" };
  const network = { bridge: device.bridge };
  return { kind: "change", change: { spec: { ...spec, networks: [...networks, network] } } };
}

export function detached(vm: Owned, device: Device): DeviceChange {
  const { spec, domainChanges = NO_CHANGES } = vm;
  if (vm.domainXmlVersion !== undefined) {
    const { attached, detached } = domainChanges;
    const known = detached.some(isLike(device));
    if (known && !attached.some(isLike(device))) return { kind: "so_already" };
    if (!known && detached.length >= DISKS_MAX + NETWORKS_MAX) return { kind: "full" };
    return changes({
      ...domainChanges,
      attached: attached.filter(isOther(device)),
      // Its XML may have one too: nobody here reads that.
      detached: known ? detached : [...detached, device],
    });
  }
  const left = devicesOf(spec).filter(isOther(device));
  if (left.length === devicesOf(spec).length) return { kind: "so_already" };
  const disks = left.flatMap((each) =>
    each.kind === "disk" ? [{ source: each.source, ...readOnly(each) }] : [],
  );
  const networks = left.flatMap((each) =>
    each.kind === "network" ? [{ bridge: each.bridge }] : [],
  );
  return { kind: "change", change: { spec: { ...spec, disks, networks } } };
}

const NO_CHANGES: DomainChanges = { attached: [], detached: [] };

function changes(domainChanges: DomainChanges): DeviceChange {
  return { kind: "change", change: { domainChanges } };
}

function devicesOf({ disks = [], networks = [] }: Owned["spec"]): readonly Device[] {
  return [
    ...disks.map((disk) => ({ ...disk, kind: "disk" as const })),
    ...networks.map((network) => ({ ...network, kind: "network" as const })),
  ];
}

function readOnly({ readOnly }: { readonly readOnly?: boolean | undefined }) {
  return readOnly === undefined ? {} : { readOnly };
}

/** A disk is known by its source, an interface by its bridge. */
function isLike(device: Device): (other: Device) => boolean {
  return (other) =>
    device.kind === "disk"
      ? other.kind === "disk" && other.source === device.source
      : other.kind === "network" && other.bridge === device.bridge;
}

function isOther(device: Device): (other: Device) => boolean {
  const like = isLike(device);
  return (other) => !like(other);
}
