/** Messages as Lambda hands them to a function, and what a function answers about them. */
import * as z from "zod/mini";
import type { MessageAttribute, ReceivedMessage } from "../../shared/memory/queue-protocol.ts";
import { attributesMd5, bodyMd5 } from "../wire/message-md5.ts";

export interface RecordSource {
  readonly queueArn: string;
  readonly region: string;
}

/** The event of a batch, as JSON. */
export function sqsEvent(source: RecordSource, messages: readonly ReceivedMessage[]): string {
  return JSON.stringify({ Records: messages.map((message) => recordOf(source, message)) });
}

function recordOf({ queueArn, region }: RecordSource, message: ReceivedMessage) {
  const attributes = Object.entries(message.attributes);
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: message.system,
    messageAttributes: Object.fromEntries(
      attributes.map(([name, value]) => [name, attributeOf(value)]),
    ),
    ...(attributes.length > 0 && {
      md5OfMessageAttributes: attributesMd5(message.attributes),
    }),
    md5OfBody: bodyMd5(message.body),
    eventSource: "aws:sqs",
    eventSourceARN: queueArn,
    awsRegion: region,
  };
}

function attributeOf({ dataType, stringValue, binaryValue }: MessageAttribute) {
  return { stringValue, binaryValue, stringListValues: [], binaryListValues: [], dataType };
}

const BatchResponse = z.object({
  batchItemFailures: z.nullish(z.array(z.object({ itemIdentifier: z.string() }))),
});

/**
 * The messages of a batch that are done, by what the function answered. Recorded: nothing, null, `{}` and an empty list mean
 * all of them; an answer of another form, or one that names a message which is not of the batch, means none.
 */
export function doneMessages<M extends { readonly messageId: string }>(
  messages: readonly M[],
  payload: string,
): readonly M[] {
  const answer: unknown = JSON.parse(payload);
  if (answer === null) return messages;
  const parsed = BatchResponse.safeParse(answer);
  if (!parsed.success) return [];
  const failed = new Set(
    (parsed.data.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier),
  );
  const known = new Set(messages.map(({ messageId }) => messageId));
  if ([...failed].some((id) => !known.has(id))) return [];
  return messages.filter(({ messageId }) => !failed.has(messageId));
}
