/** What libvirt is asked to do with a domain's power, and its definition as far as a start needs it. */
import type { VmId } from "../../shared/model/ids.ts";
import { errorText } from "../note.ts";
import { withChanges } from "./domain-changes.ts";
import { outlineOf } from "./domain-outline.ts";
import { type DomainXmlResult, withUuid } from "./domain-uuid.ts";
import { type DomainType, renderDomainXml } from "./domain-xml.ts";
import { ALREADY_RUNNING, type Done, type Failure, type StartRequest } from "./hypervisor.ts";
import * as actions from "./libvirt-actions.ts";
import { domainNamed, stateOf } from "./libvirt-calls.ts";
import { hasCode } from "./libvirt-errors.ts";
import { powerOf } from "./power-map.ts";
import type { RpcConnection } from "./rpc-client.ts";

const OK: Done = { ok: true };

export async function start(
  rpc: RpcConnection,
  domainType: DomainType,
  request: StartRequest,
): Promise<Done | Failure> {
  const { vmId } = request;
  const made = domainOf(request, domainType);
  if (!made.ok) return { ok: false, code: "invalid_domain_xml", detail: made.reason };
  if (await isHeld(rpc, vmId)) return { ok: false, code: ALREADY_RUNNING, detail: "" };
  await defineAnew(rpc, vmId, made.xml);
  try {
    await actions.create(rpc, vmId);
    return OK;
  } catch (error) {
    if (!hasCode(error, "operationInvalid")) throw error;
    return { ok: false, code: ALREADY_RUNNING, detail: errorText(error) };
  }
}

export async function powerOff(rpc: RpcConnection, vmId: VmId): Promise<Done> {
  try {
    await actions.destroy(rpc, vmId);
  } catch (error) {
    if (!hasCode(error, "operationInvalid")) throw error; // It is not running.
  }
  return OK;
}

export async function suspend(rpc: RpcConnection, vmId: VmId): Promise<Done> {
  await actions.suspend(rpc, vmId); // One that is paused stays so.
  return OK;
}

export async function resume(rpc: RpcConnection, vmId: VmId): Promise<Done> {
  try {
    await actions.resume(rpc, vmId);
  } catch (error) {
    const runs =
      hasCode(error, "operationInvalid") && powerOf(await stateOf(rpc, vmId)).power === "on";
    if (!runs) throw error;
  }
  return OK;
}

/** libvirt would let one that runs go on as a transient domain, which vanishes when it goes off. */
export async function undefine(rpc: RpcConnection, vmId: VmId): Promise<Done | Failure> {
  if (await isHeld(rpc, vmId)) return { ok: false, code: ALREADY_RUNNING, detail: "it is not off" };
  await actions.undefine(rpc, vmId, "all");
  return OK;
}

/** Held by the hypervisor in whatever state; not if it does not know it. */
export async function isHeld(rpc: RpcConnection, vmId: VmId): Promise<boolean> {
  try {
    return powerOf(await stateOf(rpc, vmId)).held;
  } catch (error) {
    if (hasCode(error, "noDomain")) return false;
    throw error;
  }
}

function domainOf(request: StartRequest, domainType: DomainType): DomainXmlResult {
  const { vmId, domainXml, changes } = request;
  if (domainXml === undefined)
    return { ok: true, xml: renderDomainXml({ ...request, domainType }) };
  const own = withUuid(domainXml, vmId);
  return own.ok && changes !== undefined ? withChanges(own.xml, vmId, changes) : own;
}

/** libvirt changes a definition under its name only; one that had another name goes first. The domain is off. */
async function defineAnew(rpc: RpcConnection, vmId: VmId, xml: string): Promise<void> {
  try {
    await actions.define(rpc, xml);
  } catch (error) {
    const renamed = hasCode(error, "operationFailed") && (await isFree(rpc, nameIn(xml)));
    if (!renamed) throw error; // Whatever stands of the definition stays.
    await actions.undefine(rpc, vmId, "definition");
    await actions.define(rpc, xml);
  }
}

async function isFree(rpc: RpcConnection, name: string): Promise<boolean> {
  try {
    await domainNamed(rpc, name);
    return false;
  } catch (error) {
    if (hasCode(error, "noDomain")) return true;
    throw error;
  }
}

function nameIn(xml: string): string {
  const outline = outlineOf(xml);
  const name = outline.ok ? outline.elements.find(({ path }) => path === "name") : undefined;
  return name === undefined ? "" : xml.slice(name.contentFrom, name.contentTo).trim();
}
