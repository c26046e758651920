/** Long polls that wait until their queue has something to give. */
import type { MemoryQueues } from "../shared/memory/memory-queues.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface QueueWaits {
  /** Resolves when the queue has something to give, at the time given, or at the signal. */
  readonly wait: (poll: {
    readonly queueName: string;
    readonly untilAt: number;
    readonly signal: AbortSignal;
  }) => Promise<void>;
  /** To be asked after each event. */
  readonly look: () => void;
}

export function queueWaits(time: VirtualTime, queues: MemoryQueues): QueueWaits {
  const waiting = new Map<string, () => void>();
  return {
    wait: ({ queueName, untilAt, signal }) =>
      new Promise((resolve) => {
        const end = () => {
          callOff();
          signal.removeEventListener("abort", end);
          if (waiting.get(queueName) === end) waiting.delete(queueName);
          resolve();
        };
        const dueAt = Math.min(untilAt, queues.nextDueAt(queueName) ?? untilAt);
        const callOff = time.after(dueAt - time.now(), end);
        signal.addEventListener("abort", end);
        waiting.get(queueName)?.(); // one that polled before it looks, too
        waiting.set(queueName, end);
      }),
    look: () => {
      for (const [queueName, end] of waiting) {
        const dueAt = queues.nextDueAt(queueName);
        if (dueAt !== undefined && dueAt <= time.now()) end();
      }
    },
  };
}
