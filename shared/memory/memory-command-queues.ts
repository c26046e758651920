import type { CommandQueues } from "../app/ports.ts";
import { deduplicationId } from "../model/deduplication-id.ts";
import { MEMORY_SENDER_ID, type MemoryQueues } from "./memory-queues.ts";

interface Deps {
  readonly queues: MemoryQueues;
  readonly hash: (text: string) => string;
  readonly clock: { readonly now: () => number };
  readonly secret: () => string;
}

/** As long as a role assumed from a role gives. */
const SESSION_MS = 3_600_000;
const NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue";

export function memoryCommandQueues({ queues, hash, clock, secret }: Deps): CommandQueues {
  return {
    create: async ({ hostId, generation }) => {
      const queueName = `${hostId}-${generation}.fifo`;
      const attributes = {
        FifoQueue: "true",
        DeduplicationScope: "messageGroup",
        FifoThroughputLimit: "perMessageGroupId",
      };
      const response = queues.request({ action: "createQueue", queueName, attributes });
      if (response.kind === "refused")
        throw new Error(`making the command queue ${queueName}: ${response.error.message}`);
      return queues.urlOf(queueName);
    },
    remove: async (queueUrl) => {
      queues.request({ action: "deleteQueue", queueName: queues.nameIn(queueUrl) });
    },
    send: async (queueUrl, command) => {
      const response = queues.request({
        action: "sendMessage",
        queueName: queues.nameIn(queueUrl),
        senderId: MEMORY_SENDER_ID,
        entry: {
          body: JSON.stringify(command),
          groupId: command.vmId,
          deduplicationId: deduplicationId(command.commandId, hash),
        },
      });
      if (response.kind !== "refused") return "sent";
      if (response.error.code === NO_QUEUE) return "queue_gone";
      throw new Error(`sending command ${command.commandId}: ${response.error.message}`);
    },
    // Nobody checks them: whoever has the handle of the memory has all of it.
    credentials: async ({ hostId }) => ({
      accessKeyId: `memory-${hostId}`,
      secretAccessKey: secret(),
      expiresAt: clock.now() + SESSION_MS,
    }),
    access: { region: "memory" },
  };
}
