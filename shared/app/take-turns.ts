/**
 * A batch from the apartments' queue: one turn for each apartment in it, side by side, each over all of its messages in
 * their order (design.md, "The apartment").
 *
 *  1. A4 what is answered as failed is not deleted: all messages of a turn that threw, and of no other.
 *  2. Poison blocks nobody. A body that does not parse goes into its apartment's turn, which records it; where there is no
 *     apartment to record it, an incident does.
 *  3. What failed comes again within seconds, not after the queue's visibility time-out: infrastructure recovers sooner.
 */
import type { TurnSource } from "../core/flush.ts";
import type { ApartmentMessage } from "../model/apartment-message.ts";
import { ApartmentId, type JobId, LogicalId, VmId } from "../model/ids.ts";
import { IncidentId, type IncidentRecord } from "../model/incident.ts";
import { projectJob } from "./job-effects.ts";
import { openIncident, tellIncident } from "./open-incident.ts";
import type { Ports } from "./ports.ts";
import { recordPoison } from "./record-poison.ts";
import { type TurnDeps, type TurnRequest, takeTurn } from "./take-turn.ts";

/** One message as the queue handed it over. */
export type Delivery = {
  /** SQS's id: names the message in answers, never in records (A3), but for what has no other name. */
  readonly messageId: string;
  readonly group: string;
  readonly sequence: string;
  readonly receiptHandle: string;
  /** How often it was handed over, this time included. */
  readonly receiveCount: number;
  readonly content:
    | { readonly ok: true; readonly message: ApartmentMessage }
    | { readonly ok: false; readonly reason: string };
};

type BatchDeps = TurnDeps & Pick<Ports, "incidents" | "bus" | "clock" | "telemetry" | "redelivery">;

/** The longest that a failed turn waits: an outage of hours must not wake everything each second, nor sleep through its end. */
const RETRY_SECONDS_MAX = 60;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Half of the receives after which a message is a dead letter (`cdk/apartments.ts`): the other half takes eight hours, more than
 * sequence numbers tell (`SEQUENCE_TELLS_MS`).
 */
const RECEIVES_PROVING_MAX = 500;

/** The ids of the messages that are to come again. */
export async function takeTurns(
  deps: BatchDeps,
  deliveries: readonly Delivery[],
): Promise<readonly string[]> {
  const groups = [...Map.groupBy(deliveries, ({ group }) => group)];
  const failed = await Promise.all(
    groups.map(async ([group, batch]) => {
      try {
        await takeOne(deps, group, batch);
        return [];
      } catch (error) {
        deps.telemetry.log({ level: "error", message: "a turn failed", apartmentId: group, error });
        deps.telemetry.count("turnsFailed");
        await deps.redelivery.retrySoon(batch.map(retryOf)); // 3
        return batch.map(({ messageId }) => messageId); // 1
      }
    }),
  );
  return failed.flat();
}

/** Twice as long each time. */
function retryOf({ receiptHandle, receiveCount }: Delivery) {
  return { receiptHandle, afterSeconds: Math.min(2 ** receiveCount, RETRY_SECONDS_MAX) };
}

async function takeOne(deps: BatchDeps, group: string, batch: readonly Delivery[]): Promise<void> {
  const apartmentId = ApartmentId.safeParse(group);
  const [first] = batch;
  const last = batch.at(-1);
  if (apartmentId.success && first !== undefined && last !== undefined) {
    const report = await takeTurn(deps, {
      apartmentId: apartmentId.data,
      messages: batch.map(turnMessage),
      source: sourceOf(batch, { first, last }),
    });
    if (report.status !== "no_apartment") return;
  }
  for (const delivery of batch)
    await recordHomeless(deps, delivery, apartmentId.success ? apartmentId.data : undefined); // 2
}

/** A FIFO group comes in its order. What may soon be a dead letter proves nothing to those that come after it (ADR 21). */
function sourceOf(
  batch: readonly Delivery[],
  { first, last }: { readonly first: Delivery; readonly last: Delivery },
): TurnSource {
  const proves = batch.every(({ receiveCount }) => receiveCount <= RECEIVES_PROVING_MAX);
  return proves
    ? { kind: "queue", lowestSequence: first.sequence, highestSequence: last.sequence }
    : { kind: "inline" };
}

function turnMessage({ content, messageId }: Delivery): TurnRequest["messages"][number] {
  return content.ok
    ? content
    : { ok: false, logicalId: LogicalId.parse(`poison:${messageId}`), reason: content.reason };
}

/** A message to an apartment that there is none of. */
async function recordHomeless(
  deps: BatchDeps,
  { content, messageId }: Delivery,
  to: ApartmentId | undefined,
): Promise<void> {
  const vmId = VmId.safeParse(to);
  if (vmId.success && content.ok && content.message.body.kind === "observed") {
    await noteOrphan(deps, vmId.data, content.message.body);
    return;
  }
  if (content.ok && content.message.body.kind === "submit") {
    await endHomeless(deps, content.message.body.jobId);
    return;
  }
  const what = content.ok ? content.message.logicalId : content.reason;
  const body = content.ok ? content.message.body : undefined;
  // Told to all that a host had: the orphans among them are nobody's to care for.
  if (body?.kind === "host-lost" || body?.kind === "host-fenced") return;
  await recordPoison(deps, {
    // One for all that a host says of a VM that is not there, however often; else one a message.
    name: body?.kind === "result" ? `${body.hostId}.${to}` : messageId,
    to,
    detail: `${to === undefined ? "a group that is no apartment's" : `no apartment ${to}`}: ${what}`,
  });
}

/** A job came too late: its VM is gone. There is no apartment whose effect would say so, nor one to hinder. */
async function endHomeless(deps: BatchDeps, jobId: JobId): Promise<void> {
  const now = deps.clock.now();
  const detail = "what it is about is not there any more";
  const told = await projectJob(deps, {
    kind: "job",
    jobId,
    revision: 1,
    status: "failed",
    attempts: 0,
    error: { code: "vm_state_conflict", detail },
    finishedAt: now,
    expiresAt: now + deps.settings.jobRetentionDays * DAY_MS,
    journal: [{ at: now, step: "ended", note: detail }],
  });
  if (told.length > 0) await deps.apartmentQueue.send(told);
}

/** A host has a VM that no record knows: an incident while it has it. */
async function noteOrphan(
  deps: BatchDeps,
  vmId: VmId,
  { hostId, power, receivedAt }: Extract<ApartmentMessage["body"], { kind: "observed" }>,
): Promise<void> {
  const incident: IncidentRecord = {
    id: IncidentId.parse(`orphan.${hostId}.${vmId}`),
    kind: "orphan",
    vmId,
    hostId,
    openedAt: receivedAt,
    detail: `${hostId} has a VM that is not recorded here; it is ${power}`,
  };
  if (power !== "missing") await openIncident(deps, incident);
  else if ((await deps.incidents.resolve(incident.id, receivedAt)) === "resolved")
    await tellIncident(deps, { ...incident, resolvedAt: receivedAt }, "resolved");
}
