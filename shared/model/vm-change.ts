/** What a job does to the record of its VM. */
import type { VmSubject } from "./apartment-record.ts";
import type { HostId } from "./ids.ts";

/** Absent: as it was. `hostId: null` takes the VM off its host. */
export type VmChange = Partial<
  Pick<VmSubject, "state" | "spec" | "domainChanges" | "snapshots">
> & { readonly hostId?: HostId | null };

/** The VM after the change. The host that it leaves is its last one. */
export function changedVm(vm: VmSubject, change: VmChange): VmSubject {
  const { hostId: to, ...parts } = change;
  if (to === undefined || to === vm.hostId) return { ...vm, ...parts };
  return {
    ...vm,
    ...parts,
    hostId: to ?? undefined,
    lastHostId: vm.hostId ?? vm.lastHostId,
  };
}
