/**
 * Receiving from a queue.
 *
 * R1 A receive fills up from one group, in order, before it goes to the next; groups whose head has been visible longest come first.
 * R2 A group gives its messages up to the first that is not visible: one in flight holds what comes after it, and nothing before it.
 * R3 A message that was received as often as the redrive policy allows goes to the dead-letter queue instead, behind what is
 *    there, with its group; what follows it in its group is free at once.
 * R4 A message past its retention is dropped when a receive comes upon it.
 */
import type { Applied, Context } from "./queue-model.ts";
import { invalidParameter, type QueueError, type ReceivedMessage } from "./queue-protocol.ts";
import type { Delivery, MessageRecord, QueueChange } from "./queue-records.ts";
import { sequenceNumber } from "./queue-send.ts";
import type { Entry, QueueState } from "./queue-state.ts";

export type ReceiveOptions = {
  readonly messagesMax?: number | undefined;
  readonly visibilityTimeoutSeconds?: number | undefined;
  readonly waitSeconds?: number | undefined;
};

export const RECEIVE_MESSAGES_MAX = 10;
export const WAIT_SECONDS_MAX = 20;
export const VISIBILITY_SECONDS_MAX = 43_200;
/** In flight on one queue (SQS quota): beyond it a standard queue refuses, a FIFO queue answers nothing. */
export const IN_FLIGHT_MAX = 120_000;
/** Redriven and expired messages handled in one receive, so that a long-dead backlog cannot make one call endless. */
const DROPPED_PER_RECEIVE_MAX = 1_000;

export function receive(context: Context, options: ReceiveOptions): Applied {
  const { queue, now } = context;
  const error = checkOptions(options);
  if (error) return { response: { kind: "refused", error }, changes: [] };
  if (queue.received >= IN_FLIGHT_MAX && countInFlight(queue, now) >= IN_FLIGHT_MAX) {
    if (queue.settings.fifo) return { response: { kind: "received", messages: [] }, changes: [] };
    const message = `Too many messages in flight: ${queue.record.name}`;
    return { response: { kind: "refused", error: { code: "OverLimit", message } }, changes: [] };
  }
  const round = gather(context, options.messagesMax ?? 1);
  const timeoutSeconds =
    options.visibilityTimeoutSeconds ?? queue.settings.visibilityTimeoutSeconds;
  const messages: ReceivedMessage[] = [];
  const changes: QueueChange[] = round.dropped;
  for (const { message, delivery } of round.taken) {
    const next = handOut(context, { message, delivery, timeoutSeconds });
    changes.push(next.change);
    messages.push(next.received);
  }
  return { response: { kind: "received", messages }, changes };
}

/** Messages received and neither deleted nor timed out. */
export function countInFlight(queue: QueueState, now: number): number {
  let count = 0;
  for (const { delivery } of queue.entries.values()) {
    if (delivery.receiveCount > 0 && delivery.visibleAt > now) count++;
  }
  return count;
}

type Round = { readonly taken: Entry[]; readonly dropped: QueueChange[] };

/** R1: lanes in the order in which they fell due, each from its head. */
function gather(context: Context, messagesMax: number): Round {
  const round: Round = { taken: [], dropped: [] };
  const first = context.queue.due.first();
  if (first === undefined || first.dueAt > context.now) return round; // as most receives find it
  for (const lane of context.queue.due.inOrder()) {
    if (lane.dueAt > context.now) break;
    let entry: Entry | undefined = lane.head;
    // R2: the walk ends at the first that is not visible.
    while (entry && entry.delivery.visibleAt <= context.now) {
      if (round.taken.length === messagesMax) return round;
      if (round.dropped.length >= DROPPED_PER_RECEIVE_MAX) return round;
      take(context, round, entry);
      entry = entry.next;
    }
  }
  return round;
}

function take(context: Context, round: Round, entry: Entry): void {
  const { queue, now } = context;
  const { ordinal, retainedFrom } = entry.message;
  const gone = { kind: "messageDeleted", queueName: queue.record.name, ordinal } as const;
  if (retainedFrom + queue.settings.retentionSeconds * 1_000 <= now) {
    round.dropped.push(gone); // R4
    return;
  }
  const deadLetter = redriven(context, { entry, moved: round.dropped.length });
  if (deadLetter)
    round.dropped.push(gone, { kind: "messagePut", message: deadLetter }); // R3
  else round.taken.push(entry);
}

