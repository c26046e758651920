import { expect, test } from "vitest";
import { withUuid } from "../../../agent/hypervisor/domain-uuid.ts";
import { vmId } from "../../support/agent/commands.ts";

const ID = vmId(1);
const OTHER = vmId(2);
const UUID = `<uuid>${ID}</uuid>`;

test.each<readonly [string, string, string]>([
  [
    "none: set",
    "<domain type='qemu'><name>a</name></domain>",
    `<domain type='qemu'>${UUID}<name>a</name></domain>`,
  ],
  ["its own: kept", `<domain>${UUID}</domain>`, `<domain>${UUID}</domain>`],
  [
    "its own in libvirt's other spelling: normalised",
    `<domain><uuid>\n ${ID.replaceAll("-", "").toUpperCase()} </uuid></domain>`,
    `<domain>${UUID}</domain>`,
  ],
  ["empty: set", "<domain><uuid/></domain>", `<domain>${UUID}</domain>`],
  [
    "another one deeper down: not the domain's",
    `<domain><metadata><uuid>${OTHER}</uuid></metadata></domain>`,
    `<domain>${UUID}<metadata><uuid>${OTHER}</uuid></metadata></domain>`,
  ],
  [
    "another one in a comment or in CDATA: none",
    `<?xml version='1.0'?><!-- <uuid>x</uuid> --><domain><description><![CDATA[<uuid>x</uuid>]]></description></domain>`,
    `<?xml version='1.0'?><!-- <uuid>x</uuid> --><domain>${UUID}<description><![CDATA[<uuid>x</uuid>]]></description></domain>`,
  ],
  [
    "attributes with markup in them",
    `<domain a="<uuid>" b='/>'><x y=">"/></domain>`,
    `<domain a="<uuid>" b='/>'>${UUID}<x y=">"/></domain>`,
  ],
])("uuid %s", (_, xml, then) => {
  expect(withUuid(xml, ID)).toEqual({ ok: true, xml: then });
});

test.each<readonly [string, string, RegExp]>([
  ["another VM's uuid", `<domain><uuid>${OTHER}</uuid></domain>`, /its uuid is .*0002/],
  ["two uuids", `<domain>${UUID}${UUID}</domain>`, /more than one uuid/],
  ["another root", "<network/>", /root element is network/],
  ["a second root", `<domain>${UUID}</domain><pool/>`, /root element is pool/],
  ["a comment without an end", `<domain>${"<!--".repeat(16_000)}</domain>`, /not well-formed/],
  ["a declaration", `<domain><!ELEMENT x></domain>`, /not well-formed/],
  ["a document type", `<!DOCTYPE domain [<!ENTITY u "x">]><domain/>`, /document type/],
  ["elements left open", "<domain><devices></domain>", /not well-formed/],
  ["no XML", "hello", /not well-formed/],
])("%s is refused", (_, xml, reason) => {
  const result = withUuid(xml, ID);
  expect(result).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
});
