/** A host's command queue as its agent polls it: straight to the queue model, as SQS answers a long poll. */
import type { CommandSource, OpenCommandSource, Received } from "../agent/command-source.ts";
import { answerTo, type Life, mayDie } from "./life.ts";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

/** SQS's longest poll, and its largest batch (`agent/sqs-command-source.ts`). */
const POLL_MS = 20_000;
const BATCH_MAX = 10;
const CALL_MS = { least: 1, most: 30 };

export function agentCommandSource(world: World, machine: Machine, life: Life): OpenCommandSource {
  return ({ commandQueueUrl }) => {
    const queueName = world.memory.queues.nameIn(commandQueueUrl);
    return {
      receive: (signal) => answerTo(life, poll(world, { machine, queueName, signal })),
      remove: (receipts) =>
        mayDie(world, life, () => remove(world, { machine, queueName, receipts })),
      close: () => {},
    } satisfies CommandSource;
  };
}

type Poll = {
  readonly machine: Machine;
  readonly queueName: string;
  readonly signal: AbortSignal;
};

async function poll(world: World, { machine, queueName, signal }: Poll): Promise<Received> {
  const { time, latency, commandsSent } = world;
  const endsAt = time.now() + POLL_MS;
  for (;;) {
    await time.sleep(latency.int(CALL_MS.least, CALL_MS.most));
    if (signal.aborted || machine.isCutOff) return { status: "unavailable", detail: "cut off" };
    const answer = world.memory.queues.request({
      action: "receiveMessage",
      queueName,
      messagesMax: BATCH_MAX,
    });
    if (answer.kind === "refused") return { status: "no_access", detail: answer.error.message };
    if (answer.kind !== "received") throw new Error(`receiving answered ${answer.kind}`);
    if (answer.messages.length > 0 || time.now() >= endsAt)
      return {
        status: "received",
        messages: answer.messages.map(({ body, receiptHandle: receipt }) => ({ body, receipt })),
      };
    await commandsSent.wait({ queueName, untilAt: endsAt, signal });
  }
}

async function remove(
  world: World,
  {
    machine,
    queueName,
    receipts,
  }: Pick<Poll, "machine" | "queueName"> & {
    readonly receipts: readonly string[];
  },
): Promise<void> {
  const { time, latency } = world;
  await time.sleep(latency.int(CALL_MS.least, CALL_MS.most));
  if (machine.isCutOff) throw new Error("cut off");
  for (const receiptHandle of receipts)
    world.memory.queues.request({ action: "deleteMessage", queueName, receiptHandle });
}
