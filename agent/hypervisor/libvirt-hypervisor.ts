/**
 * A host under libvirt and QEMU, spoken to over libvirtd's UNIX socket.
 *
 * Domains are **persistent**: a start defines the domain, then starts it; its definition stays when it is off. The facts
 * (`reference/hypervisor.md` §1, "What libvirt reports"):
 *  - A transient domain vanishes when it goes off, however it did: a power-off could only be told as absence, which takes
 *    several complete reports and a probe to believe, and three guests stopped at once would look like a host that
 *    forgot everything. A persistent one is listed as shut off, with the reason, in the report of its event.
 *  - After a host's power failure a persistent domain is "shut off (unknown)", and no libvirtd starts it again: `autostart`
 *    is off unless somebody sets it, and this agent never does. (Debian's `libvirt-guests` service can start guests at
 *    boot; a host of vmsync must not run it.)
 *  - What stays behind is a definition: a few KiB, listed as off.
 *
 *  1. Looks are on the watch's connection. Each action has a connection of its own: libvirtd serves only a few calls of one
 *     client at a time, and one guest that hangs must not hold up the others'.
 *  2. A connection that could not be opened ran nothing (`hypervisor_unreachable`); one that ended during a call may have
 *     (`outcome_unknown`). An error that libvirt answered is its own code and means that it did not happen.
 */
import type { VmId } from "../../shared/model/ids.ts";
import { errorText, type Noter } from "../note.ts";
import type { AgentTime } from "../time.ts";
import { withUuid } from "./domain-uuid.ts";
import { type DomainType, renderDomainXml } from "./domain-xml.ts";
import {
  ALREADY_RUNNING,
  type Done,
  type Failure,
  type HostCapacity,
  type Hypervisor,
  type Listing,
  NOT_FOUND,
  OUTCOME_UNKNOWN,
  type Read,
  type StartRequest,
  UNREACHABLE,
} from "./hypervisor.ts";
import {
  allStates,
  create,
  define,
  destroy,
  LIBVIRT_CODE,
  nodeInfo,
  shutdown,
  stateOf,
  undefine,
} from "./libvirt-calls.ts";
import {
  connectedIn,
  connectionProblem,
  type LibvirtWatch,
  watchLibvirt,
} from "./libvirt-watch.ts";
import { powerOf } from "./power-map.ts";
import { ConnectionLost, LibvirtError, type RpcConnection } from "./rpc-client.ts";

export type LibvirtOptions = {
  readonly socketPath: string;
  readonly domainType: DomainType;
  readonly time: AgentTime;
  readonly note: Noter;
};

const KIB_PER_MIB = 1024;

/** Throws with a line for the operator if libvirt does not answer now; later it may come and go. */
export async function connectLibvirt(options: LibvirtOptions): Promise<Hypervisor> {
  const { socketPath } = options;
  const watch = await watchLibvirt(options).catch((error: unknown) => {
    throw connectionProblem(socketPath, error);
  });
  const stop = new AbortController();

  /** 1 and 2. */
  const act = async (
    work: (rpc: RpcConnection) => Promise<Done | Failure>,
  ): Promise<Done | Failure> => {
    const connecting = { socketPath, time: options.time, signal: stop.signal, onEvent: () => {} };
    let rpc: RpcConnection;
    try {
      rpc = await connectedIn(connecting);
    } catch (error) {
      return { ok: false, code: UNREACHABLE, detail: errorText(error) };
    }
    try {
      return await work(rpc);
    } catch (error) {
      return failureOf(error);
    } finally {
      rpc.close();
    }
  };

  return {
    list: () => list(watch),
    read: (vmId) => read(watch, vmId),
    start: (request) => start(request, options.domainType, act),
    requestShutdown: (vmId) =>
      act(async (rpc) => {
        await shutdown(rpc, vmId);
        return { ok: true };
      }),
    powerOff: (vmId) => act((rpc) => powerOff(rpc, vmId)),
    capacity: () => capacity(watch),
    subscribe: watch.subscribe,
    close: async () => {
      stop.abort();
      await watch.close();
    },
  };
}

