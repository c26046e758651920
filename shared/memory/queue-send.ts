/** Sending to a queue: one message or a batch, with de-duplication. */
import { batchError } from "./queue-batch.ts";
import { checkMessage, messageBytes, SEND_BYTES_MAX } from "./queue-message.ts";
import type { Applied, Context } from "./queue-model.ts";
import type { BatchEntry, BatchFailure, QueueError, SendEntry, Sent } from "./queue-protocol.ts";
import type { DeduplicationRecord, MessageRecord, QueueChange } from "./queue-records.ts";
import { DEDUPLICATION_WINDOW_MS } from "./queue-state.ts";

export function sendOne(context: Context, senderId: string, entry: SendEntry): Applied {
  const { settings } = context.queue;
  const error = checkMessage(settings, entry) ?? tooLong(context, entry, "are invalid");
  if (error) return { response: { kind: "refused", error }, changes: [] };
  const draft: Draft = { senderId, changes: [] };
  return { response: { kind: "sent", sent: put(context, draft, entry) }, changes: draft.changes };
}

/**
 * The batch as a whole is refused where SQS refuses it: for its shape, its size, or an entry that a FIFO queue cannot
 * place (no group, no de-duplication id: recorded so). What is wrong with one message only fails that entry.
 */
export function sendBatch(
  context: Context,
  senderId: string,
  entries: readonly (BatchEntry & SendEntry)[],
): Applied {
  const { settings } = context.queue;
  const bytes = entries.reduce((sum, entry) => sum + messageBytes(entry), 0);
  const error =
    batchError(entries, "SendMessageBatch") ?? batchTooLong(bytes) ?? unplaceable(context, entries);
  if (error) return { response: { kind: "refused", error }, changes: [] };
  const draft: Draft = { senderId, changes: [] };
  const successful: (BatchEntry & Sent)[] = [];
  const failed: BatchFailure[] = [];
  for (const entry of entries) {
    const wrong = checkMessage(settings, entry) ?? tooLong(context, entry, "cannot be validated");
    if (wrong) failed.push({ id: entry.id, error: wrong });
    else successful.push({ id: entry.id, ...put(context, draft, entry) });
  }
  return { response: { kind: "sentBatch", successful, failed }, changes: draft.changes };
}

/** Twenty digits for every ordinal; the steps say that numbers of a group need not follow each other. */
export function sequenceNumber(ordinal: number): string {
  return `1${String(ordinal * SEQUENCE_STEP).padStart(19, "0")}`;
}
const SEQUENCE_STEP = 256;

type Draft = { readonly senderId: string; readonly changes: QueueChange[] };

function put(context: Context, draft: Draft, entry: SendEntry): Sent {
  const { deps, state, queue, now } = context;
  const key = deduplicationKey(context, entry);
  const first = key === undefined ? undefined : firstSend(context, draft, key.text);
  if (first) return { messageId: first.messageId, sequenceNumber: sequenceNumber(first.ordinal) };
  const queueName = queue.record.name;
  const ordinal = state.lastOrdinal + draft.changes.filter(isPut).length + 1;
  // A FIFO queue takes no other delay than its own; a zero given there means nothing (recorded).
  const own = queue.settings.fifo ? undefined : entry.delaySeconds;
  const delaySeconds = own ?? queue.settings.delaySeconds;
  const message: MessageRecord = {
    ordinal,
    queueName,
    messageId: deps.ids.messageId(),
    body: entry.body ?? "",
    attributes: entry.attributes ?? {},
    traceHeader: entry.traceHeader,
    senderId: draft.senderId,
    groupId: entry.groupId,
    deduplicationId: key?.id,
    sentAt: now,
    retainedFrom: now,
    delivery: { visibleAt: now + delaySeconds * 1_000, receiveCount: 0 },
  };
  const { messageId } = message;
  draft.changes.push({ kind: "messagePut", message });
  if (key === undefined) return { messageId };
  const noted = { queueName, key: key.text, messageId, ordinal, sentAt: now };
  draft.changes.push({ kind: "deduplicationNoted", entry: noted });
  return { messageId, sequenceNumber: sequenceNumber(ordinal) };
}

/** Undefined on a standard queue, which de-duplicates nothing. */
function deduplicationKey({ deps, queue }: Context, entry: SendEntry) {
  if (!queue.settings.fifo) return undefined;
  const id = entry.deduplicationId ?? deps.digest(entry.body ?? "");
  // A space cannot be part of either id.
  return { id, text: queue.record.deduplicateByGroup ? `${entry.groupId} ${id}` : id };
}

/** The send that this one repeats, in the queue's window or earlier in the same batch. */
function firstSend(context: Context, draft: Draft, key: string): DeduplicationRecord | undefined {
  const known = context.queue.deduplication.get(key);
  if (known && context.now < known.sentAt + DEDUPLICATION_WINDOW_MS) return known;
  for (const change of draft.changes) {
    if (change.kind === "deduplicationNoted" && change.entry.key === key) return change.entry;
  }
  return undefined;
}

function isPut(change: QueueChange): boolean {
  return change.kind === "messagePut";
}

function tooLong(
  { queue }: Context,
  entry: SendEntry,
  complaint: "are invalid" | "cannot be validated",
): QueueError | undefined {
  const { messageBytesMax } = queue.settings;
  if (messageBytes(entry) <= messageBytesMax) return undefined;
  const message = `One or more parameters ${complaint}. Reason: Message must be shorter than ${messageBytesMax} bytes.`;
  return { code: "InvalidParameterValue", message };
}

function batchTooLong(bytes: number): QueueError | undefined {
  if (bytes <= SEND_BYTES_MAX) return undefined;
  return {
    code: "AWS.SimpleQueueService.BatchRequestTooLong",
    message: `Batch requests cannot be longer than ${SEND_BYTES_MAX} bytes. You have sent ${bytes} bytes.`,
  };
}

function unplaceable({ queue }: Context, entries: readonly SendEntry[]): QueueError | undefined {
  const { fifo, contentBasedDeduplication } = queue.settings;
  if (!fifo) return undefined;
  for (const entry of entries) {
    const placed =
      entry.groupId !== undefined &&
      (contentBasedDeduplication || entry.deduplicationId !== undefined);
    const error = placed ? undefined : checkMessage(queue.settings, { ...entry, body: "-" });
    if (error) return { code: "InvalidParameterValue", message: error.message };
  }
  return undefined;
}
