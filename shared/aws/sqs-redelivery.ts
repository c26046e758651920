/** Shortens the visibility time-out of what a failed turn received: Lambda leaves it as it was when a batch fails. */
import { ChangeMessageVisibilityBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { Redelivery } from "../app/ports.ts";
import { chunk } from "./chunk.ts";

/** SQS's own limit of one request; the request's size is no concern, handles are short. */
const BATCH_LIMITS = { entriesMax: 10, bytesMax: 1024 * 1024 };

export function sqsRedelivery(deps: {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}): Redelivery {
  return {
    retrySoon: async (received) => {
      for (const batch of chunk(received, BATCH_LIMITS, (each) => each.receiptHandle.length)) {
        const command = new ChangeMessageVisibilityBatchCommand({
          QueueUrl: deps.queueUrl,
          Entries: batch.map(({ receiptHandle, afterSeconds }, index) => ({
            Id: String(index),
            ReceiptHandle: receiptHandle,
            VisibilityTimeout: afterSeconds,
          })),
        });
        // It fails because the service does, or the handle is too old: the messages come all the same, later.
        await deps.sqs.send(command).catch(() => undefined);
      }
    },
  };
}
