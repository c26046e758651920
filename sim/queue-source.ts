/**
 * An event-source mapping as Lambda runs it: receives from a FIFO queue, hands each batch to the function, deletes what
 * the function was done with. What it failed on is left alone and comes again when its visibility ends.
 */
import type { ReceivedMessage } from "../shared/memory/queue-protocol.ts";
import type { World } from "./world.ts";

export type QueueSource = {
  readonly queueName: string;
  readonly batchMessagesMax: number;
  readonly batchesMax: number;
  /** Answers the messages that are done; of an invocation that failed, none. */
  readonly handle: (messages: readonly ReceivedMessage[]) => Promise<readonly ReceivedMessage[]>;
};

/** Between two looks at a queue that has something. */
const POLL_MS = { least: 1, most: 30 };

/** Answers what is to be asked after each event: whether there is something to receive now, or when there will be. */
export function startQueueSource(world: World, source: QueueSource): () => void {
  const { time, latency } = world;
  const { queues } = world.memory;
  const { queueName, batchMessagesMax, batchesMax } = source;
  let underWay = 0;
  let lookAt = Number.POSITIVE_INFINITY;

  const poll = () => {
    lookAt = Number.POSITIVE_INFINITY;
    while (underWay < batchesMax) {
      const messages = received(world, queueName, batchMessagesMax);
      if (messages.length === 0) return;
      underWay += 1;
      void source.handle(messages).then((done) => {
        underWay -= 1;
        for (const { receiptHandle } of done)
          queues.request({ action: "deleteMessage", queueName, receiptHandle });
      });
    }
  };

  return () => {
    if (underWay >= batchesMax) return;
    const dueAt = queues.nextDueAt(queueName);
    if (dueAt === undefined) return;
    const at = Math.max(dueAt, time.now());
    if (lookAt <= at + POLL_MS.most) return;
    const waitMs = at - time.now() + latency.int(POLL_MS.least, POLL_MS.most);
    lookAt = time.now() + waitMs;
    const mine = lookAt;
    time.after(waitMs, () => {
      if (mine === lookAt) poll();
    });
  };
}

function received(
  world: World,
  queueName: string,
  messagesMax: number,
): readonly ReceivedMessage[] {
  const answer = world.memory.queues.request({ action: "receiveMessage", queueName, messagesMax });
  if (answer.kind !== "received") throw new Error(`receiving from ${queueName}: ${answer.kind}`);
  return answer.messages;
}
