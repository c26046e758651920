/** What a job does to the record of its VM. */
import type { VmSubject } from "./apartment-record.ts";
import type { HostId } from "./ids.ts";

/** Absent: as it was. `hostId: null` takes the VM off its host. */
export type VmChange = Partial<
  Pick<VmSubject, "state" | "spec" | "domainChanges" | "snapshots" | "restartedAts">
> & { readonly hostId?: HostId | null };

/** The VM after the change. The host that it leaves is its last one. */
export function changedVm(vm: VmSubject, change: VmChange): VmSubject {
  const { hostId: to, ...parts } = change;
  const changed = { ...vm, ...parts, lastState: stateBefore(vm, parts.state) };
  if (to === undefined || to === vm.hostId) return changed;
  return {
    ...changed,
    hostId: to ?? undefined,
    lastHostId: vm.hostId ?? vm.lastHostId,
  };
}

/** What is kept of a VM of which nobody can say any more what it is. */
function stateBefore({ state, lastState }: VmSubject, to = state): VmSubject["lastState"] {
  if (to !== "Unknown") return undefined;
  return state === "Unknown" ? lastState : state;
}
