/**
 * What is done with a receipt handle: delete, or change the visibility.
 *
 * H1 A FIFO queue takes the handle of the last receive only, and only while the message is in flight.
 * H2 A standard queue takes the handle of the last receive even after the time-out; an older one deletes nothing, without an error.
 * H3 A message that is gone was deleted: deleting it again succeeds, changing its visibility does not.
 */
import { batchError } from "./queue-batch.ts";
import type { Applied, Context } from "./queue-model.ts";
import type {
  BatchEntry,
  BatchFailure,
  HandleEntry,
  QueueError,
  VisibilityEntry,
} from "./queue-protocol.ts";
import { invalidParameter } from "./queue-protocol.ts";
import { checkVisibilityTimeout, VISIBILITY_SECONDS_MAX } from "./queue-receive.ts";
import type { QueueChange } from "./queue-records.ts";
import type { Entry } from "./queue-state.ts";

/** What came of one handle. */
type Outcome = { readonly error: QueueError } | { readonly change: QueueChange | undefined };

export function deleteOne(context: Context, entry: HandleEntry): Applied {
  return single(remove(context, entry));
}

export function changeVisibilityOne(context: Context, entry: VisibilityEntry): Applied {
  return single(changeVisibility(context, entry));
}

export function deleteBatch(
  context: Context,
  entries: readonly (BatchEntry & HandleEntry)[],
): Applied {
  const error = batchError(entries, "DeleteMessageBatch");
  if (error) return { response: { kind: "refused", error }, changes: [] };
  return batch(entries, (entry) => remove(context, entry));
}

export function changeVisibilityBatch(
  context: Context,
  entries: readonly (BatchEntry & VisibilityEntry)[],
): Applied {
  const error = batchError(entries, "ChangeMessageVisibilityBatch");
  if (error) return { response: { kind: "refused", error }, changes: [] };
  return batch(entries, (entry) => changeVisibility(context, entry));
}

function remove(context: Context, { receiptHandle }: HandleEntry): Outcome {
  const found = find(context, receiptHandle);
  if ("error" in found) return found;
  const { entry } = found;
  if (entry === undefined) return { change: undefined }; // H3
  const { queue, now } = context;
  const current = entry.delivery.last?.receiptHandle === receiptHandle;
  if (queue.settings.fifo && !(current && now < entry.delivery.visibleAt)) {
    return { error: expired(receiptHandle) }; // H1
  }
  if (!current) return { change: undefined }; // H2
  const { ordinal, queueName } = entry.message;
  return { change: { kind: "messageDeleted", queueName, ordinal } };
}

function changeVisibility(context: Context, request: VisibilityEntry): Outcome {
  const { receiptHandle, visibilityTimeoutSeconds } = request;
  const error = checkVisibilityTimeout(visibilityTimeoutSeconds);
  if (error) return { error };
  const found = find(context, receiptHandle);
  if ("error" in found) return found;
  const { queue, now } = context;
  const { entry } = found;
  const last = entry?.delivery.last;
  if (
    entry &&
    queue.settings.fifo &&
    !(last?.receiptHandle === receiptHandle && now < entry.delivery.visibleAt)
  ) {
    return { error: expired(receiptHandle) }; // H1
  }
  if (entry === undefined || last?.receiptHandle !== receiptHandle) {
    const reason = "Message does not exist or is not available for visibility timeout change.";
    return { error: invalidParameter("ReceiptHandle", { value: receiptHandle, reason }) };
  }
  const visibleAt = now + visibilityTimeoutSeconds * 1_000;
  if (visibleAt > last.receivedAt + VISIBILITY_SECONDS_MAX * 1_000) {
    const reason = `Total VisibilityTimeout for the message is beyond the limit [${VISIBILITY_SECONDS_MAX} seconds]`;
    return {
      error: invalidParameter("VisibilityTimeout", { value: visibilityTimeoutSeconds, reason }),
    };
  }
  const { ordinal, queueName } = entry.message;
  const delivery = { ...entry.delivery, visibleAt };
  return { change: { kind: "messageDelivered", queueName, ordinal, delivery } };
}

/** A handle names its message's ordinal; whether it is the current one the entry says. */
function find(
  { queue, state }: Context,
  receiptHandle: string,
): { readonly error: QueueError } | { readonly entry: Entry | undefined } {
  const [, digits] = /^([0-9a-z]{1,11})-[0-9a-z]+-.+$/.exec(receiptHandle) ?? [];
  const ordinal = digits === undefined ? Number.NaN : Number.parseInt(digits, 36);
  if (ordinal <= state.lastOrdinal) return { entry: queue.entries.get(ordinal) };
  const message = `The input receipt handle "${receiptHandle}" is not a valid receipt handle.`;
  return { error: { code: "ReceiptHandleIsInvalid", message } };
}

function expired(receiptHandle: string): QueueError {
  const reason = "The receipt handle has expired.";
  return invalidParameter("ReceiptHandle", { value: receiptHandle, reason });
}

function single(outcome: Outcome): Applied {
  if ("error" in outcome)
    return { response: { kind: "refused", error: outcome.error }, changes: [] };
  return { response: { kind: "done" }, changes: outcome.change ? [outcome.change] : [] };
}

function batch<Item extends BatchEntry>(
  entries: readonly Item[],
  act: (entry: Item) => Outcome,
): Applied {
  const successful: BatchEntry[] = [];
  const failed: BatchFailure[] = [];
  const changes: QueueChange[] = [];
  for (const entry of entries) {
    const outcome = act(entry);
    if ("error" in outcome) failed.push({ id: entry.id, error: outcome.error });
    else successful.push({ id: entry.id });
    if ("change" in outcome && outcome.change) changes.push(outcome.change);
  }
  return { response: { kind: "batch", successful, failed }, changes };
}
