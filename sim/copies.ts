/** Never two running copies of one VM. */
import type { PowerSeen } from "../agent/hypervisor/hypervisor.ts";
import type { VmId } from "../shared/model/ids.ts";
import type { SimHost } from "./sim-host.ts";
import type { World } from "./world.ts";

/** Asked whenever a VM may have come on somewhere. */
export function checkCopies({ watch, byHand }: World, hosts: readonly SimHost[], vmId: VmId): void {
  if (byHand.has(vmId)) return;
  const running = runningAt(hosts, vmId);
  if (running.length > 1)
    watch.broken(
      "two_copies",
      `${vmId} runs at ${running.map(({ hostId }) => hostId).join(" and ")}`,
    );
}

/** The hosts that run it. */
export function runningAt(hosts: readonly SimHost[], vmId: VmId): readonly SimHost[] {
  return hosts.filter(({ hypervisor }) => runs(hypervisor.behindTheBack.seen(vmId)));
}

/** For the moment of its move a VM is at two hosts and runs at neither (`agent/hypervisor/simulated-migration.ts`, M1). */
function runs(seen: PowerSeen | undefined): boolean {
  return seen?.held === true && !seen.detail.includes("migrating");
}
