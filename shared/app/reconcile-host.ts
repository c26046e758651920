/**
 * Works off a report that says something new: its differences against the inventory go to the apartments of the VMs.
 *
 *  1. Messages first, then the inventory, then `applied`: a crash in between repeats what the apartments know by its logical
 *     id (A3), and a report counts as applied only when all of it was passed on.
 *  2. An inventory follows the one that its report was compared with, and no other: two that are worked off side by side
 *     are told one after the other.
 *  3. A report older than the inventory changes nothing. It may have told something all the same, before its worker died
 *     or was overtaken: that is told again as the inventory has it.
 *  4. Where nobody is left to do that, the report's mark stays, and a later report is told whole (`core/heard-marks.ts`).
 *  5. `applied.at` is when the host was last compared whole, not when it last said something: else a host with a change
 *     every few minutes would never be resynced.
 *  6. A resync, for which the host need have said nothing, tells those whose records do not have what it says; whatever else
 *     has a host compared whole tells all (`core/resync.ts`).
 *  7. A mass absence is over when the host lists all that hold room there: they are back, or are known to be off or elsewhere.
 */
import {
  correctOvertaken,
  diffInventory,
  type InventoryDiff,
  type Observed,
} from "../core/diff-inventory.ts";
import { doubtsBefore } from "../core/heard-marks.ts";
import { isNewer } from "../core/observe.ts";
import { compareHost } from "../core/resync.ts";
import { Report } from "../model/agent-protocol.ts";
import type { ApartmentMessage } from "../model/apartment-message.ts";
import type { HeardMark, Heartbeat, Inventory } from "../model/host.ts";
import { HostId, LogicalId } from "../model/ids.ts";
import { IncidentId } from "../model/incident.ts";
import type { Settings } from "../model/settings.ts";
import type { AgentReportDetail } from "../model/topic.ts";
import { isResyncDue } from "./ingest-report.ts";
import { openIncident, tellIncident } from "./open-incident.ts";
import type { HostRow, Ports } from "./ports.ts";
import { unlike } from "./report-digest.ts";
import { tellHostState } from "./tell-host-state.ts";
import { resolveDown, tellVms } from "./tell-vms.ts";

/** Above the largest body that `ingest` unpacks; a bound against what it did not pack. */
const REPORT_BYTES_MAX = 2 * 1024 * 1024;
/** Each further attempt needs another report of the host to have been worked off meanwhile. */
const ATTEMPTS_MAX = 5;

type ReconcileDeps = Pick<
  Ports,
  | "hosts"
  | "apartments"
  | "placement"
  | "apartmentQueue"
  | "incidents"
  | "bus"
  | "codec"
  | "clock"
  | "telemetry"
> & { readonly settings: Settings };

/** `whole`: all is passed on; `resync`: what records do not have (6). With both, what is not listed is looked for. */
type Scope = "changes" | "resync" | "whole";

type Work = {
  readonly hostId: HostId;
  readonly event: AgentReportDetail;
  readonly report: Report;
  readonly row: HostRow;
  readonly scope: Scope;
  /** Of the reports that are worked off with this one. */
  readonly settled: readonly HeardMark[];
};

/** Throws on what `ingest` did not pack; whoever gave the event keeps it then. */
export async function reconcileHost(deps: ReconcileDeps, event: AgentReportDetail): Promise<void> {
  const hostId = HostId.parse(event.hostId);
  const report = Report.parse(JSON.parse(deps.codec.unpack(event.report, REPORT_BYTES_MAX)));
  for (let attempts = 1; attempts <= ATTEMPTS_MAX; attempts += 1) {
    const [row, inventory] = await Promise.all([
      deps.hosts.read(hostId),
      deps.hosts.readInventory(hostId),
    ]);
    if (row === undefined) return; // the host was forgotten meanwhile
    const work = {
      hostId,
      event,
      report,
      row,
      ...scopeOf(deps, { event, report }, row.heartbeat, inventory),
    };
    if (inventory !== undefined && isNewer(inventory, event)) return correct(deps, work, inventory); // 3
    // Passed on by an earlier try that died before it could say so.
    if (inventory !== undefined && !isNewer(event, inventory)) return finish(deps, work, inventory);
    if ((await passOn(deps, work, inventory)) === "done") return; // 2
  }
  throw new Error(`host ${hostId}: its inventory changed ${ATTEMPTS_MAX} times meanwhile`);
}

