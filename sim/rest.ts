/** What must hold when nothing goes wrong any more and everything has had its time. */
import { MEMORY_APARTMENT_QUEUE } from "../shared/memory/memory-apartment-queue.ts";
import { reservationKey } from "../shared/memory/memory-tables.ts";
import { type ApartmentRecord, isGone } from "../shared/model/apartment-record.ts";
import type { HostId, VmId } from "../shared/model/ids.ts";
import { hasEnded, type JobRecord } from "../shared/model/job.ts";
import type { Power } from "../shared/model/power.ts";
import type { VmState } from "../shared/model/vm.ts";
import { vmVerify } from "../shared/work/vm-verify.ts";
import type { Broken, Violation } from "./checks/violation.ts";
import type { JobSeen } from "./checks/watch.ts";
import { runningAt } from "./copies.ts";
import { DEAD_LETTER_QUEUE, EVENT_QUEUE, FAILED_REPORT_QUEUE } from "./functions.ts";
import type { SimHost } from "./sim-host.ts";
import type { World } from "./world.ts";

/** What is not at rest; nothing, if all is. */
export function restOf(world: World, hosts: readonly SimHost[]): Violation | undefined {
  let found: Violation | undefined;
  const broken: Broken = (invariant, detail) => {
    found ??= { invariant, detail };
  };
  const { tables } = world.memory;
  checkQueues(world, broken);
  if (found !== undefined) return found;
  const jobs = tables.jobs.all();
  for (const { id, type, status } of jobs)
    if (!hasEnded(status)) broken("A8", `${id} (${type}) is ${status}`);
  if (found !== undefined) return found;
  for (const job of jobs) checkEnded(job, world.watch.jobs.get(job.id), broken);
  if (found !== undefined) return found;
  for (const record of tables.apartments.all()) {
    // One that is gone and was started by hand is an orphan.
    if (!isGone(record) || !world.byHand.has(record.id)) checkTruth(record, hosts, broken);
    checkRoom(world, record, broken);
    checkIncidents(world, record, broken);
  }
  for (const host of hosts) checkSum(world, host.hostId, broken);
  checkLog(world, broken);
  for (const { held } of tables.interests.all())
    if (held) broken("wake_up", "all jobs have ended, and one listens still");
  const untold = world.joins.untold();
  if (untold !== undefined) broken("wake_up", untold);
  const unsent = world.watch.unsent();
  if (unsent !== undefined) broken("A4", `never sent: ${unsent}`);
  return found;
}

/** Reports after which a record equals its hypervisors, when nothing goes wrong and no job of the VM's own is at it. */
const REPORTS_MAX = 3;

/** To be asked once a report interval: says which record was wrong for too long. */
export function truthInTime(
  { memory, byHand }: World,
  hosts: readonly SimHost[],
): () => Violation | undefined {
  const wrongFor = new Map<VmId, number>();
  return () => {
    const isEverybodyThere = hosts.every(({ machine, process }) => machine.isOn && process);
    for (const record of memory.tables.apartments.all()) {
      const { id, active, outer, queued, paused } = record;
      const isBusy =
        (active !== undefined && active.type !== vmVerify.name) ||
        outer !== undefined ||
        queued.length > 0 ||
        paused;
      const isLeft = isGone(record) && byHand.has(id);
      const isTwice = byHand.has(id) && runningAt(hosts, id).length > 1; // until an operator ends one
      const isWaited = isEverybodyThere && !isBusy && !isLeft && !isTwice;
      const wrong = isWaited ? untruth(record, hosts) : undefined;
      const reports = wrong === undefined ? 0 : (wrongFor.get(id) ?? 0) + 1;
      wrongFor.set(id, reports);
      if (wrong !== undefined && reports > REPORTS_MAX)
        return { invariant: "truth", detail: `${wrong}, ${REPORTS_MAX} reports after` };
    }
    return undefined;
  };
}

const QUEUES: readonly string[] = [
  MEMORY_APARTMENT_QUEUE,
  DEAD_LETTER_QUEUE,
  EVENT_QUEUE,
  FAILED_REPORT_QUEUE,
];

function checkQueues({ memory }: World, broken: Broken): void {
  const commandQueues = memory.tables.hosts
    .all()
    .flatMap(({ queueUrl }) => (queueUrl === undefined ? [] : [memory.queues.nameIn(queueUrl)]));
  for (const queueName of [...QUEUES, ...commandQueues])
    if (memory.queues.nextDueAt(queueName) !== undefined)
      broken("A8", `the queue ${queueName} is not empty`);
}

