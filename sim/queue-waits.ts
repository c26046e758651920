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
  /** Until the queues' revision is another, or this time has come, there is nothing to see. */
  let looked = { revision: Number.NaN, until: Number.NaN };
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
        looked = { ...looked, revision: Number.NaN };
      }),
    look: () => {
      const revision = queues.revision();
      const now = time.now();
      if (looked.revision === revision && now < looked.until) return;
      looked = { revision, until: Number.POSITIVE_INFINITY };
      for (const [queueName, end] of waiting) {
        const dueAt = queues.nextDueAt(queueName) ?? Number.POSITIVE_INFINITY;
        if (dueAt <= now) end();
        else looked = { revision, until: Math.min(looked.until, dueAt) };
      }
    },
  };
}
