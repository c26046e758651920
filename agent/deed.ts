/** What a command comes to at the hypervisor, and what doing one needs (`execute.ts`). */
import type { CommandOutcome } from "../shared/model/agent-state.ts";
import type { CommandCall } from "../shared/model/command.ts";
import type { VmId } from "../shared/model/ids.ts";
import type { Aftermath } from "./aftermath.ts";
import {
  type Done,
  type Failure,
  type Hypervisor,
  NOT_FOUND,
  type PowerSeen,
} from "./hypervisor/hypervisor.ts";
import type { AgentTime } from "./time.ts";

export type Deed = Pick<CommandOutcome, "status" | "code" | "detail"> & {
  /** `Failure.isOverHere`. */
  readonly isOverHere?: true;
};

export type ExecuteDeps = {
  readonly time: AgentTime;
  readonly hypervisor: Hypervisor;
  /** Commands that nobody waits for any more and that may still come true. */
  readonly aftermath: Aftermath;
  /** `false` while the lease is out: an HA VM must not come on here. */
  readonly leaseIsHeld: () => boolean;
  readonly isHa: (vmId: VmId) => boolean;
};

export type Task = {
  readonly vmId: VmId;
  readonly call: Exclude<CommandCall, { verb: "probe" }>;
  /** A later command superseded this one, or its time is over. */
  readonly signal: AbortSignal;
  /** Commands for this VM that were begun before and may still run. */
  readonly earlier: Promise<unknown>;
};

export const DONE: Deed = { status: "done" };

export function deedOf(answer: Done | Failure): Deed {
  return answer.ok ? DONE : failed(answer);
}

export function failed({ ok: _, ...failure }: Failure): Deed {
  return { status: "failed", ...failure };
}

/** Done, if what was asked for is seen afterwards; somebody else may have changed it since. */
export async function deedSeen(
  { hypervisor }: ExecuteDeps,
  vmId: VmId,
  answer: Done | Failure,
  isSo: (seen: PowerSeen) => boolean,
): Promise<Deed> {
  if (!answer.ok) return failed(answer);
  const read = await hypervisor.read(vmId);
  if (!read.ok) return failed(read);
  return isSo(read) ? DONE : { status: "failed", code: DID_NOT_LAST, detail: read.detail };
}

/** It was done, and was not so any more a moment later. */
export const DID_NOT_LAST = "did_not_last";

/** Done, if the VM is off or not here (`execute.ts`, 1); otherwise, or if it cannot be seen, `undefined`. */
export async function isOff(hypervisor: Hypervisor, vmId: VmId): Promise<Deed | undefined> {
  const read = await hypervisor.read(vmId);
  if (read.ok) return read.held ? undefined : DONE;
  if (read.code !== NOT_FOUND) return undefined;
  return { status: "done", code: NOT_FOUND, detail: read.detail };
}
