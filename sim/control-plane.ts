/** The control plane as the template wires it: queues to their functions, rules to theirs. */
import { parseMessage } from "../shared/app/parse-message.ts";
import { reconcileHost } from "../shared/app/reconcile-host.ts";
import { returnDeadLetter } from "../shared/app/return-dead-letters.ts";
import { sweep } from "../shared/app/sweep.ts";
import { type Delivery, takeTurns } from "../shared/app/take-turns.ts";
import { MEMORY_APARTMENT_QUEUE } from "../shared/memory/memory-apartment-queue.ts";
import type { ReceivedMessage } from "../shared/memory/queue-protocol.ts";
import { VmId } from "../shared/model/ids.ts";
import { AgentReportDetail } from "../shared/model/topic.ts";
import { startBusTargets } from "./bus-targets.ts";
import { APARTMENT_SOURCE, SWEEP_MS } from "./functions.ts";
import { invoke } from "./invoke.ts";
import { startQueueSource } from "./queue-source.ts";
import { DEAD_LETTER_QUEUE, type Deps, type World } from "./world.ts";

/** Answers what is to be asked after each event. */
export function startControlPlane(world: World): () => void {
  const pumps = [
    startQueueSource(world, {
      queueName: MEMORY_APARTMENT_QUEUE,
      batchMessagesMax: APARTMENT_SOURCE.batchMessagesMax,
      batchesMax: APARTMENT_SOURCE.batchesMax,
      handle: (messages) => handleTurns(world, messages),
    }),
    startQueueSource(world, {
      queueName: DEAD_LETTER_QUEUE,
      batchMessagesMax: APARTMENT_SOURCE.batchMessagesMax,
      batchesMax: APARTMENT_SOURCE.deadLetterBatchesMax,
      handle: (messages) => handleDeadLetters(world, messages),
    }),
    startBusTargets(world, {
      "reconcile-host": async (deps, event) =>
        reconcileHost(deps, AgentReportDetail.parse(detailOf(event))),
      sweeper: (deps) => sweep(deps, { untilMs: deps.clock.now() + SWEEP_MS }),
    }),
  ];
  return () => {
    for (const pump of pumps) pump();
  };
}

async function handleTurns(
  world: World,
  messages: readonly ReceivedMessage[],
): Promise<readonly ReceivedMessage[]> {
  const ended = await invoke(world, "apartment", (deps) =>
    takeTurns(deps, messages.map(deliveryOf)),
  );
  if (!ended.ok) return [];
  return messages.filter(({ messageId }) => !ended.value.includes(messageId));
}

function deliveryOf({ messageId, receiptHandle, body, system }: ReceivedMessage): Delivery {
  return {
    messageId,
    receiptHandle,
    group: system["MessageGroupId"] ?? "",
    sequence: system["SequenceNumber"] ?? "",
    receiveCount: Number(system["ApproximateReceiveCount"]),
    content: parseMessage(body),
  };
}

async function handleDeadLetters(
  world: World,
  messages: readonly ReceivedMessage[],
): Promise<readonly ReceivedMessage[]> {
  const ended = await invoke(world, "dead-letters", (deps) => returnAll(deps, messages));
  return ended.ok ? ended.value : [];
}

/** As `functions/dead-letters.ts`: in order, and what follows a failure in its group waits with it. */
async function returnAll(
  deps: Deps,
  messages: readonly ReceivedMessage[],
): Promise<readonly ReceivedMessage[]> {
  const done: ReceivedMessage[] = [];
  const stuck = new Set<string | undefined>();
  for (const message of messages) {
    const group = message.system["MessageGroupId"];
    if (stuck.has(group)) continue;
    const vmId = VmId.safeParse(group);
    const parsed = parseMessage(message.body);
    try {
      await returnDeadLetter(deps, {
        messageId: message.messageId,
        vmId: vmId.success ? vmId.data : undefined,
        message: parsed.ok ? parsed.message : undefined,
      });
      done.push(message);
    } catch {
      stuck.add(group);
    }
  }
  return done;
}

function detailOf(event: unknown): unknown {
  return typeof event === "object" && event !== null && "detail" in event
    ? event.detail
    : undefined;
}
