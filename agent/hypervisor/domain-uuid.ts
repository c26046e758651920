/**
 * Makes a domain XML that came from outside be the VM that it was given for.
 *
 *  1. The domain's `<uuid>` is the VM's id: set where there is none, refused where it is another. Starting somebody else's
 *     domain under this VM's id would make every later command hit the wrong guest.
 */
import type { VmId } from "../../shared/model/ids.ts";
import { edited, outlineOf } from "./domain-outline.ts";

export type DomainXmlResult =
  | { readonly ok: true; readonly xml: string }
  | { readonly ok: false; readonly reason: string };

export function withUuid(xml: string, vmId: VmId): DomainXmlResult {
  const outline = outlineOf(xml);
  if (!outline.ok) return outline;
  const [uuid, second] = outline.elements.filter(({ path }) => path === "uuid");
  if (second !== undefined) return refused("it has more than one uuid");
  const text = `<uuid>${vmId}</uuid>`;
  const at = outline.root.contentFrom;
  if (uuid === undefined) return { ok: true, xml: edited(xml, [{ from: at, to: at, text }]) };
  const given = xml.slice(uuid.contentFrom, uuid.contentTo).trim().toLowerCase();
  if (given !== "" && given.replaceAll("-", "") !== vmId.replaceAll("-", ""))
    return refused(`its uuid is ${given.slice(0, 40)}, the VM's id is ${vmId}`); // 1
  return { ok: true, xml: edited(xml, [{ from: uuid.from, to: uuid.to, text }]) };
}

function refused(reason: string): DomainXmlResult {
  return { ok: false, reason: `domain XML: ${reason}` };
}