/** The message as it enters the dead-letter queue; undefined while it may be received here. */
function redriven(
  { state, queue, now }: Context,
  { entry, moved }: { readonly entry: Entry; readonly moved: number },
): MessageRecord | undefined {
  const { redrive } = queue.settings;
  if (redrive === undefined || entry.delivery.receiveCount < redrive.receivesMax) return undefined;
  const target = state.queues.get(redrive.queueName);
  if (target === undefined) return undefined; // a policy whose queue was deleted: SQS goes on delivering
  return {
    ...entry.message,
    // `moved` counts changes, at most two a message: the ordinals leave gaps but never meet.
    ordinal: state.lastOrdinal + 1 + moved,
    queueName: redrive.queueName,
    sourceQueueName: queue.record.name,
    retainedFrom: target.settings.fifo ? now : entry.message.retainedFrom,
    delivery: { ...entry.delivery, visibleAt: now, last: undefined },
  };
}

type HandOut = {
  readonly message: MessageRecord;
  readonly delivery: Delivery;
  readonly timeoutSeconds: number;
};

function handOut({ deps, queue, now }: Context, { message, delivery, timeoutSeconds }: HandOut) {
  const receiveCount = delivery.receiveCount + 1;
  const { ordinal } = message;
  const nonce = deps.ids.receiptNonce();
  const receiptHandle = `${ordinal.toString(36)}-${receiveCount.toString(36)}-${nonce}`;
  const next = {
    visibleAt: now + timeoutSeconds * 1_000,
    receiveCount,
    firstReceivedAt: delivery.firstReceivedAt ?? now,
    last: { receiptHandle, receivedAt: now },
  };
  const queueName = queue.record.name;
  const change: QueueChange = { kind: "messageDelivered", queueName, ordinal, delivery: next };
  const { messageId, body, attributes } = message;
  const system = {
    ApproximateReceiveCount: String(receiveCount),
    ApproximateFirstReceiveTimestamp: String(next.firstReceivedAt),
    SentTimestamp: String(message.sentAt),
    SenderId: message.senderId,
    ...(queue.settings.fifo && { SequenceNumber: sequenceNumber(ordinal) }),
    ...(message.groupId !== undefined && { MessageGroupId: message.groupId }),
    ...(message.deduplicationId !== undefined && {
      MessageDeduplicationId: message.deduplicationId,
    }),
    ...(message.traceHeader !== undefined && { AWSTraceHeader: message.traceHeader }),
    ...(message.sourceQueueName !== undefined && {
      DeadLetterQueueSourceArn: deps.arnOf(message.sourceQueueName),
    }),
  };
  return { change, received: { messageId, receiptHandle, body, attributes, system } };
}

function checkOptions(options: ReceiveOptions): QueueError | undefined {
  const { messagesMax = 1, waitSeconds = 0, visibilityTimeoutSeconds = 0 } = options;
  if (!within(messagesMax, { least: 1, most: RECEIVE_MESSAGES_MAX })) {
    const reason = `Must be between 1 and ${RECEIVE_MESSAGES_MAX}, if provided.`;
    return invalidParameter("MaxNumberOfMessages", { value: messagesMax, reason });
  }
  if (!within(waitSeconds, { least: 0, most: WAIT_SECONDS_MAX })) {
    const reason = `Must be >= 0 and <= ${WAIT_SECONDS_MAX}, if provided.`;
    return invalidParameter("WaitTimeSeconds", { value: waitSeconds, reason });
  }
  return checkVisibilityTimeout(visibilityTimeoutSeconds);
}

export function checkVisibilityTimeout(value: number): QueueError | undefined {
  if (within(value, { least: 0, most: VISIBILITY_SECONDS_MAX })) return undefined;
  const reason = `Must be >= 0 and <= ${VISIBILITY_SECONDS_MAX}, if provided.`;
  return invalidParameter("VisibilityTimeout", { value, reason });
}

function within(value: number, { least, most }: { readonly least: number; readonly most: number }) {
  return Number.isInteger(value) && value >= least && value <= most;
}
