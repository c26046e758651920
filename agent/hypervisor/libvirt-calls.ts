/**
 * The calls of libvirt's remote protocol by which the agent looks, with their numbers and forms; `libvirt-actions.ts` has
 * those that do something. libvirt calls the protocol internal; in practice it only grows, and other clients rely on that
 * as well (`reference/hypervisor.md` §2).
 */
import { VmId } from "../../shared/model/ids.ts";
import type { RpcConnection } from "./rpc-client.ts";
import { XdrError, type XdrReader, xdrWriter } from "./xdr.ts";

const PROCEDURE = {
  open: 1,
  nodeGetInfo: 6,
  domainGetXmlDesc: 14,
  domainLookupByName: 23,
  authList: 66,
  domainGetJobInfo: 163,
  domainSnapshotLookupByName: 189,
  domainGetState: 212,
  eventRegister: 316,
  eventLifecycle: 318,
  eventReboot: 319,
  allDomainStats: 344,
} as const;

/** Error codes of libvirt that mean something to the agent (virErrorNumber). */
export const LIBVIRT_CODE = {
  internalError: 1,
  operationFailed: 9,
  systemError: 38,
  rpc: 39,
  noDomain: 42,
  operationInvalid: 55,
  noSnapshot: 72,
} as const;

const AUTH_NONE = 0;
const EVENTS = { lifecycle: 0, reboot: 1 } as const;
/** The definition as the next start takes it, with its secrets: without them that start would drop them. */
const XML_SECURE = 1;
const XML_INACTIVE = 2;
/** `bounded` or `unbounded`: a job under way, whether or not its length is known. */
const JOBS_UNDER_WAY: readonly number[] = [1, 2];
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

/** Lifecycle events and restarts of every domain, from now on. */
export async function registerEvents(rpc: RpcConnection): Promise<void> {
  for (const event of Object.values(EVENTS))
    await rpc.call(PROCEDURE.eventRegister, xdrWriter().int(event).int(0).bytes(), ignore);
}

export type DomainEvent = Domain & { readonly rebooted: boolean };

/** The domain that an event is about, if it is one of those registered for. */
export function readEvent(procedure: number, body: XdrReader): DomainEvent | undefined {
  if (procedure !== PROCEDURE.eventLifecycle && procedure !== PROCEDURE.eventReboot)
    return undefined;
  body.int(); // the callback's id
  return { ...readDomain(body), rebooted: procedure === PROCEDURE.eventReboot };
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

/** Throws `noDomain` where there is none of that name. */
export async function domainNamed(rpc: RpcConnection, name: string): Promise<Domain> {
  return await rpc.call(PROCEDURE.domainLookupByName, xdrWriter().string(name).bytes(), readDomain);
}

/** `live`: of the running guest. */
export async function xmlOf(
  rpc: RpcConnection,
  vmId: VmId,
  which: "live" | "definition",
): Promise<string> {
  const flags = which === "live" ? XML_SECURE : XML_SECURE | XML_INACTIVE;
  const args = domainArgs(vmId).int(flags).bytes();
  return await rpc.call(PROCEDURE.domainGetXmlDesc, args, (body) => body.string());
}

export async function hasJob(rpc: RpcConnection, vmId: VmId): Promise<boolean> {
  const args = domainArgs(vmId).bytes();
  return await rpc.call(PROCEDURE.domainGetJobInfo, args, (body) =>
    JOBS_UNDER_WAY.includes(body.int()),
  );
}

/** Throws `noSnapshot` where there is none of that name. */
export async function findSnapshot(rpc: RpcConnection, vmId: VmId, name: string): Promise<void> {
  const args = domainArgs(vmId).string(name).int(0).bytes();
  await rpc.call(PROCEDURE.domainSnapshotLookupByName, args, ignore);
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
/** Of an answer that says only that it was done. */
export const ignore = () => undefined;

/** libvirt's drivers find a domain by its UUID; name and id are for messages. */
export function domainArgs(vmId: VmId) {
  const uuid = Buffer.from(vmId.replaceAll("-", ""), "hex");
  return xdrWriter().string(vmId).fixed(uuid).int(-1);
}

export function readDomain(body: XdrReader): Domain {
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
