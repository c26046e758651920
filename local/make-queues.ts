/** Makes the template's queues in the queue engine, or brings those that are there up to it, as a deployment would. */
import type { QueueEngine } from "./engine/queue-engine.ts";
import { StartError } from "./start-error.ts";
import type { QueueModel } from "./template/stack-model.ts";

export async function makeQueues(
  engine: QueueEngine,
  queues: readonly QueueModel[],
): Promise<void> {
  const redrives = (queue: QueueModel) => (queue.attributes["RedrivePolicy"] === undefined ? 0 : 1);
  // Dead-letter queues first: a redrive names one that must be there.
  for (const queue of [...queues].sort((left, right) => redrives(left) - redrives(right)))
    await makeQueue(engine, queue);
}

async function makeQueue(engine: QueueEngine, { name, attributes }: QueueModel): Promise<void> {
  const made = await engine.request({ action: "createQueue", queueName: name, attributes });
  if (made.kind !== "refused") return;
  if (made.error.code !== "QueueAlreadyExists")
    throw new StartError(`queue ${name}: ${made.error.message}`);
  const { FifoQueue: _fixed, ...changeable } = attributes;
  const changed = await engine.request({
    action: "setQueueAttributes",
    queueName: name,
    attributes: changeable,
  });
  if (changed.kind === "refused")
    throw new StartError(`queue ${name} is there with other attributes: ${changed.error.message}`);
}
