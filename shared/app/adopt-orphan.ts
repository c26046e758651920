/**
 * Orphans: VMs that a host has and no record knows. They are listed, and nothing is done to them; adopting makes one a managed VM.
 *
 *  1. The host describes the VM, under the epoch that its agent has seen for it; the record is made whole from that answer, so
 *     that nothing is half done when it does not come.
 *  2. The record is made with the effect that holds the VM's room: if this dies, the turn that flushes it comes by `wakeAt`.
 */
import { FLUSH_AFTER_MS } from "../core/decide.ts";
import { ApartmentRecord } from "../model/apartment-record.ts";
import { Command } from "../model/command.ts";
import type { Inventory } from "../model/host.ts";
import type { HostId, VmId } from "../model/ids.ts";
import { IncidentId } from "../model/incident.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { DescribedRow } from "../model/rows.ts";
import type { Caller } from "../model/token.ts";
import type { AdoptRequest, Orphan } from "../model/user-api.ts";
import { type Vm, VmName, type VmState } from "../model/vm.ts";
import { answerPage, type PageOf } from "./answer-page.ts";
import { type ChangeDeps, changeInline } from "./change-vm.ts";
import { DESCRIBE_PREFIX } from "./ingest-results.ts";
import { isoTime } from "./iso-time.ts";
import { tellIncident } from "./open-incident.ts";
import type { Accepted, HostRow, PageRequest, Ports } from "./ports.ts";
import { getVm } from "./read-vms.ts";
import { idempotencyOf, type Keyed } from "./submit-verb.ts";
import { vmView } from "./vm-view.ts";

/** An HTTP API gives up after 30 s. */
const DESCRIBE_MS_MAX = 20_000;
const DESCRIBE_SECONDS = 15;
const LOOK_EVERY_MS = 200;

type AdoptDeps = ChangeDeps & Pick<Ports, "hosts" | "submissions">;
type Row = HostRow["host"];

/** Those found on a host, by their open incidents. */
export async function listOrphans(
  deps: Pick<Ports, "hosts" | "incidents">,
  { hostId, page }: { readonly hostId: HostId; readonly page: PageRequest },
): Promise<Answer<PageOf<Orphan>>> {
  if ((await deps.hosts.read(hostId)) === undefined)
    return refuse("host_not_found", `there is no host ${hostId}`);
  const inventory = await deps.hosts.readInventory(hostId);
  const found = await deps.incidents.list({ kind: "orphan", state: "open", hostId }, page);
  return answerPage(found, ({ vmId, openedAt }) => {
    if (vmId === undefined) throw new Error(`an orphan of ${hostId} without a VM`);
    const { power = "unknown", detail } = inventory?.vms[vmId] ?? {};
    return { vmId, hostId, power, detail, foundAt: isoTime(openedAt) };
  });
}

export async function adoptOrphan(
  deps: AdoptDeps,
  request: Keyed & {
    readonly caller: Caller;
    readonly hostId: HostId;
    readonly vmId: VmId;
    readonly wish: AdoptRequest;
  },
): Promise<Answer<Vm>> {
  const { caller, hostId, vmId, wish } = request;
  const idempotency = idempotencyOf(deps, request);
  const isThere = (await deps.apartments.read(vmId)) !== undefined;
  // Asked after the record was looked for: one that this very key has just made is not another's.
  const recalled =
    idempotency && (await deps.submissions.recall({ ...idempotency, now: deps.clock.now() }));
  if (recalled !== undefined) return adoptedBefore(deps, request, recalled);
  const row = await deps.hosts.read(hostId);
  if (row === undefined) return refuse("host_not_found", `there is no host ${hostId}`);
  const entry = (await deps.hosts.readInventory(hostId))?.vms[vmId];
  if (isThere) return adoptedBefore(deps, request, { status: "vm_exists" });
  if (entry === undefined) return refuse("vm_not_found", `${hostId} has no VM ${vmId}`);
  if (row.host.state !== "Up") return refuse("host_not_up", `${hostId} is ${row.host.state}`);
  const described = await describe(deps, row.host, { vmId, epoch: entry.epoch ?? 0 });
  if (described === undefined)
    return refuse("unavailable", `${hostId} did not describe ${vmId} in time`);
  const { result } = described;
  if (result.description === undefined || result.power === undefined)
    return refuse(
      "vm_not_found",
      `${hostId}: ${result.code ?? "it"} ${result.detail ?? "is not described"}`,
    );
  const { domainXml } = result.description;
  const record = recordOf(deps, row.host, { ...described, entry, vmId, wish, caller });
  const now = deps.clock.now();
  const accepted = await deps.submissions.accept({ vm: { record, domainXml }, idempotency, now });
  if (accepted.status !== "accepted") return adoptedBefore(deps, request, accepted);
  const flushed = await changeInline(deps, vmId, { kind: "wake", dueAt: now }); // 2
  await resolveOrphan(deps, { hostId, vmId });
  return { ok: true, value: vmView(flushed.ok ? flushed.value : record, domainXml) };
}

