/**
 * What a report says that the host had not said before: its differences against the inventory.
 *
 *  1. A VM that is listed is passed on if it is new, was absent, or anything about it changed; all are in a new boot, and on
 *     a resync those that have to be told again (`core/resync.ts`).
 *  2. Absence counts only in complete reports: pending at the first, `missing` at the `graceReports`-th in a row of one
 *     boot, told once, and then the inventory forgets the VM.
 *  3. When more than the given share of the VMs (and more than 3) vanish in one report, none of them is missing before a
 *     second report says the same, whatever the grace (contract, `massAbsencePercent`).
 *  4. A VM that should be there, and that the inventory does not know, is absent like one that was listed before: its
 *     first listing may have been lost with its last.
 *  5. What an overtaken report may have told is told again by the one that overtook it.
 */
import type { Report, ReportedVm } from "../model/agent-protocol.ts";
import type { Inventory } from "../model/host.ts";
import { VmId } from "../model/ids.ts";
import type { Power } from "../model/power.ts";

/** Vanishing VMs that are no mass absence yet, whatever their share (contract). */
const MASS_ABSENCE_VMS = 3;
/** Reports that a mass absence needs. */
const MASS_GRACE_REPORTS = 2;

/** What is passed on of one VM. */
export type Observed = {
  readonly vmId: VmId;
  readonly power: Power;
  readonly detail?: string | undefined;
  readonly epoch?: number | undefined;
};

export type InventoryDiff = {
  readonly observed: readonly Observed[];
  /** The inventory after this report. */
  readonly vms: Inventory["vms"];
  /** Some VM is absent and not missing yet: the next report, though it says the same, says more. */
  readonly absencesPending: boolean;
  /** How many vanished in this report, if that is a mass absence. */
  readonly massAbsence?: number;
};

type Entry = Inventory["vms"][VmId];

export function diffInventory(
  inventory: Pick<Inventory, "bootOrdinal" | "vms"> | undefined,
  report: Pick<Report, "complete" | "vms"> & { readonly bootOrdinal: number },
  rules: {
    readonly graceReports: number;
    readonly massAbsencePercent: number;
    /** Of what is listed and did not change, what is passed on all the same; absent: nothing. */
    readonly again?: "everything" | ReadonlySet<VmId> | undefined;
    /** VMs that should be there, as far as that was looked up. */
    readonly expected?: readonly VmId[];
  },
): InventoryDiff {
  const newBoot = inventory?.bootOrdinal !== report.bootOrdinal;
  const again = newBoot ? "everything" : rules.again;
  const before = inventory?.vms ?? {};
  const isTold = (vm: ReportedVm) =>
    again === "everything" || again?.has(vm.vmId) === true || differs(vm, before[vm.vmId]);
  const observed: Observed[] = report.vms.filter(isTold).map(observedOf); // 1
  const absent = absentOf(before, report, rules.expected ?? []).map(({ vmId, entry }) => ({
    vmId,
    entry,
    absences: (newBoot ? 0 : (entry.absences ?? 0)) + (report.complete ? 1 : 0), // 2
  }));
  const vanished = absent.filter(
    ({ absences, entry }) => report.complete && absences === 1 && entry !== UNHEARD,
  ).length;
  const isMass = isMassAbsence(vanished, Object.keys(before).length, rules.massAbsencePercent);
  const grace = Math.max(rules.graceReports, isMass ? MASS_GRACE_REPORTS : 1); // 3
  const missing = absent.filter(({ absences }) => absences >= grace);
  const pending = absent.filter(({ absences }) => absences < grace);
  return {
    observed: [...observed, ...missing.map(({ vmId }) => ({ vmId, power: "missing" as const }))],
    vms:
      absent.length === 0
        ? inventoryOf(before, report.vms)
        : {
            ...inventoryOf({}, report.vms),
            ...Object.fromEntries(
              pending.map(({ vmId, entry, absences }) => [vmId, absentFor(entry, absences)]),
            ),
          },
    absencesPending: pending.some(({ absences }) => absences > 0),
    ...(isMass ? { massAbsence: vanished } : {}),
  };
}

