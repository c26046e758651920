/** The record of a VM that the caller may see. */
import { type ApartmentRecord, isGone } from "../model/apartment-record.ts";
import type { VmId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import type { Ports } from "./ports.ts";

/** Another account's VM is as unknown as one that never was (contract, 404); admins see all. */
export async function findVm(
  deps: Pick<Ports, "apartments">,
  query: { readonly caller: Caller; readonly vmId: VmId },
): Promise<Answer<ApartmentRecord>> {
  const record = await deps.apartments.read(query.vmId);
  if (record === undefined || isGone(record) || !maySee(query.caller, record.vm))
    return refuse("vm_not_found", `there is no VM ${query.vmId}`);
  return { ok: true, value: record };
}

/** Whether what an account owns is shown to a caller. */
export function maySee(caller: Caller, owned: { readonly account?: string | undefined }): boolean {
  return caller.role === "admin" || caller.account === owned.account;
}
