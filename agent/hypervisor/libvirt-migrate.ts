/**
 * Live migration from this host's libvirtd to the target's, peer to peer: the two daemons do it between them, and it goes on
 * when this agent dies.
 *
 *  1. Only ways to another daemon are let through: libvirt also takes URIs that run a command of their own on this host,
 *     and the target's URI was said by another host's agent.
 *  2. An abort is asked for again until the migration is over: one that comes before libvirt has begun finds no job.
 */
import { type AgentTime, pause } from "../time.ts";
import { ABORTED, type Done, type Failure, type MigrateRequest } from "./hypervisor.ts";
import { abortJob, migrate as migrateDomain } from "./libvirt-actions.ts";
import { failureOf } from "./libvirt-errors.ts";
import { ConnectionLost, type RpcConnection } from "./rpc-client.ts";

const ABORT_AGAIN_MS = 200;

const TARGET_URI =
  /^qemu\+(?:(?:tls|tcp|ssh):\/\/(?:\w[\w.-]*@)?(?:\w[\w.-]*|\[[\da-fA-F:]+\])(?::\d{1,5})?\/system|unix:\/\/\/system\?socket=\/[\w./-]+)$/;

/** Whether libvirtd may be sent there (1). */
export function isTargetUri(uri: string): boolean {
  return TARGET_URI.test(uri);
}

export async function migrate(
  rpc: RpcConnection,
  time: AgentTime,
  { vmId, targetUri, signal }: MigrateRequest,
): Promise<Done | Failure> {
  if (!isTargetUri(targetUri))
    return { ok: false, code: "unsupported", detail: `not a way to a libvirtd: ${targetUri}` };
  const over = new AbortController();
  const work = migrateDomain(rpc, vmId, targetUri).finally(() => over.abort());
  const aborting = abortWhenAsked();
  try {
    await work;
    return { ok: true };
  } catch (error) {
    if (error instanceof ConnectionLost || !signal.aborted) return failureOf(error);
    return { ok: false, code: ABORTED, detail: failureOf(error).detail };
  } finally {
    await aborting;
  }

  /** 2. */
  async function abortWhenAsked(): Promise<void> {
    await aborted(AbortSignal.any([signal, over.signal]));
    while (!over.signal.aborted) {
      await abortJob(rpc, vmId).catch(() => {});
      await pause(time, { delayMs: ABORT_AGAIN_MS, signal: over.signal });
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}
