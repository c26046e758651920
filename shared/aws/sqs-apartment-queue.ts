/** The apartments' FIFO queue: group = apartment, so a VM's messages come in the order in which they were sent. */
import { SendMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { ApartmentQueue } from "../app/ports.ts";
import { deduplicationId, deduplicationText } from "../model/deduplication-id.ts";
import { chunk } from "./chunk.ts";
import { calling, ServiceFailure } from "./service-failure.ts";
import { systemNames } from "./system.ts";

/** SQS's own limits of one request. */
const BATCH_LIMITS = { entriesMax: 10, bytesMax: 1024 * 1024 };

interface Deps {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}

export function sqsApartmentQueue({ sqs, queueUrl }: Deps): ApartmentQueue {
  return {
    send: async (messages) => {
      const entries = messages.map(({ to, message }) => ({
        MessageGroupId: to,
        MessageDeduplicationId: deduplicationId(deduplicationText(message), systemNames.hash),
        MessageBody: JSON.stringify(message),
      }));
      const bytesOf = ({ MessageBody }: (typeof entries)[number]) => Buffer.byteLength(MessageBody);
      // One after the other: batches side by side could swap two messages of one VM.
      for (const batch of chunk(entries, BATCH_LIMITS, bytesOf)) await sendBatch(batch);
    },
  };

  async function sendBatch(
    batch: readonly {
      readonly MessageGroupId: string;
      readonly MessageDeduplicationId: string;
      readonly MessageBody: string;
    }[],
  ): Promise<void> {
    const command = new SendMessageBatchCommand({
      QueueUrl: queueUrl,
      Entries: batch.map((entry, index) => ({ Id: String(index), ...entry })),
    });
    const doing = `sending ${batch.length} messages to apartments`;
    const answer = await calling(doing, () => sqs.send(command));
    const failed = answer.Failed ?? [];
    if (failed.length === 0) return;
    // The failed ones are not sent again here: the others of their group are in the queue already, and the caller's
    // retry sends all in order, of which de-duplication drops what was taken.
    const [first] = failed;
    const group = batch[Number(first?.Id)]?.MessageGroupId;
    const refused = new Error(
      `${failed.length} refused; for apartment ${group}: ${first?.Message}`,
    );
    refused.name = first?.Code ?? "BatchEntryFailed";
    const transient = failed.some((each) => each.SenderFault !== true);
    throw new ServiceFailure(doing, refused, { transient });
  }
}
