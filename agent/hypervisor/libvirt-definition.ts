/** What a domain is made of: read, and changed for the running guest or for the next start. */
import type { VmId } from "../../shared/model/ids.ts";
import type { Device, DomainChanges } from "../../shared/model/vm.ts";
import { type AgentTime, pause } from "../time.ts";
import { devicesIn, newDeviceIn, withChanges } from "./domain-changes.ts";
import { outlineOf } from "./domain-outline.ts";
import {
  ALREADY_RUNNING,
  type Description,
  type Done,
  type Failure,
  OUTCOME_UNKNOWN,
} from "./hypervisor.ts";
import { attachDevice, define, detachDevice } from "./libvirt-actions.ts";
import { xmlOf } from "./libvirt-calls.ts";
import { isHeld } from "./libvirt-power.ts";
import type { RpcConnection } from "./rpc-client.ts";

/** A guest lets go of a device in a fraction of a second, or when its operating system gets round to it. */
const LOOK_AGAIN_MS = 200;
const KIB_PER_MIB = 1024;
const OK: Done = { ok: true };

export async function attach(rpc: RpcConnection, vmId: VmId, device: Device): Promise<Done> {
  const xml = await xmlOf(rpc, vmId, "live");
  if (devicesIn(xml, device).length > 0) return OK;
  await attachDevice(rpc, vmId, newDeviceIn(xml, vmId, device) ?? "");
  return OK;
}

export async function detach(
  rpc: RpcConnection,
  time: AgentTime,
  wish: { readonly vmId: VmId; readonly device: Device; readonly signal: AbortSignal },
): Promise<Done | Failure> {
  const { vmId, device, signal } = wish;
  const left = async () => devicesIn(await xmlOf(rpc, vmId, "live"), device);
  for (const element of await left()) await detachDevice(rpc, vmId, element);
  while ((await left()).length > 0) {
    if (signal.aborted)
      return { ok: false, code: OUTCOME_UNKNOWN, detail: "the guest has not let go of it" };
    await pause(time, { delayMs: LOOK_AGAIN_MS, signal });
  }
  return OK;
}

export async function scale(
  rpc: RpcConnection,
  vmId: VmId,
  size: Pick<DomainChanges, "cpus" | "memoryMiB">,
): Promise<Done | Failure> {
  if (await isHeld(rpc, vmId)) return { ok: false, code: ALREADY_RUNNING, detail: "it is not off" };
  const changes = { ...size, attached: [], detached: [] };
  const made = withChanges(await xmlOf(rpc, vmId, "definition"), vmId, changes);
  if (!made.ok) return { ok: false, code: "invalid_domain_xml", detail: made.reason };
  await define(rpc, made.xml);
  return OK;
}

export async function describe(
  rpc: RpcConnection,
  vmId: VmId,
): Promise<{ readonly ok: true; readonly description: Description }> {
  const domainXml = await xmlOf(rpc, vmId, "definition");
  return { ok: true, description: { ...sizeIn(domainXml), domainXml } };
}

/** libvirt writes memory in KiB, whatever it was given in. */
function sizeIn(xml: string): Pick<Description, "cpus" | "memoryMiB"> {
  const outline = outlineOf(xml);
  const elements = outline.ok ? outline.elements : [];
  const number = (path: string) => {
    const found = elements.find((one) => one.path === path);
    return found === undefined ? 0 : Number(xml.slice(found.contentFrom, found.contentTo));
  };
  const memoryMiB = Math.ceil(number("memory") / KIB_PER_MIB);
  return { cpus: Math.max(1, number("vcpu")), memoryMiB: Math.max(1, memoryMiB) };
}
