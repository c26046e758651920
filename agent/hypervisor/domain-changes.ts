/**
 * Makes changes in a domain XML that came from outside, in place: everything else stays as its owner wrote it.
 *
 *  1. A disk is known by its source and an interface by its bridge (`Device`): attaching what is there and detaching what is
 *     not change nothing.
 *  2. What is changed twice ends the same: changes are made anew on the owner's XML at each start.
 */
import type { VmId } from "../../shared/model/ids.ts";
import type { Device, DomainChanges } from "../../shared/model/vm.ts";
import {
  type DomainElement,
  type DomainOutline,
  type Edit,
  edited,
  inside,
  outlineOf,
} from "./domain-outline.ts";
import type { DomainXmlResult } from "./domain-uuid.ts";
import { renderDevices } from "./domain-xml.ts";

type Outline = Extract<DomainOutline, { ok: true }>;

export function withChanges(xml: string, vmId: VmId, changes: DomainChanges): DomainXmlResult {
  const outline = outlineOf(xml);
  if (!outline.ok) return outline;
  const removed = changes.detached.flatMap((device) => elementsOf(outline, device));
  const left = { ...outline, elements: outline.elements.filter((one) => !removed.includes(one)) };
  const added = changes.attached.filter((device) => elementsOf(left, device).length === 0); // 1
  return {
    ok: true,
    xml: edited(xml, [
      ...(changes.cpus === undefined ? [] : cpuEdits(xml, outline, changes.cpus)),
      ...(changes.memoryMiB === undefined ? [] : memoryEdits(outline, changes.memoryMiB)),
      ...removed.map(({ from, to }) => ({ from, to, text: "" })),
      ...insertion(left, renderDevices(vmId, takenIn(left), added)),
    ]),
  };
}

/** The element text of each device of that kind and name in a domain. */
export function devicesIn(xml: string, device: Device): readonly string[] {
  const outline = outlineOf(xml);
  if (!outline.ok) return [];
  return elementsOf(outline, device).map(({ from, to }) => xml.slice(from, to));
}

/** A device's element as it would be added to the domain. */
export function newDeviceIn(xml: string, vmId: VmId, device: Device): string | undefined {
  const outline = outlineOf(xml);
  if (!outline.ok) return undefined;
  return renderDevices(vmId, takenIn(outline), [device])[0];
}

/** 1. */
function elementsOf({ elements }: Outline, device: Device): readonly DomainElement[] {
  const of = (path: string, is: (source: ReadonlyMap<string, string>) => boolean) =>
    elements.filter(
      (one) =>
        one.path === path &&
        inside(elements, one).some(
          (child) => child.path === `${path}/source` && is(child.attributes),
        ),
    );
  switch (device.kind) {
    case "disk":
      return of(
        "devices/disk",
        (source) => source.get("file") === device.source || source.get("dev") === device.source,
      );
    case "network":
      return of("devices/interface", (source) => source.get("bridge") === device.bridge);
    default:
      return device satisfies never;
  }
}

function takenIn({ elements }: Outline) {
  const attribute = (path: string, name: string) =>
    elements.flatMap((one) => (one.path === path ? (one.attributes.get(name) ?? []) : []));
  return {
    targets: attribute("devices/disk/target", "dev"),
    bridges: attribute("devices/interface/source", "bridge"),
  };
}

/** The attributes stay, but for how many are there at the start: all of them are. */
function cpuEdits(xml: string, outline: Outline, cpus: number): readonly Edit[] {
  const found = outline.elements.filter(({ path }) => path === "vcpu");
  const [first] = found;
  const opening = first === undefined ? "<vcpu>" : xml.slice(first.from, first.contentFrom);
  const kept = opening.replace(/\s+current\s*=\s*(?:"[^"]*"|'[^']*')/, "").replace(/\/>$/, ">");
  return replacement(outline, found, `${kept}${cpus}</vcpu>`);
}

function memoryEdits(outline: Outline, memoryMiB: number): readonly Edit[] {
  const found = outline.elements.filter(
    ({ path }) => path === "memory" || path === "currentMemory",
  );
  return replacement(outline, found, `<memory unit='MiB'>${memoryMiB}</memory>`);
}

/** Puts the text where the first of the elements is, or at the beginning of the domain; the others go. */
function replacement(
  { root }: Outline,
  found: readonly DomainElement[],
  text: string,
): readonly Edit[] {
  const at = root.contentFrom;
  if (found.length === 0) return [{ from: at, to: at, text }];
  return found.map(({ from, to }, nth) => ({ from, to, text: nth === 0 ? text : "" }));
}

function insertion({ root, elements }: Outline, devices: readonly string[]): readonly Edit[] {
  if (devices.length === 0) return [];
  const text = devices.join("\n");
  const place = elements.find(({ path }) => path === "devices");
  const at = root.contentTo;
  if (place === undefined) return [{ from: at, to: at, text: `<devices>${text}</devices>` }];
  if (place.contentFrom === place.to)
    return [{ from: place.from, to: place.to, text: `<devices>${text}</devices>` }];
  return [{ from: place.contentTo, to: place.contentTo, text }];
}
