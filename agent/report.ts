/** A listing as a report: pure. */
import { REPORT_VMS_MAX, type Report, type ReportedVm } from "../shared/model/agent-protocol.ts";
import type { BootId, VmId } from "../shared/model/ids.ts";
import { cutText } from "./cut-text.ts";
import type { HostCapacity, Listing, VmSeen } from "./hypervisor/hypervisor.ts";

/** Bounds of the contract for what is shown to people; longer texts are cut. */
const TEXT_UNITS_MAX = 64;

/** `terse` leaves out what only people read: for a report that was too large. */
export type Wording = "full" | "terse";

/**
 * A listing that could not be had becomes a report that is not complete and names nobody. So does what does not fit: with
 * more VMs than a report can carry, absence from it must mean nothing.
 */
export function toReport(facts: {
  readonly bootId: BootId;
  readonly seq: number;
  readonly kind: Report["kind"];
  readonly observedAtMs: number;
  readonly listing: Listing;
  /** As it was before the listing began: a sight must not claim to be later than a command that it did not see. */
  readonly epochs: ReadonlyMap<VmId, number>;
  readonly capacity: HostCapacity | undefined;
  readonly wording: Wording;
  /** The lease that this report renews is kept. */
  readonly selfFence: boolean;
}): Report {
  const { bootId, seq, kind, listing, epochs, capacity } = facts;
  const seen = listing.complete ? listing.vms : [];
  return {
    bootId,
    seq,
    kind,
    complete: listing.complete && seen.length <= REPORT_VMS_MAX,
    observedAt: new Date(facts.observedAtMs).toISOString(),
    ...(capacity === undefined ? {} : { capacity }),
    ...(listing.complete ? {} : { reason: cutText(listing.reason, TEXT_UNITS_MAX) }),
    ...(facts.selfFence ? { selfFence: true } : {}),
    vms: seen.slice(0, REPORT_VMS_MAX).map((vm) => toReportedVm(vm, epochs, facts.wording)),
  };
}

function toReportedVm(vm: VmSeen, epochs: ReadonlyMap<VmId, number>, wording: Wording): ReportedVm {
  const epoch = epochs.get(vm.vmId);
  return {
    vmId: vm.vmId,
    power: vm.power,
    ...(wording === "full" ? { detail: cutText(vm.detail, TEXT_UNITS_MAX) } : {}),
    ...(wording === "full" && vm.name !== undefined
      ? { name: cutText(vm.name, TEXT_UNITS_MAX) }
      : {}),
    ...(epoch === undefined ? {} : { epoch }),
  };
}