/** What was listed before and is not now, and what should be there and is neither (4). */
function absentOf(
  before: Inventory["vms"],
  { vms }: Pick<Report, "vms">,
  expected: readonly VmId[],
): readonly { readonly vmId: VmId; readonly entry: Entry }[] {
  const listed = new Set<string>(vms.map(({ vmId }) => vmId));
  const unlisted = Object.entries(before).filter(([id]) => !listed.has(id));
  const unheard = new Set(expected.filter((id) => before[id] === undefined && !listed.has(id)));
  return [
    ...unlisted.map(([id, entry]) => ({ vmId: VmId.parse(id), entry })),
    ...[...unheard].map((vmId) => ({ vmId, entry: UNHEARD })),
  ];
}

/** The same inventory, if it says so already: whoever stores it need not pack 2,000 VMs again. */
function inventoryOf(before: Inventory["vms"], listed: readonly ReportedVm[]): Inventory["vms"] {
  const isSame =
    Object.keys(before).length === listed.length &&
    listed.every((vm) => !differs(vm, before[vm.vmId]));
  return isSame ? before : Object.fromEntries(listed.map((vm) => [vm.vmId, entryOf(vm)]));
}

/**
 * What an inventory says of VMs of which an older report may have said something else, and told it. `whole`: that is all;
 * else the inventory's own report did not list some of them, and cannot say.
 */
export function correctOvertaken(
  overtaken: Pick<Report, "complete" | "vms">,
  by: Pick<Inventory, "complete" | "vms">,
): { readonly observed: readonly Observed[]; readonly whole: boolean } {
  if (!by.complete) return { observed: [], whole: false };
  const said = new Map(overtaken.vms.map((vm) => [vm.vmId, vm]));
  const now = new Map(entriesOf(by.vms));
  const seen = [...now].filter(([, { absences }]) => absences === undefined);
  const observed = seen
    .filter(([vmId, entry]) => {
      const vm = said.get(vmId);
      // One that a complete report did not list it may have called missing.
      return vm === undefined ? overtaken.complete : differs(vm, entry);
    })
    .map(([vmId, { power, detail, epoch }]) => ({ vmId, power, detail, epoch }));
  // Of one that is absent by now something is said in any case: that it is back, or missing (1, 2).
  return { observed, whole: overtaken.vms.every(({ vmId }) => now.has(vmId)) };
}

/** Of a VM that should be there and was never listed. */
const UNHEARD: Entry = { power: "unknown" };

function isMassAbsence(vanished: number, vms: number, percent: number): boolean {
  return vanished > MASS_ABSENCE_VMS && vanished * 100 > vms * percent;
}

function differs(vm: ReportedVm, before: Entry | undefined): boolean {
  return (
    before === undefined ||
    before.absences !== undefined ||
    before.power !== vm.power ||
    before.detail !== vm.detail ||
    before.epoch !== vm.epoch
  );
}

function observedOf({ vmId, power, detail, epoch }: ReportedVm): Observed {
  return { vmId, power, detail, epoch };
}

/** Without what is not there: an inventory is stored, and compared as it was stored. */
function entryOf({ power, detail, epoch }: ReportedVm): Entry {
  return {
    power,
    ...(detail === undefined ? {} : { detail }),
    ...(epoch === undefined ? {} : { epoch }),
  };
}

function absentFor({ absences: _, ...entry }: Entry, absences: number): Entry {
  return absences === 0 ? entry : { ...entry, absences };
}

function entriesOf(vms: Inventory["vms"]): readonly (readonly [VmId, Entry])[] {
  return Object.entries(vms).map(([vmId, entry]) => [VmId.parse(vmId), entry]);
}
