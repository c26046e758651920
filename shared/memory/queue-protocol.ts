/** What can be asked of the queue model, and what it answers: SQS's actions without their wire form. */

/** A message attribute as SQS has it; `binaryValue` is base64. */
export type MessageAttribute = {
  readonly dataType: string;
  readonly stringValue?: string | undefined;
  readonly binaryValue?: string | undefined;
};

export type SendEntry = {
  readonly body?: string | undefined;
  readonly groupId?: string | undefined;
  readonly deduplicationId?: string | undefined;
  readonly delaySeconds?: number | undefined;
  readonly attributes?: Readonly<Record<string, MessageAttribute>> | undefined;
  /** The one system attribute that a sender may set (`AWSTraceHeader`). */
  readonly traceHeader?: string | undefined;
};

/** An entry of a batch: `id` tells the answers apart. */
export type BatchEntry = { readonly id: string };
export type HandleEntry = { readonly receiptHandle: string };
export type VisibilityEntry = HandleEntry & { readonly visibilityTimeoutSeconds: number };

type OfQueue = { readonly queueName: string };
type ByName = Readonly<Record<string, string>>;

export type QueueRequest =
  | (OfQueue & {
      readonly action: "createQueue";
      readonly attributes?: ByName | undefined;
      readonly tags?: ByName | undefined;
    })
  | (OfQueue & {
      readonly action: "deleteQueue" | "findQueue" | "purgeQueue" | "listQueueTags";
    })
  | {
      readonly action: "listQueues";
      readonly prefix?: string | undefined;
      readonly maxResults?: number | undefined;
      /** The last name of the page before. */
      readonly after?: string | undefined;
    }
  | (OfQueue & { readonly action: "getQueueAttributes"; readonly names: readonly string[] })
  | (OfQueue & { readonly action: "setQueueAttributes"; readonly attributes: ByName })
  | (OfQueue & { readonly action: "tagQueue"; readonly tags: ByName })
  | (OfQueue & { readonly action: "untagQueue"; readonly tagKeys: readonly string[] })
  | (OfQueue & {
      readonly action: "sendMessage";
      readonly senderId: string;
      readonly entry: SendEntry;
    })
  | (OfQueue & {
      readonly action: "sendMessageBatch";
      readonly senderId: string;
      readonly entries: readonly (BatchEntry & SendEntry)[];
    })
  | (OfQueue & {
      readonly action: "receiveMessage";
      readonly messagesMax?: number | undefined;
      readonly visibilityTimeoutSeconds?: number | undefined;
      /** Only checked: to wait is the caller's part, by `nextDueAt` and by what is sent meanwhile. */
      readonly waitSeconds?: number | undefined;
    })
  | (OfQueue & HandleEntry & { readonly action: "deleteMessage" })
  | (OfQueue & {
      readonly action: "deleteMessageBatch";
      readonly entries: readonly (BatchEntry & HandleEntry)[];
    })
  | (OfQueue & VisibilityEntry & { readonly action: "changeMessageVisibility" })
  | (OfQueue & {
      readonly action: "changeMessageVisibilityBatch";
      readonly entries: readonly (BatchEntry & VisibilityEntry)[];
    });

/** SQS's own error codes (the ones of its query protocol, which clients see as `Code`). */
export type QueueErrorCode =
  | "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
  | "AWS.SimpleQueueService.BatchRequestTooLong"
  | "AWS.SimpleQueueService.EmptyBatchRequest"
  | "AWS.SimpleQueueService.InvalidBatchEntryId"
  | "AWS.SimpleQueueService.NonExistentQueue"
  | "AWS.SimpleQueueService.PurgeQueueInProgress"
  | "AWS.SimpleQueueService.QueueDeletedRecently"
  | "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
  | "InvalidAttributeName"
  | "InvalidAttributeValue"
  | "InvalidMessageContents"
  | "InvalidParameterValue"
  | "MissingParameter"
  | "OverLimit"
  | "QueueAlreadyExists"
  | "ReceiptHandleIsInvalid";

export type QueueError = { readonly code: QueueErrorCode; readonly message: string };

/** `sequenceNumber` only on FIFO queues: 20 digits, so texts order as numbers do. */
export type Sent = { readonly messageId: string; readonly sequenceNumber?: string | undefined };

export type ReceivedMessage = {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  /** All system attributes as SQS names and writes them (`ApproximateReceiveCount`, `MessageGroupId`, …). */
  readonly system: ByName;
};

export type BatchFailure = BatchEntry & { readonly error: QueueError };

export type QueueResponse =
  | { readonly kind: "refused"; readonly error: QueueError }
  /** `createQueue` (also when it existed), `findQueue`. */
  | { readonly kind: "queue"; readonly queueName: string }
  | {
      readonly kind: "queues";
      readonly queueNames: readonly string[];
      readonly nextAfter?: string | undefined;
    }
  | { readonly kind: "attributes"; readonly attributes: ByName }
  | { readonly kind: "tags"; readonly tags: ByName }
  | { readonly kind: "sent"; readonly sent: Sent }
  | {
      readonly kind: "sentBatch";
      readonly successful: readonly (BatchEntry & Sent)[];
      readonly failed: readonly BatchFailure[];
    }
  | { readonly kind: "received"; readonly messages: readonly ReceivedMessage[] }
  | {
      readonly kind: "batch";
      readonly successful: readonly BatchEntry[];
      readonly failed: readonly BatchFailure[];
    }
  | { readonly kind: "done" };

/** `InvalidParameterValue` in SQS's usual words. */
export function invalidParameter(
  name: string,
  { value, reason }: { readonly value: string | number; readonly reason: string },
): QueueError {
  return {
    code: "InvalidParameterValue",
    message: `Value ${value} for parameter ${name} is invalid. Reason: ${reason}`,
  };
}

export function missingParameter(name: string): QueueError {
  return { code: "MissingParameter", message: `The request must contain the parameter ${name}.` };
}
