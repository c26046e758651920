/**
 * What a VM's record says of the host where the VM is, or was last: as much of it as comparing a whole host needs. An index
 * keeps it beside the records, so that one query answers it for all VMs of a host (ADR 22).
 */
import * as z from "zod/mini";
import type { ApartmentRecord } from "./apartment-record.ts";
import { Count, HostId, VmId } from "./ids.ts";
import { Power, PowerDetail } from "./power.ts";
import { VmState } from "./vm.ts";

export const VmAtHost = z.object({
  id: VmId,
  state: VmState,
  /** Where it is; absent: it was there last, and is nowhere now. */
  hostId: z.optional(HostId),
  /** The host's last word on it, but for when it was said; absent: none was heard. */
  said: z.optional(
    z.object({
      bootOrdinal: Count,
      power: Power,
      detail: z.optional(PowerDetail),
      epoch: z.optional(Count),
    }),
  ),
});
export type VmAtHost = z.infer<typeof VmAtHost>;

/** Of a record, with the host that it is about; nothing of a VM that was at none yet, or is gone. */
export function vmAtHost({
  id,
  vm,
  observations,
  gone,
}: ApartmentRecord): { readonly lastAt: HostId; readonly row: VmAtHost } | undefined {
  const lastAt = vm.hostId ?? vm.lastHostId;
  if (lastAt === undefined || gone !== undefined) return undefined;
  const { state, hostId } = vm;
  const heard = observations[lastAt];
  const said = heard && {
    bootOrdinal: heard.bootOrdinal,
    power: heard.power,
    ...(heard.detail === undefined ? {} : { detail: heard.detail }),
    ...(heard.epoch === undefined ? {} : { epoch: heard.epoch }),
  };
  const row = {
    ...{ id, state },
    ...(hostId === undefined ? {} : { hostId }),
    ...(said === undefined ? {} : { said }),
  };
  return { lastAt, row };
}
