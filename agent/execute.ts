/**
 * Does one command at the hypervisor, and says what it came to. Power is read afterwards, by the runner.
 *
 *  1. A VM that this host does not know is off as far as this host can tell: `shutdown` and `poweroff` of it are done, with
 *     the code `not_found` beside, and nothing is claimed about other hosts. So is `undefine`.
 *  2. What cannot be called off is not: it ends when the hypervisor says so. A wait ends at the signal, and a migration is
 *     asked to; but an agent that only ends leaves a migration be: the hypervisors do it between them.
 *  3. A power-off is done when the VM is off *and* no earlier command is left that could turn it on again.
 *  4. While the lease is out no HA VM comes on here, by whatever verb, and none leaves for another host: it may be running
 *     elsewhere already.
 */
import { type Deed, deedOf, deedSeen, type ExecuteDeps, failed, type Task } from "./deed.ts";
import { NOT_FOUND } from "./hypervisor/hypervisor.ts";
import { AGENT_ENDS } from "./lane.ts";
import { powerOff, reboot, shutdown, start } from "./power-deeds.ts";

export async function execute(deps: ExecuteDeps, task: Task): Promise<Deed> {
  const { hypervisor } = deps;
  const { vmId, call, signal } = task;
  switch (call.verb) {
    case "start":
      return leaseRefusal(deps, task) ?? (await start(deps, vmId, call.args));
    case "shutdown":
      return await shutdown(deps, task, call.args.graceSeconds);
    case "poweroff":
      return await powerOff(deps, task);
    case "reboot":
      return await reboot(deps, task);
    case "reset":
      return await deedSeen(deps, vmId, await hypervisor.reset(vmId), (seen) => seen.held);
    case "suspend": {
      const asked = await hypervisor.suspend(vmId);
      return await deedSeen(deps, vmId, asked, (seen) => seen.power === "paused");
    }
    case "resume": {
      const refusal = leaseRefusal(deps, task);
      if (refusal !== undefined) return refusal;
      const asked = await hypervisor.resume(vmId);
      return await deedSeen(deps, vmId, asked, (seen) => seen.power === "on");
    }
    case "migrate": {
      const refusal = leaseRefusal(deps, task);
      if (refusal !== undefined) return refusal;
      const { targetUri } = call.args;
      return deedOf(await hypervisor.migrate({ vmId, targetUri, signal: calledOff(signal) }));
    }
    case "undefine": {
      const asked = await hypervisor.undefine(vmId);
      if (asked.ok || asked.code !== NOT_FOUND) return deedOf(asked);
      return { ...failed(asked), status: "done" }; // 1
    }
    case "snapshot":
      return deedOf(await hypervisor.snapshot(vmId, call.args.name));
    case "revert":
      return leaseRefusal(deps, task) ?? deedOf(await hypervisor.revert(vmId, call.args.snapshot));
    case "delete-snapshot":
      return deedOf(await hypervisor.deleteSnapshot(vmId, call.args.snapshot));
    case "attach":
      return deedOf(await hypervisor.attach(vmId, call.args.device));
    case "detach":
      return deedOf(await hypervisor.detach(vmId, call.args.device, signal));
    case "scale":
      return deedOf(await hypervisor.scale(vmId, call.args));
    default:
      return call satisfies never;
  }
}

/** 4. */
function leaseRefusal(deps: ExecuteDeps, { vmId }: Task): Deed | undefined {
  if (!deps.isHa(vmId) || deps.leaseIsHeld()) return undefined;
  return { status: "failed", code: "lease_expired", detail: "this host's lease has run out" };
}

/** 2. */
function calledOff(signal: AbortSignal): AbortSignal {
  const off = new AbortController();
  const hear = () => signal.reason !== AGENT_ENDS && off.abort();
  if (signal.aborted) hear();
  else signal.addEventListener("abort", hear, { once: true });
  return off.signal;
}