async function list(watch: LibvirtWatch): Promise<Listing> {
  try {
    const domains = await watch.look(allStates);
    return {
      complete: true,
      vms: domains.map(({ vmId, name, ...state }) => ({
        vmId,
        ...(name === vmId ? {} : { name }),
        ...powerOf(state),
      })),
    };
  } catch (error) {
    return { complete: false, reason: errorText(error) };
  }
}

async function read(watch: LibvirtWatch, vmId: VmId): Promise<Read> {
  try {
    return { ok: true, ...powerOf(await watch.look((rpc) => stateOf(rpc, vmId))) };
  } catch (error) {
    if (error instanceof ConnectionLost)
      return { ok: false, code: UNREACHABLE, detail: errorText(error) };
    return failureOf(error);
  }
}

async function capacity(watch: LibvirtWatch): Promise<HostCapacity | undefined> {
  try {
    const { cpus, memoryKiB } = await watch.look(nodeInfo);
    return { cpus, memoryMiB: Math.floor(memoryKiB / KIB_PER_MIB) };
  } catch {
    return undefined;
  }
}

async function start(
  request: StartRequest,
  domainType: DomainType,
  act: (work: (rpc: RpcConnection) => Promise<Done | Failure>) => Promise<Done | Failure>,
): Promise<Done | Failure> {
  const { vmId, domainXml } = request;
  const made =
    domainXml === undefined
      ? ({ ok: true, xml: renderDomainXml({ ...request, domainType }) } as const)
      : withUuid(domainXml, vmId);
  if (!made.ok) return { ok: false, code: "invalid_domain_xml", detail: made.reason };
  return await act(async (rpc) => {
    if (await isHeld(rpc, vmId)) return { ok: false, code: ALREADY_RUNNING, detail: "" };
    await defineAnew(rpc, vmId, made.xml);
    try {
      await create(rpc, vmId);
      return { ok: true };
    } catch (error) {
      if (!hasCode(error, LIBVIRT_CODE.operationInvalid)) throw error;
      return { ok: false, code: ALREADY_RUNNING, detail: errorText(error) };
    }
  });
}

/** Held by the hypervisor in whatever state; not if it does not know it. */
async function isHeld(rpc: RpcConnection, vmId: VmId): Promise<boolean> {
  try {
    return powerOf(await stateOf(rpc, vmId)).held;
  } catch (error) {
    if (hasCode(error, LIBVIRT_CODE.noDomain)) return false;
    throw error;
  }
}

/** libvirt changes a definition under its name only; one that had another name goes first. The domain is off. */
async function defineAnew(rpc: RpcConnection, vmId: VmId, xml: string): Promise<void> {
  try {
    await define(rpc, xml);
  } catch (error) {
    if (!hasCode(error, LIBVIRT_CODE.operationFailed)) throw error;
    const gone = await undefine(rpc, vmId).then(
      () => true,
      () => false,
    );
    if (!gone) throw error; // It was about another domain of that name.
    await define(rpc, xml);
  }
}

async function powerOff(rpc: RpcConnection, vmId: VmId): Promise<Done | Failure> {
  try {
    await destroy(rpc, vmId);
    return { ok: true };
  } catch (error) {
    if (hasCode(error, LIBVIRT_CODE.operationInvalid)) return { ok: true }; // It is not running.
    throw error;
  }
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof LibvirtError && error.code === code;
}

function failureOf(error: unknown): Failure {
  const detail = errorText(error);
  if (hasCode(error, LIBVIRT_CODE.noDomain)) return { ok: false, code: NOT_FOUND, detail };
  if (error instanceof LibvirtError) return { ok: false, code: `libvirt_${error.code}`, detail };
  return { ok: false, code: OUTCOME_UNKNOWN, detail };
}