/**
 * In a new boot, when it was silent or could not see everything until now, and when something was told that nobody wrote
 * down, a host is told whole.
 */
function scopeOf(
  { settings }: Pick<ReconcileDeps, "settings">,
  { event, report }: Pick<Work, "event" | "report">,
  heartbeat: Heartbeat | undefined,
  inventory: Inventory | undefined,
): Pick<Work, "scope" | "settled"> {
  const { bootOrdinal, seq, digest, receivedAt, returns } = event;
  const applied = heartbeat?.applied;
  const isNoted =
    applied?.bootOrdinal === inventory?.bootOrdinal && applied?.seq === inventory?.seq;
  const { harmless, doubtful, abandoned } = doubtsBefore(
    heartbeat?.bootOrdinal === bootOrdinal ? heartbeat.heard : undefined,
    { seq, digest, receivedAt, known: isNoted ? applied?.digest : undefined },
  );
  const sawNothing = report.complete && inventory?.complete === false;
  const isNewBoot = applied?.bootOrdinal !== bootOrdinal;
  if (isNewBoot || returns === true || sawNothing || abandoned)
    return { scope: "whole", settled: [...harmless, ...doubtful] }; // 4
  const isDue = isResyncDue(applied, { now: receivedAt, settings });
  return { scope: isDue ? "resync" : "changes", settled: harmless };
}

/** What is told though it did not change, and what is looked for though nothing was said of it. */
async function toLookAt(deps: ReconcileDeps, { hostId, event, report, scope }: Work) {
  if (scope === "changes") return {};
  const expected = await deps.placement.holders(hostId);
  if (scope === "whole") return { again: "everything" as const, expected };
  const records = await deps.apartments.atHost(hostId);
  const { listed, unlisted } = compareHost(records, { ...report, bootOrdinal: event.bootOrdinal });
  return { again: listed, expected: [...expected, ...unlisted] }; // 6
}

/** 1. */
async function passOn(
  deps: ReconcileDeps,
  work: Work,
  inventory: Inventory | undefined,
): Promise<"done" | "changed"> {
  const { hostId, event, report } = work;
  const { bootOrdinal, seq } = event;
  const diff = diffInventory(
    inventory,
    { ...report, bootOrdinal },
    {
      graceReports: deps.settings.missingGraceReports,
      massAbsencePercent: deps.settings.massAbsencePercent,
      ...(await toLookAt(deps, work)),
    },
  );
  await noteCapacity(deps, work);
  const massAbsence = await noteMassAbsence(deps, work, { inventory, diff });
  await tell(deps, work, diff.observed, event);
  const next = {
    ...{ hostId, bootOrdinal, seq, complete: report.complete, vms: diff.vms },
    ...(massAbsence ? { massAbsence } : {}),
  };
  if ((await deps.hosts.writeInventory(next, inventory)) === "changed") return "changed";
  await finish(deps, work, next);
  return "done";
}

/** All was passed on. A fenced host has come back with that, if it could say everything. */
async function finish(deps: ReconcileDeps, work: Work, inventory: Inventory): Promise<void> {
  await markApplied(deps, work, inventory);
  const { row, report, event } = work;
  const { id: hostId, fence, bootId, state } = row.host;
  if (fence === undefined || bootId === undefined || !report.complete) return;
  const { bootOrdinal } = event;
  if (row.host.bootOrdinal !== bootOrdinal) return;
  await tellVms(deps, row);
  const id = `${hostId}.${bootOrdinal}.returned`;
  await tellHostState(deps, { hostId, id, from: state, to: "Up" });
  await resolveDown(deps, hostId);
  await deps.hosts.markReturned({ hostId, bootOrdinal });
}

