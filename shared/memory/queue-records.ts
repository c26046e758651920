/** What of the queue model is durable: its records, and the changes to them. Plain data, stored as it is. */
import type { Attributes } from "./queue-attributes.ts";
import type { MessageAttribute } from "./queue-protocol.ts";

export type QueueRecord = {
  readonly name: string;
  readonly attributes: Attributes;
  readonly tags: Readonly<Record<string, string>>;
  /** As it was when the queue was made: recorded on AWS, a later change of the attribute shows but does nothing. */
  readonly deduplicateByGroup: boolean;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly purgedAt?: number | undefined;
};

/** What changes when a message is handed out or its visibility is changed. */
export type Delivery = {
  readonly visibleAt: number;
  readonly receiveCount: number;
  readonly firstReceivedAt?: number | undefined;
  /** The last receive. Its handle stays the current one after the time-out, until the next receive. */
  readonly last?: { readonly receiptHandle: string; readonly receivedAt: number } | undefined;
};

export type MessageRecord = {
  readonly ordinal: number;
  readonly queueName: string;
  readonly messageId: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly traceHeader?: string | undefined;
  readonly senderId: string;
  readonly groupId?: string | undefined;
  readonly deduplicationId?: string | undefined;
  readonly sentAt: number;
  /** Retention counts from here: a FIFO dead-letter queue starts anew, a standard one does not. */
  readonly retainedFrom: number;
  /** On a dead-letter queue: where it came from. */
  readonly sourceQueueName?: string | undefined;
  readonly delivery: Delivery;
};

/** One send within its de-duplication window. */
export type DeduplicationRecord = {
  readonly queueName: string;
  readonly key: string;
  readonly messageId: string;
  readonly ordinal: number;
  readonly sentAt: number;
};

export type QueueChange =
  | { readonly kind: "queuePut"; readonly queue: QueueRecord }
  | { readonly kind: "queueDeleted"; readonly queueName: string; readonly at: number }
  | { readonly kind: "queuePurged"; readonly queueName: string }
  | { readonly kind: "messagePut"; readonly message: MessageRecord }
  | {
      readonly kind: "messageDelivered";
      readonly queueName: string;
      readonly ordinal: number;
      readonly delivery: Delivery;
    }
  | { readonly kind: "messageDeleted"; readonly queueName: string; readonly ordinal: number }
  | { readonly kind: "deduplicationNoted"; readonly entry: DeduplicationRecord };
