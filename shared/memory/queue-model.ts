/**
 * SQS as one pure model, FIFO and standard queues: the same code is the queue of the simulation (virtual clock, given
 * ids) and, with its changes stored, the queue behind the local wire protocol. Held to what AWS was recorded to answer.
 *
 * Q1 `apply` reads the state and changes nothing; `evolve` (queue-state.ts) applies the changes. Between the two of one
 *    request no other request may be applied.
 * Q2 Time, ids and digests come in: the same inputs give the same answers and changes.
 * Q3 A refused request changes nothing.
 *
 * Not here: waiting (the caller's, by `nextDueAt`), MD5s and queue URLs (the wire's), encryption, permissions, message move tasks.
 * `ReceiveRequestAttemptId` is taken by the wire and ignored: a lost receive answer waits for its visibility time-out.
 */
import {
  createQueue,
  deleteQueue,
  describeQueue,
  listQueues,
  purgeQueue,
  setAttributes,
  setTags,
} from "./queue-admin.ts";
import {
  changeVisibilityBatch,
  changeVisibilityOne,
  deleteBatch,
  deleteOne,
} from "./queue-handle.ts";
import type { QueueRequest, QueueResponse } from "./queue-protocol.ts";
import { receive } from "./queue-receive.ts";
import type { QueueChange } from "./queue-records.ts";
import { sendBatch, sendOne } from "./queue-send.ts";
import type { QueueModelState, QueueState } from "./queue-state.ts";

export interface QueueDeps {
  readonly ids: {
    readonly messageId: () => string;
    /** The part of a receipt handle that cannot be guessed. */
    readonly receiptNonce: () => string;
  };
  /** De-duplication id of a body under content-based de-duplication (AWS: SHA-256 in hex). */
  readonly digest: (body: string) => string;
  readonly arnOf: (queueName: string) => string;
}

export type Applied = {
  readonly response: QueueResponse;
  readonly changes: readonly QueueChange[];
};

/** What the parts of the model work with, once the queue of a request is found. */
export type Context = {
  readonly deps: QueueDeps;
  readonly state: QueueModelState;
  readonly queue: QueueState;
  readonly now: number;
};

/** Answers a request and says what it changes; the caller passes the changes to `evolve` (Q1). */
export function apply(
  deps: QueueDeps,
  state: QueueModelState,
  now: number,
  request: QueueRequest,
): Applied {
  if (request.action === "createQueue") return createQueue({ state, now }, request);
  if (request.action === "listQueues") return listQueues(state, request);
  const queue = state.queues.get(request.queueName);
  if (queue === undefined) {
    const message = "The specified queue does not exist.";
    const error = { code: "AWS.SimpleQueueService.NonExistentQueue", message } as const;
    return { response: { kind: "refused", error }, changes: [] };
  }
  return applyTo({ deps, state, queue, now }, request);
}

/**
 * When the queue may next have something to give: in the past where it has now, undefined where only a send can
 * change that. A hint: what is due may be redriven or expired, and the limit in flight may stand against it.
 */
export function nextDueAt(state: QueueModelState, queueName: string): number | undefined {
  return state.queues.get(queueName)?.due.first()?.dueAt;
}

type OfQueue = Exclude<QueueRequest, { readonly action: "createQueue" | "listQueues" }>;

function applyTo(context: Context, request: OfQueue): Applied {
  switch (request.action) {
    case "findQueue":
      return { response: { kind: "queue", queueName: request.queueName }, changes: [] };
    case "deleteQueue":
      return deleteQueue(context);
    case "purgeQueue":
      return purgeQueue(context);
    case "getQueueAttributes":
      return describeQueue(context, request.names);
    case "setQueueAttributes":
      return setAttributes(context, request.attributes);
    case "listQueueTags":
      return { response: { kind: "tags", tags: context.queue.record.tags }, changes: [] };
    case "tagQueue":
      return setTags(context, { ...context.queue.record.tags, ...request.tags });
    case "untagQueue": {
      const tags = Object.entries(context.queue.record.tags);
      const left = tags.filter(([key]) => !request.tagKeys.includes(key));
      return setTags(context, Object.fromEntries(left));
    }
    case "sendMessage":
      return sendOne(context, request.senderId, request.entry);
    case "sendMessageBatch":
      return sendBatch(context, request.senderId, request.entries);
    case "receiveMessage":
      return receive(context, request);
    case "deleteMessage":
      return deleteOne(context, request);
    case "deleteMessageBatch":
      return deleteBatch(context, request.entries);
    case "changeMessageVisibility":
      return changeVisibilityOne(context, request);
    case "changeMessageVisibilityBatch":
      return changeVisibilityBatch(context, request.entries);
    default:
      return request satisfies never;
  }
}
