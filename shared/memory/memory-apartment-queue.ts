import type { ApartmentQueue } from "../app/ports.ts";
import { deduplicationId, deduplicationText } from "../model/deduplication-id.ts";
import { MEMORY_SENDER_ID, type MemoryQueues } from "./memory-queues.ts";

export const MEMORY_APARTMENT_QUEUE = "apartments.fifo";

interface Deps {
  readonly queues: MemoryQueues;
  readonly hash: (text: string) => string;
}

/** Makes the queue, then sends to it. Its consumer says for how long it hides what it receives. */
export function memoryApartmentQueue({ queues, hash }: Deps): ApartmentQueue {
  const queueName = MEMORY_APARTMENT_QUEUE;
  const attributes = {
    FifoQueue: "true",
    DeduplicationScope: "messageGroup",
    FifoThroughputLimit: "perMessageGroupId",
  };
  queues.request({ action: "createQueue", queueName, attributes });
  return {
    send: async (messages) => {
      for (const { to, message } of messages) {
        const entry = {
          body: JSON.stringify(message),
          groupId: to,
          deduplicationId: deduplicationId(deduplicationText(message), hash),
        };
        const senderId = MEMORY_SENDER_ID;
        const response = queues.request({ action: "sendMessage", queueName, senderId, entry });
        if (response.kind === "refused")
          throw new Error(`sending ${message.logicalId} to ${to}: ${response.error.message}`);
      }
    },
  };
}
