/** The queue model with made-up ids and a clock that tests set, and its requests in few words. */
import { apply, type QueueDeps } from "../../../shared/memory/queue-model.ts";
import type {
  QueueRequest,
  QueueResponse,
  ReceivedMessage,
} from "../../../shared/memory/queue-protocol.ts";
import type { QueueChange } from "../../../shared/memory/queue-records.ts";
import {
  emptyQueueState,
  evolve,
  type QueueModelState,
} from "../../../shared/memory/queue-state.ts";

export interface Bench {
  readonly state: QueueModelState;
  readonly changes: QueueChange[];
  now: number;
  readonly ask: (request: QueueRequest) => QueueResponse;
}

export const arnOf = (name: string) => `arn:aws:sqs:us-east-1:111111111111:${name}`;

export function bench(): Bench {
  let ids = 0;
  const next = () => `id-${++ids}`;
  const deps: QueueDeps = {
    ids: { messageId: next, receiptNonce: next },
    digest: (body) => `digest-${body}`,
    arnOf,
  };
  const made: Bench = {
    state: emptyQueueState({ lastOrdinal: 0 }),
    changes: [],
    now: 1_000_000,
    ask: (request) => {
      const { response, changes } = apply(deps, made.state, made.now, request);
      evolve(made.state, changes);
      made.changes.push(...changes);
      return response;
    },
  };
  return made;
}

export const FIFO = { FifoQueue: "true", DeduplicationScope: "messageGroup" };
export const create = (queueName: string, attributes: Readonly<Record<string, string>> = {}) =>
  ({ action: "createQueue", queueName, attributes }) as const;
export const send = (queueName: string, groupId: string | undefined, body: string) =>
  ({
    action: "sendMessage",
    queueName,
    senderId: "tester",
    entry: { body, groupId, deduplicationId: groupId === undefined ? undefined : `d-${body}` },
  }) as const;
export const receive = (queueName: string, messagesMax = 10, visibilityTimeoutSeconds?: number) =>
  ({ action: "receiveMessage", queueName, messagesMax, visibilityTimeoutSeconds }) as const;
export const remove = (queueName: string, receiptHandle: string) =>
  ({ action: "deleteMessage", queueName, receiptHandle }) as const;
export const show = (queueName: string, receiptHandle: string) =>
  ({
    action: "changeMessageVisibility",
    queueName,
    receiptHandle,
    visibilityTimeoutSeconds: 0,
  }) as const;

export const messagesOf = (response: QueueResponse): readonly ReceivedMessage[] => {
  if (response.kind !== "received") throw new Error(`answered ${JSON.stringify(response)}`);
  return response.messages;
};
export const bodies = (response: QueueResponse) => messagesOf(response).map(({ body }) => body);
