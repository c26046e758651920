/**
 * Works off a report that says something new: its differences against the inventory go to the apartments of the VMs.
 *
 *  1. Messages first, then the inventory, then `applied`: a crash in between repeats what the apartments know by its logical
 *     id (A3), and a report counts as applied only when all of it was passed on.
 *  2. A report older than the inventory changes nothing: the newer one has said all that it says.
 *  3. `applied.at` is when the host was last compared whole, not when it last said something: else a host with a change
 *     every few minutes would never be resynced.
 */
import { diffInventory, type InventoryDiff, type Observed } from "../core/diff-inventory.ts";
import { isNewer } from "../core/observe.ts";
import { Report } from "../model/agent-protocol.ts";
import type { ApartmentMessage } from "../model/apartment-message.ts";
import type { Inventory } from "../model/host.ts";
import { HostId, LogicalId } from "../model/ids.ts";
import { IncidentId } from "../model/incident.ts";
import type { Settings } from "../model/settings.ts";
import type { AgentReportDetail } from "../model/topic.ts";
import { isResyncDue } from "./ingest-report.ts";
import { openIncident } from "./open-incident.ts";
import type { HostRow, Ports } from "./ports.ts";
import { unlike } from "./report-digest.ts";

/** Above the largest body that `ingest` unpacks; a bound against what it did not pack. */
const REPORT_BYTES_MAX = 2 * 1024 * 1024;

type ReconcileDeps = Pick<
  Ports,
  "hosts" | "apartmentQueue" | "incidents" | "bus" | "codec" | "telemetry"
> & { readonly settings: Settings };

type Work = {
  readonly hostId: HostId;
  readonly event: AgentReportDetail;
  readonly report: Report;
  readonly row: HostRow;
  readonly inventory: Inventory | undefined;
};

/** Throws on what `ingest` did not pack; whoever gave the event keeps it then. */
export async function reconcileHost(deps: ReconcileDeps, event: AgentReportDetail): Promise<void> {
  const hostId = HostId.parse(event.hostId);
  const report = Report.parse(JSON.parse(deps.codec.unpack(event.report, REPORT_BYTES_MAX)));
  const [row, inventory] = await Promise.all([
    deps.hosts.read(hostId),
    deps.hosts.readInventory(hostId),
  ]);
  if (row === undefined) return; // the host was forgotten meanwhile
  const work = { hostId, event, report, row, inventory };
  if (inventory === undefined || isNewer(event, inventory)) await passOn(deps, work);
  // Passed on by an earlier try that died before it could say so.
  else if (!isNewer(inventory, event)) await markApplied(deps, work, inventory.vms);
  // 2
}

/** 1. */
async function passOn(deps: ReconcileDeps, work: Work): Promise<void> {
  const { hostId, event, report, inventory } = work;
  const { bootOrdinal, seq } = event;
  const diff = diffInventory(
    inventory,
    { ...report, bootOrdinal },
    {
      graceReports: deps.settings.missingGraceReports,
      massAbsencePercent: deps.settings.massAbsencePercent,
      resync: isWhole(deps, work),
    },
  );
  await noteCapacity(deps, work);
  await noteMassAbsence(deps, work, diff);
  await deps.apartmentQueue.send(
    diff.observed.map((observed) => ({ to: observed.vmId, message: messageOf(work, observed) })),
  );
  deps.telemetry.count("observationsPassedOn", diff.observed.length);
  const written = await deps.hosts.writeInventory({ hostId, bootOrdinal, seq, vms: diff.vms });
  if (written === "written") await markApplied(deps, work, diff.vms);
}

async function markApplied(deps: ReconcileDeps, work: Work, vms: Inventory["vms"]): Promise<void> {
  const { bootOrdinal, seq, digest, receivedAt } = work.event;
  const absencesPending = Object.values(vms).some(({ absences }) => absences !== undefined);
  await deps.hosts.markApplied(work.hostId, {
    bootOrdinal,
    seq,
    digest: work.report.complete && !absencesPending ? digest : unlike(digest),
    at: isWhole(deps, work) ? receivedAt : (work.row.heartbeat?.applied?.at ?? receivedAt), // 3
  });
}

/** Whether everything is passed on: in a new boot, and when a resync is due. */
function isWhole(
  { settings }: Pick<ReconcileDeps, "settings">,
  { row, event }: Pick<Work, "row" | "event">,
): boolean {
  const applied = row.heartbeat?.applied;
  return (
    applied?.bootOrdinal !== event.bootOrdinal ||
    isResyncDue(applied, { now: event.receivedAt, settings })
  );
}

/** What the agent sees of its machine counts, unless an operator said otherwise. */
async function noteCapacity(deps: ReconcileDeps, { hostId, report, row }: Work): Promise<void> {
  const { capacity } = report;
  const known = row.host.capacity;
  if (capacity === undefined || row.host.capacityRegistered === true) return;
  if (capacity.cpus === known?.cpus && capacity.memoryMiB === known.memoryMiB) return;
  await deps.hosts.setCapacity(hostId, capacity);
}

/** One incident a host, until a person resolves it. */
async function noteMassAbsence(
  deps: ReconcileDeps,
  { hostId, event }: Work,
  { massAbsence }: InventoryDiff,
): Promise<void> {
  if (massAbsence === undefined) return;
  await openIncident(deps, {
    id: IncidentId.parse(`mass_absence.${hostId}`),
    kind: "mass_absence",
    hostId,
    openedAt: event.receivedAt,
    detail: `${massAbsence} VMs were not in a complete report of ${hostId} that had been in the one before`,
  });
}

function messageOf({ hostId, event }: Work, observed: Observed): ApartmentMessage {
  const { bootOrdinal, seq, receivedAt } = event;
  const { power, detail, epoch } = observed;
  return {
    v: 1,
    logicalId: LogicalId.parse(`obs:${hostId}:${bootOrdinal}:${seq}`),
    body: { kind: "observed", hostId, bootOrdinal, seq, power, detail, epoch, receivedAt },
  };
}
