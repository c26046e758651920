/**
 * Sending the effects that a record stores: once or more often, with the same ids, so that twice is once (A4).
 *
 * All are tried, side by side; one that fails makes the whole call throw, and all are sent again by whoever comes next.
 */
import type { AnyApartmentRecord } from "../model/apartment-record.ts";
import { Command } from "../model/command.ts";
import type { CommandEffect, Effect, ReserveEffect } from "../model/effect.ts";
import { LogicalId } from "../model/ids.ts";
import type { Interest } from "../model/interest.ts";
import type { TopicEvent } from "../model/topic.ts";
import { callOff, createJob, joinJob, type Outgoing, projectJob } from "./job-effects.ts";
import { keepIncident } from "./open-incident.ts";
import type { Ports } from "./ports.ts";

export type SendDeps = Pick<
  Ports,
  | "apartments"
  | "jobs"
  | "placement"
  | "apartmentQueue"
  | "commandQueues"
  | "bus"
  | "incidents"
  | "interests"
  | "telemetry"
>;

/** Sends every effect of the record; resolves when all are durable where they belong. */
export async function sendEffects(deps: SendDeps, record: AnyApartmentRecord): Promise<void> {
  const events: TopicEvent[] = [];
  const messages: Outgoing[] = [];
  const direct: Effect[] = [];
  for (const effect of record.effects) {
    if (effect.kind === "event") events.push(effect.event);
    else if (effect.kind === "message") messages.push(effect);
    else direct.push(effect);
  }
  // An answer goes out at once: somebody waits for it.
  const answering = async (answers: Promise<readonly Outgoing[]>) => {
    const found = await answers;
    if (found.length > 0) await deps.apartmentQueue.send(found);
  };
  const sent = await Promise.allSettled([
    ...direct.map((effect) => answering(sendOne(deps, effect))),
    ...(messages.length === 0 ? [] : [deps.apartmentQueue.send(messages)]),
    ...(events.length === 0 ? [] : [deps.bus.put(events)]),
  ]);
  const failures = sent.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  if (failures.length > 0)
    throw new AggregateError(
      failures,
      `apartment ${record.id} version ${record.version}: ${failures.length} of ${sent.length} effects were not sent`,
    );
}

/** One effect; answers the messages to apartments that follow from it. */
async function sendOne(deps: SendDeps, effect: Effect): Promise<readonly Outgoing[]> {
  switch (effect.kind) {
    case "command":
      await sendCommand(deps, effect);
      return [];
    case "job":
      return projectJob(deps, effect);
    case "new-job":
      return createJob(deps, effect);
    case "cancel-job":
      return callOff(deps, { ...effect, reason: "the job that started it was cancelled" });
    case "reserve":
      return [await reserve(deps, effect)];
    case "release":
      await deps.placement.release(effect);
      return [];
    case "forget-domain":
      await deps.apartments.forgetDomainXml(effect.vmId, effect.version);
      return [];
    case "listen":
      await deps.interests.register(effect.interest);
      return [listeningTo(effect.interest)];
    case "unlisten":
      await deps.interests.remove(effect.interest);
      return [];
    case "open-incident":
      await keepIncident(deps, effect.incident);
      return [];
    case "resolve-incident":
      await deps.incidents.resolve(effect.incidentId, effect.at);
      return [];
    case "join":
      return joinJob(deps, effect);
    case "event":
    case "message":
      return []; // sent together, above
    default:
      return effect satisfies never;
  }
}

/** Sent once it is registered: from then on the job may trigger what it wants to hear of. */
function listeningTo({ id, to }: Interest): Outgoing {
  const logicalId = LogicalId.parse(`listening:${id}`);
  return { to, message: { v: 1, logicalId, body: { kind: "listening", id } } };
}

async function sendCommand(deps: SendDeps, effect: CommandEffect): Promise<void> {
  const { commandId, bootId, vmId, jobId, epoch, call, timeoutSeconds } = effect;
  const command: Command = Command.parse({
    v: 1,
    commandId,
    bootId,
    vmId,
    jobId,
    epoch,
    verb: call.verb,
    args: await argsOf(deps, effect),
    timeoutSeconds,
    issuedAt: new Date(effect.issuedAt).toISOString(),
  });
  // A queue that is gone is a host that joined anew: the job's deadline finds out.
  if ((await deps.commandQueues.send(effect.queueUrl, command)) === "queue_gone")
    deps.telemetry.log({
      level: "warn",
      message: "the command queue is gone",
      commandId,
      hostId: effect.hostId,
    });
}

/** The domain XML is too large for the record: the effect names its version, sending resolves it. */
async function argsOf(deps: SendDeps, effect: CommandEffect): Promise<Record<string, unknown>> {
  if (effect.domainXmlVersion === undefined) return effect.call.args;
  const domainXml = await deps.apartments.readDomainXml(effect.vmId, effect.domainXmlVersion);
  if (domainXml === undefined)
    throw new Error(`VM ${effect.vmId}: its domain XML ${effect.domainXmlVersion} is not there`);
  return { ...effect.call.args, domainXml };
}

async function reserve(deps: SendDeps, effect: ReserveEffect): Promise<Outgoing> {
  const { jobId, attempt, hostId, vmId } = effect;
  const answer = await deps.placement.reserve(effect);
  const outcome =
    answer.status === "held"
      ? { status: answer.status, ...effect.boot }
      : { status: answer.status, reason: answer.reason };
  return {
    to: vmId,
    message: {
      v: 1,
      logicalId: LogicalId.parse(`reserved:${jobId}:${attempt}:${hostId}`),
      body: { kind: "reserved", jobId, attempt, hostId, outcome },
    },
  };
}