/** A7: its one end is as it was decided. Each commit's part of its journal is there, once. */
function checkEnded(job: JobRecord, seen: JobSeen | undefined, broken: Broken): void {
  const { id, status, revision, journal } = job;
  if (seen?.end?.status !== status || seen.end.revision !== revision)
    broken("A7", `${id} is ${status} at ${revision}, and was decided otherwise`);
  else if (JSON.stringify(journal) !== JSON.stringify(seen.journal))
    broken("once", `the journal of ${id} is not what its turns said`);
}

/** How a VM is at its host, by its state; nothing: it is held nowhere. Any other state is none to rest in. */
const POWER_OF: Readonly<Partial<Record<VmState, Power | "held_nowhere">>> = {
  Running: "on",
  Suspended: "paused",
  Stopped: "held_nowhere",
  Destroyed: "held_nowhere",
  Expunging: "held_nowhere", // an expunge that failed: another goes on with it
  Error: "held_nowhere",
};

/** Every VM's record equals its hypervisors. */
function checkTruth(record: ApartmentRecord, hosts: readonly SimHost[], broken: Broken): void {
  const wrong = untruth(record, hosts);
  if (wrong !== undefined) broken("truth", wrong);
}

function untruth(record: ApartmentRecord, hosts: readonly SimHost[]): string | undefined {
  const { id, vm } = record;
  const held = hosts.flatMap(({ hostId, hypervisor }) => {
    const seen = hypervisor.behindTheBack.seen(id);
    return seen?.held === true ? [`${seen.power} at ${hostId}`] : [];
  });
  const power = isGone(record) ? "held_nowhere" : POWER_OF[vm.state];
  const wanted = power === "held_nowhere" ? "" : `${power} at ${vm.hostId}`;
  return power !== undefined && held.join() === wanted
    ? undefined
    : `${id} is ${vm.state} at ${vm.hostId ?? "no host"}; in truth it is [${held.join(", ")}]`;
}

/** Room is held at the VM's own host, and nowhere else. */
function checkRoom({ memory }: World, { id, vm }: ApartmentRecord, broken: Broken): void {
  const held = memory.tables.hosts
    .all()
    .map((host) => host.id)
    .filter(
      (hostId) =>
        memory.tables.reservations.get(reservationKey({ hostId, vmId: id }))?.held === true,
    );
  const own = vm.hostId === undefined ? [] : [vm.hostId];
  if (held.join() !== own.join())
    broken(
      "room",
      `${id} is ${vm.state} at [${own.join()}], and its room is held at [${held.join()}]`,
    );
}

/** What the host counts as reserved is the sum of what is reserved there. */
function checkSum({ memory, plan }: World, hostId: HostId, broken: Broken): void {
  const host = memory.tables.hosts.get(hostId);
  const held = memory.tables.apartments.all().flatMap(({ id }) => {
    const row = memory.tables.reservations.get(reservationKey({ hostId, vmId: id }));
    return row?.held === true ? [row.need.memoryMiB] : [];
  });
  const sum = held.reduce((all, memoryMiB) => all + memoryMiB, 0);
  if (host !== undefined && host.reserved.memoryMiB !== sum)
    broken(
      "once",
      `${hostId} counts ${host.reserved.memoryMiB} MiB as reserved; its ${plan.vms} VMs hold ${sum}`,
    );
}

/** Incidents are open in the store while they are in the record. */
function checkIncidents(
  { memory }: World,
  { id, openIncidents }: ApartmentRecord,
  broken: Broken,
): void {
  const known = openIncidents.map((incident) => incident.id).toSorted();
  const open = memory.tables.incidents
    .all()
    .filter(
      ({ vmId, account, resolvedAt }) =>
        vmId === id && account !== undefined && resolvedAt === undefined,
    )
    .map((incident) => incident.id)
    .toSorted();
  if (known.join() !== open.join())
    broken("incidents", `${id} keeps [${known.join()}] open, and [${open.join()}] are`);
}

/** What was told on the bus is in the events' log. */
function checkLog({ memory, watch }: World, broken: Broken): void {
  for (const id of watch.told())
    if (memory.tables.events.get(id) === undefined)
      broken("once", `${id} was told and is not in the log`);
}
