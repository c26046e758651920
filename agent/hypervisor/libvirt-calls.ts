/**
 * The calls of libvirt's remote protocol that the agent makes, with their numbers and forms. libvirt calls the protocol
 * internal; in practice it only grows, and other clients rely on that as well (`reference/hypervisor.md` §2).
 */
import { VmId } from "../../shared/model/ids.ts";
import type { RpcConnection } from "./rpc-client.ts";
import { XdrError, type XdrReader, xdrWriter } from "./xdr.ts";

const PROCEDURE = {
  open: 1,
  nodeGetInfo: 6,
  domainCreate: 9,
  domainDefineXml: 11,
  domainDestroy: 12,
  domainShutdown: 33,
  domainUndefine: 35,
  authList: 66,
  domainGetState: 212,
  eventRegister: 316,
  eventLifecycle: 318,
  allDomainStats: 344,
} as const;

/** Error codes of libvirt that mean something to the agent (virErrorNumber). */
export const LIBVIRT_CODE = { operationFailed: 9, noDomain: 42, operationInvalid: 55 } as const;

const AUTH_NONE = 0;
const EVENT_LIFECYCLE = 0;
/** State and reason only: the other groups ask each guest's QEMU and hang with the first hung guest. */
const STATS_STATE = 1;
const UUID_BYTES = 16;
const NODE_MODEL_CHARS = 32;
const URI = "qemu:///system";

export type DomainState = { readonly state: number; readonly reason: number };
export type Domain = { readonly vmId: VmId; readonly name: string };

/** libvirt wants more than a socket: SASL or polkit. */
export class AuthenticationNeeded extends Error {}

/** What has to be said first on a connection. */
export async function open(rpc: RpcConnection): Promise<void> {
  const types = await rpc.call(PROCEDURE.authList, NOTHING, (body) => body.array(body.int));
  if (!types.includes(AUTH_NONE))
    throw new AuthenticationNeeded(
      "libvirt asks for authentication: run the agent as root or set auth_unix_rw to none",
    );
  const args = xdrWriter().optionalString(URI).int(0).bytes();
  await rpc.call(PROCEDURE.open, args, ignore);
}

/** Lifecycle events of every domain, from now on. */
export async function registerEvents(rpc: RpcConnection): Promise<void> {
  await rpc.call(PROCEDURE.eventRegister, xdrWriter().int(EVENT_LIFECYCLE).int(0).bytes(), ignore);
}

/** The domain that an event is about, if it is one of those registered for. */
export function readEvent(procedure: number, body: XdrReader): Domain | undefined {
  if (procedure !== PROCEDURE.eventLifecycle) return undefined;
  body.int(); // the callback's id
  return readDomain(body);
}

/** Every domain, defined or running, with its state: one round trip. */
export async function allStates(rpc: RpcConnection): Promise<readonly (Domain & DomainState)[]> {
  const args = xdrWriter().int(0).int(STATS_STATE).int(0).bytes();
  return await rpc.call(PROCEDURE.allDomainStats, args, (body) =>
    body.array(() => {
      const domain = readDomain(body);
      const parameters = new Map(body.array(() => readParameter(body)));
      const state = parameters.get("state.state");
      const reason = parameters.get("state.reason");
      return { ...domain, state: state ?? 0, reason: reason ?? 0 };
    }),
  );
}

export async function stateOf(rpc: RpcConnection, vmId: VmId): Promise<DomainState> {
  const args = domainArgs(vmId).int(0).bytes();
  return await rpc.call(PROCEDURE.domainGetState, args, (body) => ({
    state: body.int(),
    reason: body.int(),
  }));
}

export async function define(rpc: RpcConnection, xml: string): Promise<Domain> {
  return await rpc.call(PROCEDURE.domainDefineXml, xdrWriter().string(xml).bytes(), readDomain);
}

export async function undefine(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainUndefine, domainArgs(vmId).bytes(), ignore);
}

/** Starts a defined domain. */
export async function create(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainCreate, domainArgs(vmId).bytes(), ignore);
}

export async function destroy(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainDestroy, domainArgs(vmId).bytes(), ignore);
}

export async function shutdown(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainShutdown, domainArgs(vmId).bytes(), ignore);
}

export async function nodeInfo(
  rpc: RpcConnection,
): Promise<{ readonly cpus: number; readonly memoryKiB: number }> {
  return await rpc.call(PROCEDURE.nodeGetInfo, NOTHING, (body) => {
    for (let character = 0; character < NODE_MODEL_CHARS; character += 1) body.int();
    const memoryKiB = body.hyper();
    return { memoryKiB, cpus: body.int() };
  });
}

const NOTHING = new Uint8Array();
const ignore = () => undefined;

/** libvirt's drivers find a domain by its UUID; name and id are for messages. */
function domainArgs(vmId: VmId) {
  const uuid = Buffer.from(vmId.replaceAll("-", ""), "hex");
  return xdrWriter().string(vmId).fixed(uuid).int(-1);
}

function readDomain(body: XdrReader): Domain {
  const name = body.string();
  const hex = body.fixed(UUID_BYTES).toString("hex");
  body.int(); // the id of this run
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return { name, vmId: VmId.parse([...parts, hex.slice(20)].join("-")) };
}

/** A typed parameter; only whole numbers are kept, as nothing else is asked for. */
function readParameter(body: XdrReader): readonly [string, number] {
  const name = body.string();
  const type = body.int();
  switch (type) {
    case 1: // int
    case 6: // boolean
      return [name, body.int()];
    case 2:
      return [name, body.unsigned()];
    case 3:
    case 4:
      return [name, body.hyper()];
    case 5:
      return [name, body.double()];
    case 7:
      body.string();
      return [name, Number.NaN];
    default:
      throw new XdrError(`a parameter of type ${type}`);
  }
}