/** 3. */
async function correct(deps: ReconcileDeps, work: Work, inventory: Inventory): Promise<void> {
  const { hostId, event, report, settled } = work;
  const { bootOrdinal } = event;
  // The first report of a boot is told whole.
  if (inventory.bootOrdinal !== bootOrdinal) return;
  const { observed, whole } = correctOvertaken(report, inventory);
  await tell(deps, work, observed, inventory);
  if (!whole) return; // 4
  const own = settled.filter(({ digest }) => digest === event.digest);
  await deps.hosts.markApplied({ hostId, bootOrdinal, settled: own });
}

async function markApplied(
  deps: ReconcileDeps,
  work: Work,
  { vms, massAbsence }: Inventory,
): Promise<void> {
  const { hostId, event, report, row, scope, settled } = work;
  const { bootOrdinal, seq, digest, receivedAt } = event;
  const isOpen =
    !report.complete ||
    massAbsence === true ||
    Object.values(vms).some(({ absences }) => absences !== undefined);
  await deps.hosts.markApplied({
    hostId,
    bootOrdinal,
    settled,
    applied: {
      bootOrdinal,
      seq,
      digest: isOpen ? unlike(digest) : digest,
      at: scope === "changes" ? (row.heartbeat?.applied?.at ?? receivedAt) : receivedAt, // 5
    },
  });
}

/** What the agent sees of its machine counts, unless an operator said otherwise. */
async function noteCapacity(deps: ReconcileDeps, { hostId, report, row }: Work): Promise<void> {
  const { capacity } = report;
  const known = row.host.capacity;
  if (capacity === undefined || row.host.capacityRegistered === true) return;
  if (capacity.cpus === known?.cpus && capacity.memoryMiB === known.memoryMiB) return;
  await deps.hosts.setCapacity(hostId, capacity);
}

/** 7. Whether one is open after this report. */
async function noteMassAbsence(
  deps: ReconcileDeps,
  { hostId, event, report }: Work,
  { inventory, diff }: { readonly inventory: Inventory | undefined; readonly diff: InventoryDiff },
): Promise<true | undefined> {
  const incident = {
    id: IncidentId.parse(`mass_absence.${hostId}`),
    kind: "mass_absence",
    hostId,
    openedAt: event.receivedAt,
  } as const;
  if (diff.massAbsence !== undefined) {
    const detail = `${diff.massAbsence} VMs were not in a complete report of ${hostId} that had been in the one before`;
    await openIncident(deps, { ...incident, detail });
    return true;
  }
  if (inventory?.massAbsence !== true) return undefined;
  if (!report.complete || diff.absencesPending) return true;
  const listed = new Set<string>(report.vms.map(({ vmId }) => vmId));
  const holders = await deps.placement.holders(hostId);
  if (!holders.every((vmId) => listed.has(vmId))) return true;
  const { receivedAt } = event;
  if ((await deps.incidents.resolve(incident.id, receivedAt)) === "resolved")
    await tellIncident(deps, { ...incident, detail: "", resolvedAt: receivedAt }, "resolved");
  return undefined;
}

/** Tells the apartments, in the order of the report that says so. */
async function tell(
  deps: ReconcileDeps,
  { hostId, event: { receivedAt } }: Work,
  observed: readonly Observed[],
  { bootOrdinal, seq }: Pick<Inventory, "bootOrdinal" | "seq">,
): Promise<void> {
  const messageOf = ({ power, detail, epoch }: Observed): ApartmentMessage => ({
    v: 1,
    logicalId: LogicalId.parse(`obs:${hostId}:${bootOrdinal}:${seq}`),
    body: { kind: "observed", hostId, bootOrdinal, seq, power, detail, epoch, receivedAt },
  });
  await deps.apartmentQueue.send(
    observed.map((each) => ({ to: each.vmId, message: messageOf(each) })),
  );
  deps.telemetry.count("observationsPassedOn", observed.length);
}
