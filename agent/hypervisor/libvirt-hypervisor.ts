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
 *     (`outcome_unknown`). An error that libvirt answered is its own code and means that it did not happen, or is over.
 */
import type { VmId } from "../../shared/model/ids.ts";
import { errorText, type Noter } from "../note.ts";
import { type AgentTime, within } from "../time.ts";
import type { DomainType } from "./domain-xml.ts";
import {
  type Done,
  type Failure,
  type HostCapacity,
  type Hypervisor,
  type Listing,
  type Read,
  UNREACHABLE,
} from "./hypervisor.ts";
import { reboot, reset, shutdown } from "./libvirt-actions.ts";
import { allStates, hasJob, nodeInfo, stateOf } from "./libvirt-calls.ts";
import { attach, describe, detach, scale } from "./libvirt-definition.ts";
import { failureOf, isNotRunning } from "./libvirt-errors.ts";
import { migrate } from "./libvirt-migrate.ts";
import { powerOff, resume, start, suspend, undefine } from "./libvirt-power.ts";
import { deleteSnapshot, revert, snapshot } from "./libvirt-snapshots.ts";
import {
  connectedIn,
  connectionProblem,
  type LibvirtWatch,
  LOOK_MS_MAX,
  watchLibvirt,
} from "./libvirt-watch.ts";
import { powerOf } from "./power-map.ts";
import { ConnectionLost, type RpcConnection } from "./rpc-client.ts";

export type LibvirtOptions = {
  readonly socketPath: string;
  readonly domainType: DomainType;
  /** How other hosts' libvirtd reaches this one. */
  readonly migrationUri?: string | undefined;
  readonly time: AgentTime;
  readonly note: Noter;
};

const KIB_PER_MIB = 1024;

/** Throws with a line for the operator if libvirt does not answer now; later it may come and go. */
export async function connectLibvirt(options: LibvirtOptions): Promise<Hypervisor> {
  const { socketPath, domainType, time } = options;
  const watch = await watchLibvirt(options).catch((error: unknown) => {
    throw connectionProblem(socketPath, error);
  });
  const stop = new AbortController();
  const act = actions({ socketPath, time, signal: stop.signal });
  const asked = (ask: (rpc: RpcConnection) => Promise<void>) =>
    act<Done>(async (rpc) => {
      await ask(rpc);
      return { ok: true };
    });
  /** H3, for what must not be asked on the watch's connection: one guest could hold it up. */
  const lookAside = <T extends { readonly ok: true }>(
    look: (rpc: RpcConnection) => Promise<T | Failure>,
  ) => inTime(time, act(look));

  return {
    list: () => list(watch),
    read: (vmId) => read(watch, vmId),
    start: (request) => act((rpc) => start(rpc, domainType, request)),
    requestShutdown: (vmId) => asked((rpc) => shutdown(rpc, vmId)),
    powerOff: (vmId) => act((rpc) => powerOff(rpc, vmId)),
    requestReboot: (vmId) => asked((rpc) => reboot(rpc, vmId)),
    reset: (vmId) => asked((rpc) => reset(rpc, vmId)),
    suspend: (vmId) => act((rpc) => suspend(rpc, vmId)),
    resume: (vmId) => act((rpc) => resume(rpc, vmId)),
    migrate: (request) => act((rpc) => migrate(rpc, time, request)),
    isAtWork: async (vmId) => isAtWork(await lookAside((rpc) => jobOf(rpc, vmId))),
    undefine: (vmId) => act((rpc) => undefine(rpc, vmId)),
    snapshot: (vmId, name) => act((rpc) => snapshot(rpc, vmId, name)),
    revert: (vmId, name) => act((rpc) => revert(rpc, vmId, name)),
    deleteSnapshot: (vmId, name) => act((rpc) => deleteSnapshot(rpc, vmId, name)),
    attach: (vmId, device) => act((rpc) => attach(rpc, vmId, device)),
    detach: (vmId, device, signal) => act((rpc) => detach(rpc, time, { vmId, device, signal })),
    scale: (vmId, size) => act((rpc) => scale(rpc, vmId, size)),
    describe: (vmId) => lookAside((rpc) => describe(rpc, vmId)),
    migrationUri: options.migrationUri,
    capacity: () => capacity(watch),
    subscribe: watch.subscribe,
    close: async () => {
      stop.abort();
      await watch.close();
    },
  };
}

/** 1 and 2. */
function actions(connecting: {
  readonly socketPath: string;
  readonly time: AgentTime;
  readonly signal: AbortSignal;
}) {
  return async <T extends { readonly ok: true }>(
    work: (rpc: RpcConnection) => Promise<T | Failure>,
  ): Promise<T | Failure> => {
    let rpc: RpcConnection;
    try {
      rpc = await connectedIn({ ...connecting, onEvent: () => {} });
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
}

async function inTime<T>(time: AgentTime, work: Promise<T | Failure>): Promise<T | Failure> {
  const done = await within(time, { limitMs: LOOK_MS_MAX, work });
  if (done !== "late") return done.value;
  return { ok: false, code: UNREACHABLE, detail: `no answer in ${LOOK_MS_MAX} ms` };
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

/** A domain that is off or not here has no job. */
async function jobOf(rpc: RpcConnection, vmId: VmId) {
  try {
    return { ok: true, job: await hasJob(rpc, vmId) } as const;
  } catch (error) {
    if (isNotRunning(error)) return { ok: true, job: false } as const;
    throw error;
  }
}

function isAtWork(
  answer: { readonly ok: true; readonly job: boolean } | Failure,
): "yes" | "no" | "cannot_tell" {
  if (!answer.ok) return "cannot_tell";
  return answer.job ? "yes" : "no";
}
