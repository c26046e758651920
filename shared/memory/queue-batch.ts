/** What SQS checks of a batch as a whole. */
import type { BatchEntry, QueueError } from "./queue-protocol.ts";

/** Entries of one batch request, whatever the action (SQS quota). */
export const BATCH_ENTRIES_MAX = 10;

export function batchError(
  entries: readonly BatchEntry[],
  action: "SendMessageBatch" | "DeleteMessageBatch" | "ChangeMessageVisibilityBatch",
): QueueError | undefined {
  if (entries.length === 0) {
    const message = `There should be at least one ${action}RequestEntry in the request.`;
    return { code: "AWS.SimpleQueueService.EmptyBatchRequest", message };
  }
  if (entries.length > BATCH_ENTRIES_MAX) {
    const message = `Maximum number of entries per request are ${BATCH_ENTRIES_MAX}. You have sent ${entries.length}.`;
    return { code: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", message };
  }
  if (!entries.every(({ id }) => /^[\w-]{1,80}$/.test(id))) {
    const message =
      "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
    return { code: "AWS.SimpleQueueService.InvalidBatchEntryId", message };
  }
  const repeated = entries.find(({ id }, index) => entries.findIndex((e) => e.id === id) < index);
  if (repeated === undefined) return undefined;
  return {
    code: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    message: `Id ${repeated.id} repeated.`,
  };
}
