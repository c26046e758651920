/**
 * Does one command at the hypervisor, and says what it came to. Power is read afterwards, by the runner.
 *
 *  1. A VM that this host does not know is off as far as this host can tell: `shutdown` and `poweroff` of it are done, with
 *     the code `not_found` beside, and nothing is claimed about other hosts.
 *  2. A start that cannot be called off is not: it ends when the hypervisor says so. Only a wait ends at the signal.
 *  3. A power-off is done when the VM is off *and* no earlier start is left that could turn it on again.
 */
import type { CommandOutcome } from "../shared/model/agent-state.ts";
import type { CommandCall, StartArgs } from "../shared/model/command.ts";
import type { VmId } from "../shared/model/ids.ts";
import type { Aftermath } from "./aftermath.ts";
import {
  type Failure,
  type Hypervisor,
  NOT_FOUND,
  OUTCOME_UNKNOWN,
} from "./hypervisor/hypervisor.ts";
import { type AgentTime, pause } from "./time.ts";

export type Deed = Pick<CommandOutcome, "status" | "code" | "detail">;

export type ExecuteDeps = {
  readonly time: AgentTime;
  readonly hypervisor: Hypervisor;
  /** Starts that nobody waits for any more and that may still come true. */
  readonly aftermath: Aftermath;
  /** `false` while the lease is out: an HA VM must not be started here. */
  readonly leaseIsHeld: () => boolean;
};

export type Task = {
  readonly vmId: VmId;
  readonly call: Exclude<CommandCall, { verb: "probe" }>;
  /** A later command superseded this one, or its time is over. */
  readonly signal: AbortSignal;
  /** Commands for this VM that were begun before and may still run. */
  readonly earlier: Promise<unknown>;
};

/** A guest that obeys is gone in a fraction of a second; its event tells. This is for events that were lost. */
const LOOK_AGAIN_MS = 2000;
/** A start that slips in between two power-offs can do so once for each earlier command; more is a bug elsewhere. */
const POWER_OFFS_MAX = 5;

/** A start that may still come true is looked for this often. */
const AFTERMATH_LOOK_MS = 500;

const DONE: Deed = { status: "done" };

export function execute(deps: ExecuteDeps, task: Task): Promise<Deed> {
  const { call } = task;
  switch (call.verb) {
    case "start":
      return start(deps, task.vmId, call.args);
    case "shutdown":
      return shutdown(deps, task, call.args.graceSeconds);
    case "poweroff":
      return powerOff(deps, task);
    case "reboot":
    case "reset":
    case "suspend":
    case "resume":
    case "migrate":
    case "undefine":
    case "snapshot":
    case "revert":
    case "delete-snapshot":
    case "attach":
    case "detach":
    case "scale":
      return Promise.resolve(notBuilt(`this agent does not do ${call.verb} yet`));
    default:
      return call satisfies never;
  }
}

async function start(deps: ExecuteDeps, vmId: VmId, args: StartArgs): Promise<Deed> {
  if (args.ha && !deps.leaseIsHeld())
    return { status: "failed", code: "lease_expired", detail: "this host's lease has run out" };
  const { name, spec, domainXml, changes } = args;
  if (changes !== undefined) return notBuilt("this agent does not change an owner's XML yet");
  const started = await deps.hypervisor.start({ vmId, name, spec, domainXml });
  return started.ok ? DONE : failed(started);
}

/** Asks the guest, then waits until it is off, its grace is over, or a later command comes. */
async function shutdown(deps: ExecuteDeps, task: Task, graceSeconds: number): Promise<Deed> {
  const { time, hypervisor } = deps;
  const { vmId, signal } = task;
  const endsAtMs = time.monotonicNow() + graceSeconds * 1000;
  const before = await isOff(hypervisor, vmId);
  if (before !== undefined) return before;
  const asked = await hypervisor.requestShutdown(vmId);
  if (!asked.ok) return (await isOff(hypervisor, vmId)) ?? failed(asked);
  for (;;) {
    const changed = new AbortController();
    const unsubscribe = hypervisor.subscribe((event) => {
      if (event.kind !== "vm" || event.vmId === vmId) changed.abort();
    });
    try {
      const off = await isOff(hypervisor, vmId);
      if (off !== undefined) return off;
      const leftMs = endsAtMs - time.monotonicNow();
      if (signal.aborted)
        return { status: "failed", code: OUTCOME_UNKNOWN, detail: "stopped while waiting" };
      if (leftMs <= 0)
        return { status: "failed", code: "timeout", detail: `on after ${graceSeconds} s of grace` };
      const until = AbortSignal.any([signal, changed.signal]);
      await pause(time, { delayMs: Math.min(leftMs, LOOK_AGAIN_MS), signal: until }); // 2
    } finally {
      unsubscribe();
    }
  }
}

async function powerOff(deps: ExecuteDeps, task: Task): Promise<Deed> {
  const { time, hypervisor, aftermath } = deps;
  const { vmId, signal } = task;
  for (let attempt = 1; attempt <= POWER_OFFS_MAX && !signal.aborted; ) {
    const done = await hypervisor.powerOff(vmId);
    if (!done.ok && done.code !== NOT_FOUND) return failed(done);
    await task.earlier; // 3
    const nothingLeft = aftermath.isOver(vmId);
    const off = await isOff(hypervisor, vmId);
    if (off !== undefined && nothingLeft) return off;
    if (nothingLeft) attempt += 1;
    else await pause(time, { delayMs: AFTERMATH_LOOK_MS, signal });
  }
  return { status: "failed", code: OUTCOME_UNKNOWN, detail: "a power-off did not last" };
}

/** Done, if the VM is off or not here (1); otherwise, or if it cannot be seen, `undefined`. */
async function isOff(hypervisor: Hypervisor, vmId: VmId): Promise<Deed | undefined> {
  const read = await hypervisor.read(vmId);
  if (read.ok) return read.held ? undefined : DONE;
  if (read.code !== NOT_FOUND) return undefined;
  return { status: "done", code: NOT_FOUND, detail: read.detail };
}

function notBuilt(detail: string): Deed {
  return { status: "failed", code: "unsupported", detail };
}

function failed(failure: Failure): Deed {
  return { status: "failed", code: failure.code, detail: failure.detail };
}
