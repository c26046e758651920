/**
 * Makes a domain XML that came from outside be the VM that it was given for.
 *
 *  1. The domain's `<uuid>` is the VM's id: set where there is none, refused where it is another. Starting somebody else's
 *     domain under this VM's id would make every later command hit the wrong guest.
 *  2. Only what is needed is understood: where the elements of the first two levels begin and end. libvirt parses the rest
 *     and checks it. A document type is refused, as entities could hide an element from this and not from libvirt; so is
 *     what begins like a comment and has no end: looking for it from each beginning would take seconds.
 */
import type { VmId } from "../../shared/model/ids.ts";

export type DomainXmlResult =
  | { readonly ok: true; readonly xml: string }
  | { readonly ok: false; readonly reason: string };

/** Comments, CDATA, processing instructions, what is none of them (`wrong`), tags; attributes may contain `>` in quotes. */
const MARKUP =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|(?<wrong><[!?])|<(?<close>\/?)(?<name>[A-Za-z_][\w.:-]*)(?:\s(?:[^"'<>]|"[^"]*"|'[^']*')*?)?(?<empty>\/?)>/g;

type Element = { readonly from: number; readonly to: number; readonly text: string };

export function withUuid(xml: string, vmId: VmId): DomainXmlResult {
  if (/<!DOCTYPE/i.test(xml)) return refused("a document type is not allowed"); // 2
  let depth = 0;
  let rootEnd: number | undefined;
  let uuidFrom: { readonly from: number; readonly contentFrom: number } | undefined;
  const uuids: Element[] = [];
  for (const match of xml.matchAll(MARKUP)) {
    const { wrong, name, close, empty } = match.groups ?? {};
    if (wrong !== undefined) return refused("it is not well-formed");
    if (name === undefined) continue;
    const from = match.index;
    const to = from + match[0].length;
    if (close === "/") {
      depth -= 1;
      if (depth === 1 && uuidFrom !== undefined) {
        uuids.push({ from: uuidFrom.from, to, text: xml.slice(uuidFrom.contentFrom, from) });
        uuidFrom = undefined;
      }
      continue;
    }
    if (depth === 0 && name !== "domain") return refused(`the root element is ${name}, not domain`);
    if (depth === 0) rootEnd ??= to;
    if (depth === 1 && name === "uuid" && empty === "/") uuids.push({ from, to, text: "" });
    else if (depth === 1 && name === "uuid") uuidFrom = { from, contentFrom: to };
    if (empty !== "/") depth += 1;
  }
  if (rootEnd === undefined || depth !== 0) return refused("it is not well-formed");
  return settled(xml, vmId, { rootEnd, uuids });
}

function settled(
  xml: string,
  vmId: VmId,
  found: { readonly rootEnd: number; readonly uuids: readonly Element[] },
): DomainXmlResult {
  const [uuid, second] = found.uuids;
  if (second !== undefined) return refused("it has more than one uuid");
  const element = `<uuid>${vmId}</uuid>`;
  if (uuid === undefined)
    return { ok: true, xml: xml.slice(0, found.rootEnd) + element + xml.slice(found.rootEnd) };
  const given = uuid.text.trim().toLowerCase();
  if (given !== "" && given.replaceAll("-", "") !== vmId.replaceAll("-", ""))
    return refused(`its uuid is ${given.slice(0, 40)}, the VM's id is ${vmId}`); // 1
  return { ok: true, xml: xml.slice(0, uuid.from) + element + xml.slice(uuid.to) };
}

function refused(reason: string): DomainXmlResult {
  return { ok: false, reason: `domain XML: ${reason}` };
}
