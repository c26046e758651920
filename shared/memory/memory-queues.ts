/**
 * The queue model, running in memory under the given clock. The ports send through it; a test or a simulation receives
 * and deletes through it, as functions and agents do.
 */
import { apply, nextDueAt } from "./queue-model.ts";
import type { QueueRequest, QueueResponse } from "./queue-protocol.ts";
import { emptyQueueState, evolve } from "./queue-state.ts";

export interface MemoryQueues {
  readonly request: (request: QueueRequest) => QueueResponse;
  /** Grows with whatever changes any queue: until then `nextDueAt` answers the same. */
  readonly revision: () => number;
  /** When a queue may next have something to give; see the model. */
  readonly nextDueAt: (queueName: string) => number | undefined;
  readonly urlOf: (queueName: string) => string;
  /** The queue that a URL of `urlOf` names. */
  readonly nameIn: (queueUrl: string) => string;
}

interface Deps {
  readonly clock: { readonly now: () => number };
  readonly hash: (text: string) => string;
}

const ORIGIN = "https://queues.memory.invalid/000000000000/";

export function memoryQueues({ clock, hash }: Deps): MemoryQueues {
  const state = emptyQueueState({ lastOrdinal: 0 });
  let ids = 0;
  let revision = 0;
  const nextId = (kind: string) => {
    ids += 1;
    return `${kind}-${ids}`;
  };
  const deps = {
    ids: {
      messageId: () => nextId("message"),
      receiptNonce: () => nextId("receipt"),
    },
    digest: hash,
    arnOf: (queueName: string) => `arn:aws:sqs:memory:000000000000:${queueName}`,
  };
  return {
    request: (request) => {
      const { response, changes } = apply(deps, state, clock.now(), request);
      evolve(state, changes);
      revision += changes.length;
      return response;
    },
    revision: () => revision,
    nextDueAt: (queueName) => nextDueAt(state, queueName),
    urlOf: (queueName) => `${ORIGIN}${queueName}`,
    nameIn: (queueUrl) => {
      if (!queueUrl.startsWith(ORIGIN)) throw new Error(`${queueUrl} is no queue of this memory`);
      return queueUrl.slice(ORIGIN.length);
    },
  };
}

/** What is sent here is sent by the system itself. */
export const MEMORY_SENDER_ID = "memory";
