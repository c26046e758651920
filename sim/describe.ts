/** A turn in words: the record before and after it, and what it sends. */
import {
  type ActiveJob,
  type AnyApartmentRecord,
  type ApartmentRecord,
  isOfVm,
  type WaitFor,
} from "../shared/model/apartment-record.ts";
import type { Effect } from "../shared/model/effect.ts";
import type { Worker } from "./worker.ts";

export function describeTurn(
  { name, id, batch }: Worker,
  before: AnyApartmentRecord,
  next: AnyApartmentRecord,
): string {
  const messages = [...(batch?.get(next.id)?.logicalIds ?? ["inline"])];
  return [
    `turn of ${next.id} by ${name} #${id}: ${messages.join(", ")}`,
    `    was  ${describeRecord(before)}`,
    `    is   ${describeRecord(next)}`,
    ...next.effects.map((effect) => `    sends ${describeEffect(effect)}`),
  ].join("\n");
}

function describeRecord(record: AnyApartmentRecord): string {
  const { version, active, queued, systemJob, paused, epoch, wakeAt, updatedAt } = record;
  return [
    `v${version} ${isOfVm(record) ? describeVm(record) : record.hostId}`,
    `epoch ${epoch}`,
    active === undefined ? "no job" : describeActive(active, updatedAt),
    ...(systemJob === undefined ? [] : [`${systemJob.type} is to begin`]),
    ...(queued.length === 0 ? [] : [`${queued.map(({ jobId }) => jobId).join(" ")} wait`]),
    ...(isOfVm(record) ? describeHosts(record) : []),
    ...(paused ? ["paused"] : []),
    ...(wakeAt === undefined ? [] : [`wakes in ${seconds(wakeAt - updatedAt)}`]),
  ].join("; ");
}

function describeVm({ vm, gone }: ApartmentRecord): string {
  const at = vm.hostId === undefined ? "" : ` at ${vm.hostId}`;
  return gone === undefined ? `${vm.state}${at}` : "gone";
}

/** What is between it and its hosts. */
function describeHosts({ unsettled, observations }: ApartmentRecord): readonly string[] {
  return [
    ...unsettled.map(
      ({ verb, hostId, epoch }) => `${verb} of epoch ${epoch} unsettled at ${hostId}`,
    ),
    ...Object.entries(observations).map(
      ([hostId, { power, bootOrdinal, seq }]) => `${hostId} said ${power} (${bootOrdinal}:${seq})`,
    ),
  ];
}

function describeActive(
  { jobId, type, step, waitFor, joined, deadlineAt }: ActiveJob,
  at: number,
): string {
  return `${jobId} ${type} is ${step}, waits for ${describeWait(waitFor, joined)}, ${seconds(deadlineAt - at)} left`;
}

function describeWait(waitFor: WaitFor, joined: ActiveJob["joined"] = []): string {
  switch (waitFor.kind) {
    case "timer":
      return "a timer";
    case "checkpoint":
      return "its own commit";
    case "reserved":
      return `room at ${waitFor.hostId}`;
    case "jobs":
      return `${waitFor.until} of ${joined.map(({ jobId }) => jobId).join(" ")}`;
    case "listening":
      return "its interest to be registered";
    case "topic":
      return waitFor.prefixes.join(" or ");
    case "result":
      return `${waitFor.verb} at ${waitFor.hostId}`;
    default:
      return waitFor satisfies never;
  }
}

function describeEffect(effect: Effect): string {
  switch (effect.kind) {
    case "command":
      return `${effect.call.verb} to ${effect.hostId}, epoch ${effect.epoch}, for boot ${effect.bootId}`;
    case "job":
      return `${effect.jobId} is ${effect.status}${effect.error === undefined ? "" : `: ${effect.error.code}, ${effect.error.detail}`}`;
    case "reserve":
      return `reserve at ${effect.hostId}, attempt ${effect.attempt}`;
    case "release":
      return `release at ${effect.hostId}`;
    case "new-job":
      return `make ${effect.job.id} ${effect.job.type}, ${effect.job.status}`;
    case "join":
      return `join ${effect.jobId}`;
    case "cancel-job":
      return `cancel ${effect.jobId}`;
    case "message":
      return `${effect.message.logicalId} to ${effect.to}`;
    case "event":
      return `event ${effect.event.topic}`;
    case "forget-domain":
      return `forget the domain of ${effect.vmId}`;
    case "listen":
      return `listen ${effect.interest.id}`;
    case "unlisten":
      return `unlisten ${effect.interest.id}`;
    case "open-incident":
      return `open ${effect.incident.kind}`;
    case "resolve-incident":
      return `resolve ${effect.incidentId}`;
    default:
      return effect satisfies never;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