/** The VM that the key made, as it is today; or that it is there, and not by this key. */
async function adoptedBefore(
  deps: Pick<Ports, "apartments" | "incidents" | "bus" | "clock">,
  request: { readonly caller: Caller; readonly hostId: HostId; readonly vmId: VmId },
  accepted: Accepted,
): Promise<Answer<Vm>> {
  if (accepted.status === "idempotency_conflict")
    return refuse("idempotency_conflict", "this key was used for another request");
  await resolveOrphan(deps, request);
  return accepted.status === "replayed"
    ? getVm(deps, request)
    : refuse("vm_exists", `a VM ${request.vmId} exists`);
}

/** 1. Asked by a command of no apartment's; what comes back is kept for whoever asked. */
async function describe(
  deps: AdoptDeps,
  { id: hostId, queueUrl, bootId }: Row,
  { vmId, epoch }: { readonly vmId: VmId; readonly epoch: number },
): Promise<DescribedRow | undefined> {
  const { clock, commandQueues, hosts, names } = deps;
  if (queueUrl === undefined || bootId === undefined) return undefined;
  const jobId = names.jobId();
  const commandId = `${DESCRIBE_PREFIX}${jobId}`;
  const asked = clock.now();
  const command = Command.parse({
    ...{ v: 1, commandId, bootId, vmId, jobId, epoch, verb: "probe", args: { describe: true } },
    ...{ timeoutSeconds: DESCRIBE_SECONDS, issuedAt: isoTime(asked) },
  });
  if ((await commandQueues.send(queueUrl, command)) === "queue_gone") return undefined;
  while (clock.now() - asked < DESCRIBE_MS_MAX) {
    const described = await hosts.readDescribed({ hostId, vmId });
    if (described?.result.commandId === commandId) return described;
    await clock.sleep(LOOK_EVERY_MS);
  }
  return undefined;
}

function recordOf(
  { clock }: Pick<Ports, "clock">,
  { id: hostId, bootId, queueUrl, bootOrdinal: current }: Row,
  found: DescribedRow & {
    readonly entry: Inventory["vms"][VmId];
    readonly vmId: VmId;
    readonly wish: AdoptRequest;
    readonly caller: Caller;
  },
): ApartmentRecord {
  const { result, bootOrdinal, at, entry, vmId, wish, caller } = found;
  const { cpus = 1, memoryMiB = 1, domainXml } = result.description ?? {};
  const now = clock.now();
  const power = result.power ?? "unknown";
  const state = STATES[power];
  const isThere = state !== "Stopped";
  const account = wish.account ?? caller.account;
  const reserve = {
    ...{ kind: "reserve", hostId, vmId, revision: 1, attempt: 1, labels: {}, found: true },
    ...{ jobId: result.commandId.slice(DESCRIBE_PREFIX.length), need: { cpus, memoryMiB } },
    boot: { bootId, bootOrdinal: current, queueUrl },
  };
  return ApartmentRecord.parse({
    ...{ v: 1, id: vmId, version: 1, epoch: (entry?.epoch ?? 0) + 1 },
    vm: {
      account,
      name: wish.name ?? VmName.parse(`orphan-${vmId.slice(0, 8)}`),
      spec: { cpus, memoryMiB },
      ...(domainXml === undefined ? {} : { domainXmlVersion: 1 }),
      ...{ haEnabled: false, state },
      ...(isThere ? { hostId } : { lastHostId: hostId }),
    },
    observations: { [hostId]: { bootOrdinal, seq: result.seq, power, receivedAt: at } },
    ...{ queued: [], unsettled: [], openIncidents: [], paused: false, applied: [] },
    effects: isThere ? [reserve] : [],
    wakeAt: now + FLUSH_AFTER_MS,
    ...{ createdAt: now, updatedAt: now },
  });
}

/** Of what nobody can say it is looked into at once: the engine verifies it. */
const STATES: Readonly<Record<NonNullable<DescribedRow["result"]["power"]>, VmState>> = {
  on: "Running",
  paused: "Suspended",
  off: "Stopped",
  crashed: "Stopped",
  unknown: "Unknown",
};

async function resolveOrphan(
  deps: Pick<Ports, "incidents" | "bus" | "clock">,
  { hostId, vmId }: { readonly hostId: HostId; readonly vmId: VmId },
): Promise<void> {
  const id = IncidentId.parse(`orphan.${hostId}.${vmId}`);
  const now = deps.clock.now();
  if ((await deps.incidents.resolve(id, now)) === "not_open") return;
  const incident = { id, kind: "orphan", vmId, hostId, openedAt: now, resolvedAt: now } as const;
  await tellIncident(deps, { ...incident, detail: "" }, "resolved");
}
