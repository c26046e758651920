/** What answers at once and changes the record all the same: a turn run inline, with a message of its own (A5). */
import type { ApartmentMessageBody } from "../model/apartment-message.ts";
import { type Apartment, type ApartmentRecord, isOfVm } from "../model/apartment-record.ts";
import { LogicalId, type VmId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import type { PatchVmRequest } from "../model/user-api.ts";
import type { Vm } from "../model/vm.ts";
import { findVm } from "./find-vm.ts";
import type { Ports } from "./ports.ts";
import { wholeVm } from "./read-vms.ts";
import { type TurnDeps, takeTurn } from "./take-turn.ts";
import { apartmentView } from "./vm-view.ts";

/** What an inline turn needs. */
export type ChangeDeps = TurnDeps & Pick<Ports, "names">;

export async function patchVm(
  deps: ChangeDeps,
  request: { readonly caller: Caller; readonly vmId: VmId; readonly patch: PatchVmRequest },
): Promise<Answer<Vm>> {
  const found = await findVm(deps, request);
  if (!found.ok) return found;
  const changed = await changeInline(deps, request.vmId, { kind: "patch", ...request.patch });
  return changed.ok ? { ok: true, value: await wholeVm(deps, changed.value) } : changed;
}

/** Paused: the active job goes on, no next one begins. Resuming begins the next in this very turn. */
export async function pauseApartment(
  deps: ChangeDeps,
  request: { readonly caller: Caller; readonly vmId: VmId; readonly paused: boolean },
): Promise<Answer<Apartment>> {
  const found = await findVm(deps, request);
  if (!found.ok) return found;
  const { paused } = request;
  const changed = await changeInline(deps, request.vmId, { kind: "pause", paused });
  return changed.ok ? { ok: true, value: apartmentView(changed.value) } : changed;
}

/** Runs a turn inline with one message that is new each time. */
export async function changeInline(
  deps: ChangeDeps,
  vmId: VmId,
  body: ApartmentMessageBody,
): Promise<Answer<ApartmentRecord>> {
  const logicalId = LogicalId.parse(`inline:${deps.names.jobId()}`);
  const turn = await takeTurn(deps, {
    apartmentId: vmId,
    messages: [{ ok: true, message: { v: 1, logicalId, body } }],
    source: { kind: "inline" },
  });
  return turn.status === "no_apartment" || !isOfVm(turn.record)
    ? refuse("vm_not_found", `there is no VM ${vmId}`)
    : { ok: true, value: turn.record };
}
