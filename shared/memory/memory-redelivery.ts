import type { Redelivery } from "../app/ports.ts";
import { MEMORY_APARTMENT_QUEUE } from "./memory-apartment-queue.ts";
import type { MemoryQueues } from "./memory-queues.ts";

export function memoryRedelivery({ queues }: { readonly queues: MemoryQueues }): Redelivery {
  return {
    retrySoon: async (received) => {
      for (const { receiptHandle, afterSeconds } of received)
        queues.request({
          action: "changeMessageVisibility",
          queueName: MEMORY_APARTMENT_QUEUE,
          receiptHandle,
          visibilityTimeoutSeconds: afterSeconds,
        });
    },
  };
}
