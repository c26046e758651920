/** The commands that change a VM's power, and that take more than one call (`execute.ts`). */
import type { StartArgs } from "../shared/model/command.ts";
import type { VmId } from "../shared/model/ids.ts";
import {
  type Deed,
  DID_NOT_LAST,
  DONE,
  deedOf,
  type ExecuteDeps,
  failed,
  isOff,
  type Task,
} from "./deed.ts";
import { NOT_FOUND, OUTCOME_UNKNOWN } from "./hypervisor/hypervisor.ts";
import { pause } from "./time.ts";

/** A guest that obeys is gone in a fraction of a second; its event tells. This is for events that were lost. */
const LOOK_AGAIN_MS = 2000;
/** A start that slips in between two power-offs can do so once for each earlier command; more is a bug elsewhere. */
const POWER_OFFS_MAX = 5;
/** A start that may still come true is looked for this often. */
const AFTERMATH_LOOK_MS = 500;

export async function start(deps: ExecuteDeps, vmId: VmId, args: StartArgs): Promise<Deed> {
  const { name, spec, domainXml, changes } = args;
  return deedOf(await deps.hypervisor.start({ vmId, name, spec, domainXml, changes }));
}

/** Asks the guest, then waits until it is off, its grace is over, or a later command comes. */
export async function shutdown(deps: ExecuteDeps, task: Task, graceSeconds: number): Promise<Deed> {
  const { time, hypervisor } = deps;
  const { vmId } = task;
  const endsAtMs = time.monotonicNow() + graceSeconds * 1000;
  const before = await isOff(hypervisor, vmId);
  if (before !== undefined) return before;
  return await withEvents(deps, task, async (next) => {
    const asked = await hypervisor.requestShutdown(vmId);
    if (!asked.ok) return (await isOff(hypervisor, vmId)) ?? failed(asked);
    for (;;) {
      const off = await isOff(hypervisor, vmId);
      if (off !== undefined) return off;
      const leftMs = endsAtMs - time.monotonicNow();
      if (task.signal.aborted) return STOPPED;
      if (leftMs <= 0)
        return { status: "failed", code: "timeout", detail: `on after ${graceSeconds} s of grace` };
      await next(leftMs);
    }
  });
}

/** Asks the guest, then waits until it has restarted, is off instead, or a later command comes. */
export async function reboot(deps: ExecuteDeps, task: Task): Promise<Deed> {
  const { hypervisor } = deps;
  const { vmId } = task;
  return await withEvents(deps, task, async (next, isRestarted) => {
    const asked = await hypervisor.requestReboot(vmId);
    if (!asked.ok) return failed(asked);
    for (;;) {
      const read = await hypervisor.read(vmId);
      if (isRestarted() && read.ok && read.power === "on") return DONE;
      if (read.ok ? !read.held : read.code === NOT_FOUND)
        return { status: "failed", code: DID_NOT_LAST, detail: "it is off" };
      if (task.signal.aborted) return STOPPED;
      await next();
    }
  });
}

export async function powerOff(deps: ExecuteDeps, task: Task): Promise<Deed> {
  const { time, hypervisor, aftermath } = deps;
  const { vmId, signal } = task;
  for (let attempt = 1; attempt <= POWER_OFFS_MAX && !signal.aborted; ) {
    const done = await hypervisor.powerOff(vmId);
    if (!done.ok && done.code !== NOT_FOUND) return failed(done);
    await task.earlier; // 3
    const nothingLeft = await aftermath.isOver(vmId);
    const off = await isOff(hypervisor, vmId);
    if (off !== undefined && nothingLeft) return off;
    if (nothingLeft) attempt += 1;
    else await pause(time, { delayMs: AFTERMATH_LOOK_MS, signal });
  }
  return { status: "failed", code: OUTCOME_UNKNOWN, detail: "a power-off did not last" };
}

const STOPPED: Deed = { status: "failed", code: OUTCOME_UNKNOWN, detail: "stopped while waiting" };

type Next = (atMostMs?: number) => Promise<void>;

/**
 * Does the work while what happens to the VM is listened to. `next` resolves at the next event since the last time, when
 * it is time to look again all the same, or at the task's signal; `isRestarted`: the guest was heard to restart.
 */
async function withEvents(
  { time, hypervisor }: ExecuteDeps,
  { vmId, signal }: Task,
  work: (next: Next, isRestarted: () => boolean) => Promise<Deed>,
): Promise<Deed> {
  let changed = new AbortController();
  let restarted = false;
  const unsubscribe = hypervisor.subscribe((event) => {
    if (event.kind === "vm" && event.vmId !== vmId) return;
    if (event.kind === "vm" && event.rebooted === true) restarted = true;
    changed.abort();
  });
  const next: Next = async (atMostMs = LOOK_AGAIN_MS) => {
    const delayMs = Math.min(atMostMs, LOOK_AGAIN_MS);
    await pause(time, { delayMs, signal: AbortSignal.any([signal, changed.signal]) });
    changed = new AbortController();
  };
  try {
    return await work(next, () => restarted);
  } finally {
    unsubscribe();
  }
}
