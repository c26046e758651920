/**
 * Comparing a host that has nothing new to say with the records of its VMs: whose apartment is to be told again (ADR 22).
 *
 *  1. A record that has the host's very word, of this boot, and rests in it, would learn nothing by hearing it again.
 *  2. Every other VM that is listed is told of: what was said of it was lost, or its record is wrong, or is not to be found
 *     at this host; it may be at another, or nobody's. Whoever reads of the index what is not true any more tells too much.
 *  3. A VM that its record has there, and that is not listed, is absent, whatever was heard of it.
 */
import type { Report, ReportedVm } from "../model/agent-protocol.ts";
import type { VmId } from "../model/ids.ts";
import type { VmAtHost } from "../model/vm-at-host.ts";
import { claims, isWell } from "./agreement.ts";

export type Mismatch = {
  /** Listed, and not recorded as they are listed (2). */
  readonly listed: ReadonlySet<VmId>;
  /** Recorded there, and not listed (3). */
  readonly unlisted: readonly VmId[];
};

export function compareHost(
  records: readonly VmAtHost[],
  report: Pick<Report, "vms"> & { readonly bootOrdinal: number },
): Mismatch {
  const unmatched = new Map(records.map((record) => [record.id, record]));
  const listed = new Set<VmId>();
  for (const vm of report.vms) {
    const record = unmatched.get(vm.vmId);
    unmatched.delete(vm.vmId);
    if (record === undefined || !knows(record, vm, report.bootOrdinal)) listed.add(vm.vmId);
  }
  const unlisted = [...unmatched.values()].filter(mayBeThere).map(({ id }) => id);
  return { listed, unlisted };
}

export function isMatch({ listed, unlisted }: Mismatch): boolean {
  return listed.size === 0 && unlisted.length === 0;
}

/** 1. */
function knows({ state, hostId, said }: VmAtHost, vm: ReportedVm, bootOrdinal: number): boolean {
  return (
    said !== undefined &&
    said.bootOrdinal === bootOrdinal &&
    said.power === vm.power &&
    said.detail === vm.detail &&
    said.epoch === vm.epoch &&
    (hostId === undefined ? isWell(state, "nowhere") && !claims(vm.power) : isWell(state, vm.power))
  );
}

/** 3. */
function mayBeThere({ hostId, said }: VmAtHost): boolean {
  return hostId !== undefined || (said !== undefined && claims(said.power));
}
