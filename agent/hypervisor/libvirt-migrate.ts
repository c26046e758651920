/**
 * Live migration from this host's libvirtd to the target's, peer to peer: the two daemons do it between them, and it goes on
 * when this agent dies.
 *
 *  1. Only ways to another daemon are let through: libvirt also takes URIs that run a command of their own on this host,
 *     and the target's URI was said by another host's agent.
 *  2. An abort is asked for again until the migration is over: one that comes before libvirt has begun finds no job.
 *  3. When the two daemons lose each other at the very end, libvirt lets the guest go on here though it may have begun at the
 *     target, and answers with the error of its connection. Only such an error leaves the outcome open; it names no phase,
 *     so those of earlier phases do too.
 */
import { type AgentTime, pause } from "../time.ts";
import {
  ABORTED,
  type Done,
  type Failure,
  type MigrateRequest,
  OUTCOME_UNKNOWN,
} from "./hypervisor.ts";
import { abortJob, migrate as migrateDomain } from "./libvirt-actions.ts";
import { failureOf, hasCode } from "./libvirt-errors.ts";
import type { RpcConnection } from "./rpc-client.ts";

const ABORT_AGAIN_MS = 200;
/** How libvirt says that its connection to the other daemon failed (3). */
const DAEMONS_APART = ["internalError", "systemError", "rpc"] as const;

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
    const failure = failureOf(error);
    if (failure.code === OUTCOME_UNKNOWN) return failure;
    if (hasCode(error, ...DAEMONS_APART))
      return { ...failure, code: OUTCOME_UNKNOWN, isOverHere: true }; // 3
    return signal.aborted ? { ...failure, code: ABORTED } : failure;
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
