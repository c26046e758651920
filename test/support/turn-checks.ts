/**
 * The invariants of an apartment as `TurnWorld` holds them against the truth of its hosts: at each commit, at each start that
 * takes effect, and at rest. Each throws a text that begins with the name of what broke.
 */
import { claims } from "../../shared/core/agreement.ts";
import { begunJobs } from "../../shared/core/nested.ts";
import type { ApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { CommandEffect, Effect, JobEffect } from "../../shared/model/effect.ts";
import type { HostId } from "../../shared/model/ids.ts";
import { hasEnded, type JobRecord } from "../../shared/model/job.ts";
import type { FoundPower } from "../../shared/work/true-state.ts";
import type { TurnHost } from "./turn-host.ts";

export type Hosts = ReadonlyMap<HostId, TurnHost>;

/** One name for an effect, however often and in whatever shape it is sent. */
export function effectName(effect: Effect): string {
  switch (effect.kind) {
    case "command":
      return `command ${effect.commandId}`;
    case "job":
      return `job ${effect.jobId} ${effect.revision}`;
    case "reserve":
      return `reserve ${effect.jobId} ${effect.attempt} ${effect.hostId}`;
    case "release":
      return `release ${effect.hostId} ${effect.revision}`;
    case "new-job":
      return `new-job ${effect.job.id}`;
    case "join":
      return `join ${effect.jobId} ${effect.joiner.jobId}`;
    case "cancel-job":
      return `cancel ${effect.jobId}`;
    case "message":
      return `message ${effect.message.logicalId}`;
    case "event":
      return `event ${effect.event.id}`;
    case "listen":
      return `listen ${effect.interest.id}`;
    case "unlisten":
      return `unlisten ${effect.interest.id}`;
    case "open-incident":
      return `open ${effect.incident.id}`;
    case "forget-domain":
      return `forget-domain ${effect.vmId} ${effect.version}`;
    case "resolve-incident":
      return `resolve ${effect.incidentId}`;
    default:
      return effect satisfies never;
  }
}

/** What a commit must keep, beside what has to do with sending. */
export function checkCommit(before: ApartmentRecord, next: ApartmentRecord, hosts: Hosts): void {
  checkJobs(before, next);
  checkWake(next);
  checkCommands(before, next);
  checkOrder(next);
  checkEvidence(before, next, hosts);
}

/** A6: a command leaves the list only when its host can do nothing of it any more. */
export function checkSettled(
  before: ApartmentRecord,
  next: ApartmentRecord,
  world: { readonly hosts: Hosts; readonly addressed: ReadonlyMap<string, CommandEffect> },
): void {
  const left = new Set(next.unsettled.map(partName));
  for (const part of before.unsettled) {
    const command = world.addressed.get(part.commandId);
    if (left.has(partName(part)) || command === undefined) continue;
    const { hostId, sourceHostId = hostId, verb, commandId } = part;
    if (world.hosts.get(sourceHostId)?.isOver(command) === false)
      fail("A6", `${verb} ${commandId} counts as settled and may still take effect at ${hostId}`);
  }
}

function partName({ commandId, hostId }: ApartmentRecord["unsettled"][number]): string {
  return `${commandId} ${hostId}`;
}

/** A6: before the VM comes on at a host. */
export function checkStart(hostId: HostId, hosts: Hosts): void {
  for (const other of hosts.values()) {
    if (other.hostId === hostId) continue;
    if (other.on) fail("A6", `it comes on at ${hostId} while it is on at ${other.hostId}`);
    if (other.pending.length > 0)
      fail("A6", `it comes on at ${hostId} while it still may at ${other.hostId}`);
  }
}

/** Where the VM is on, or may come on, is known to the record. */
export function checkTruth(record: ApartmentRecord, hosts: Hosts): void {
  for (const { hostId, on, pending } of hosts.values()) {
    const unsettled = record.unsettled.some((command) => command.hostId === hostId);
    if ((on || pending.length > 0) && record.vm.hostId !== hostId && !unsettled)
      fail("A6", `${record.vm.state}, though it is or may come on at ${hostId}`);
  }
}

/**
 * The room held is that of the VM's own host. While nobody knows where the VM is, it may be that of a migration's target of which
 * nobody knows what became, and of a host that says that it has it.
 */
export function checkRoom(
  { vm, unsettled, observations }: ApartmentRecord,
  held: readonly HostId[],
): void {
  const isTarget = (id: HostId) =>
    unsettled.some(({ hostId, sourceHostId }) => hostId === id && sourceHostId !== undefined);
  const mayBeAt = (id: HostId) => isTarget(id) || claims(observations[id]?.power ?? "off");
  const own = vm.hostId === undefined ? [] : [vm.hostId];
  const kept = vm.state === "Unknown" ? held.filter(mayBeAt) : [];
  const hosts = [...new Set([...own, ...kept])].sort().join();
  if ([...held].sort().join() !== hosts)
    fail("room", `${vm.state}, to be at [${hosts}], room is held at [${held.join()}]`);
}

/** A7: a job's record says how its one end was decided. */
export function checkEnd(job: JobRecord, ends: readonly End[]): void {
  const [end] = ends;
  if (end === undefined || ends.length > 1) fail("A7", `job ${job.id} ended ${ends.length} times`);
  if (!hasEnded(job.status)) fail("A7", `job ${job.id} is ${job.status}`);
  if (job.status !== end?.status || job.revision !== end.revision)
    fail("A7", `job ${job.id} is ${job.status} at ${job.revision}, and was decided otherwise`);
}

export function fail(name: string, what: string): never {
  throw new Error(`${name}: ${what}`);
}

/** A1, A7, A9 */
function checkJobs(before: ApartmentRecord, next: ApartmentRecord): void {
  const ends = new Map(endsIn(next).map((end) => [end.jobId, end]));
  const last = before.active;
  const begun = begunJobs(next).some(({ jobId }) => jobId === last?.jobId);
  if (last !== undefined && !begun && !ends.has(last.jobId))
    fail("A1", `job ${last.jobId} is not active any more and did not end`);
  for (const jobId of ends.keys()) {
    const waits = next.queued.some((queued) => queued.jobId === jobId);
    if (next.active?.jobId === jobId || waits) fail("A7", `job ${jobId} ended and goes on`);
  }
  for (const { error } of ends.values())
    if (error?.code === "poison_message") fail("A9", `a decision threw: ${error.detail}`);
}

/** How a job ended, as a commit decided it. */
export type End = Pick<JobEffect, "jobId" | "status" | "revision" | "hostId" | "error">;

/** The jobs that a commit ended; one that it made, too. */
export function endsIn({ effects }: ApartmentRecord): readonly End[] {
  return effects.flatMap((effect): readonly End[] => {
    if (effect.kind === "job") return hasEnded(effect.status) ? [effect] : [];
    if (effect.kind !== "new-job" || !hasEnded(effect.job.status)) return [];
    return [{ ...effect.job, jobId: effect.job.id }];
  });
}

/** A8 */
function checkWake({ active, wakeAt, queued, paused, updatedAt }: ApartmentRecord): void {
  if (active !== undefined && active.deadlineAt <= updatedAt)
    fail("A8", `${active.step} waits for what is past`);
  if (active !== undefined && (wakeAt ?? Number.POSITIVE_INFINITY) > active.deadlineAt)
    fail("A8", `wakeAt does not cover the deadline of ${active.step}`);
  if (active === undefined && !paused && queued.length > 0 && wakeAt === undefined)
    fail("A8", "jobs are queued, none is active, and nothing is due");
}

/** A6 */
function checkCommands(before: ApartmentRecord, next: ApartmentRecord): void {
  const epochs = next.effects.flatMap((each) => (each.kind === "command" ? [each.epoch] : []));
  if (new Set(epochs).size !== epochs.length || epochs.some((epoch) => epoch <= before.epoch))
    fail("A6", "a command goes out under an epoch that is not its own");
  if (epochs.some((epoch) => epoch > next.epoch)) fail("A6", "the record's epoch is behind");
  for (const effect of next.effects) {
    if (effect.kind !== "command" || effect.call.verb !== "start") continue;
    const other = next.unsettled.find(({ hostId }) => hostId !== effect.hostId);
    if (other !== undefined)
      fail("A6", `a start goes to ${effect.hostId}, a ${other.verb} is unsettled elsewhere`);
  }
}

/** What one commit stores is sent side by side: two effects on one room, or one incident, would have no order. */
function checkOrder({ effects }: ApartmentRecord): void {
  const about = effects.flatMap((each) =>
    each.kind === "reserve" || each.kind === "release" ? [each] : [],
  );
  for (const { kind, hostId } of about)
    if (kind === "reserve" && about.some((each) => each.kind !== kind && each.hostId === hostId))
      fail("room", `one commit gives back and takes the room at ${hostId}`);
  for (const effect of effects)
    if (effect.kind === "open-incident")
      for (const other of effects)
        if (other.kind === "resolve-incident" && other.incidentId === effect.incident.id)
          fail("incidents", `one commit opens and resolves ${other.incidentId}`);
}

/** A job that did something and succeeded was right: the VM was so, at that host, after its last command there. */
function checkEvidence(before: ApartmentRecord, next: ApartmentRecord, hosts: Hosts): void {
  const { active } = before;
  if (active === undefined) return;
  const end = endsIn(next).find(({ jobId }) => jobId === active.jobId);
  if (end?.status !== "succeeded") return;
  for (const host of hosts.values()) {
    const epoch = active.sent[host.hostId]?.epoch;
    if (epoch === undefined) continue;
    const { seen } = host.guest;
    const wanted = POWER_AFTER[active.type];
    const here = end.hostId === host.hostId;
    if (wanted !== undefined && (wanted === "off" || here) && seen[wanted] < epoch)
      fail(
        "evidence",
        `${active.type}, and was not ${wanted} at ${host.hostId} after its last command`,
      );
    if (active.type === "vm.migrate" && !here && seen.off < epoch)
      fail("evidence", `it moved, and was not off at ${host.hostId} after its last command`);
  }
}

/** What a VM is after a job that did something, at every host that was asked, or, where it is on, at its own. */
const POWER_AFTER: Readonly<Record<string, FoundPower>> = {
  "vm.stop": "off",
  "vm.destroy": "off",
  "vm.expunge": "off",
  "vm.start": "on",
  "vm.migrate": "on",
  "vm.resume": "on",
  "vm.suspend": "paused",
};
