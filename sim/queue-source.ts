/**
 * An event-source mapping as Lambda runs it: receives from a queue, hands each batch to the function, deletes what
 * the function was done with. What it failed on is left alone and comes again when its visibility ends.
 */
import type { ReceivedMessage } from "../shared/memory/queue-protocol.ts";
import { RECEIVE_MESSAGES_MAX } from "../shared/memory/queue-receive.ts";
import type { World } from "./world.ts";

export type QueueSource = {
  readonly queueName: string;
  readonly batchMessagesMax: number;
  readonly batchesMax: number;
  /** For so long a batch is kept open for more; a FIFO queue's is not. */
  readonly windowMs: number;
  /** Answers the messages that are done; of an invocation that failed, none. */
  readonly handle: (messages: readonly ReceivedMessage[]) => Promise<readonly ReceivedMessage[]>;
  /** Told of those that the queue deleted. */
  readonly deleted: (messages: readonly ReceivedMessage[]) => void;
};

/** Between two looks at a queue that has something. */
const POLL_MS = { least: 1, most: 30 };

/** A batch that is overtaken is visible again while its worker is at it, or soon after. */
const OVERTAKEN_SECONDS_MAX = 5;
/** Up to well beyond a batch's visibility. */
const LATE_MS = { least: 1_000, most: 400_000 };

/** Answers what is to be asked after each event: whether there is something to receive now, or when there will be. */
export function startQueueSource(world: World, source: QueueSource): () => void {
  const { time, latency } = world;
  const { queues } = world.memory;
  const { queueName, batchMessagesMax, batchesMax, windowMs } = source;
  let underWay = 0;
  let lookAt = Number.POSITIVE_INFINITY;
  /** The queues' revision that was looked at last; what else the answer depends on forgets it. */
  let looked: number | undefined;

  const poll = () => {
    lookAt = Number.POSITIVE_INFINITY;
    looked = undefined;
    while (underWay < batchesMax) {
      const messages = received(world, queueName, batchMessagesMax);
      if (messages.length === 0) return;
      underWay += 1;
      void handleBatch(world, source, messages).then(() => {
        underWay -= 1;
        looked = undefined;
      });
    }
  };

  return () => {
    const revision = queues.revision();
    if (looked === revision) return;
    looked = revision;
    if (underWay >= batchesMax) return;
    const dueAt = queues.nextDueAt(queueName);
    if (dueAt === undefined) return;
    const at = Math.max(dueAt, time.now());
    if (lookAt <= at + windowMs + POLL_MS.most) return;
    const waitMs = at - time.now() + windowMs + latency.int(POLL_MS.least, POLL_MS.most);
    lookAt = time.now() + waitMs;
    const mine = lookAt;
    time.after(waitMs, () => {
      if (mine === lookAt) poll();
    });
  };
}

async function handleBatch(
  { memory: { queues }, faults, time, history }: World,
  { queueName, handle, deleted }: QueueSource,
  messages: readonly ReceivedMessage[],
): Promise<void> {
  if (faults.strikes("batch-overtaken")) {
    const visibilityTimeoutSeconds = faults.draw("batch-overtaken").int(0, OVERTAKEN_SECONDS_MAX);
    history.tell(() => `a batch of ${queueName} is visible again in ${visibilityTimeoutSeconds} s`);
    for (const { receiptHandle } of messages)
      queues.request({
        action: "changeMessageVisibility",
        ...{ queueName, receiptHandle, visibilityTimeoutSeconds },
      });
  }
  if (faults.strikes("message-late")) {
    const lateMs = faults.draw("message-late").int(LATE_MS.least, LATE_MS.most);
    history.tell(() => `a batch of ${queueName} is handed over ${lateMs} ms late`);
    await time.sleep(lateMs);
  }
  const done = await handle(messages);
  if (done.length === 0) return;
  if (faults.strikes("deletion-lost")) {
    history.tell(() => `${done.length} messages of ${queueName} were worked off and stay`);
    return;
  }
  // A batch that comes back late may find that its handles have expired: its messages are another's, and stay.
  deleted(
    done.filter(({ receiptHandle }) => {
      const answer = queues.request({ action: "deleteMessage", queueName, receiptHandle });
      return answer.kind === "done";
    }),
  );
}

function received(
  { memory, faults }: World,
  queueName: string,
  most: number,
): readonly ReceivedMessage[] {
  const messagesMax = faults.strikes("batch-resized")
    ? faults.draw("batch-resized").int(1, most)
    : most;
  const messages: ReceivedMessage[] = [];
  while (messages.length < messagesMax) {
    const answer = memory.queues.request({
      action: "receiveMessage",
      queueName,
      messagesMax: Math.min(messagesMax - messages.length, RECEIVE_MESSAGES_MAX),
    });
    if (answer.kind !== "received") throw new Error(`receiving from ${queueName}: ${answer.kind}`);
    messages.push(...answer.messages);
    if (messagesMax <= RECEIVE_MESSAGES_MAX || answer.messages.length === 0) break;
  }
  return messages;
}
