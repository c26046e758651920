/** The control plane as the template wires it: queues to their functions, rules to theirs. */
import { parseMessage } from "../shared/app/parse-message.ts";
import { reconcileHost } from "../shared/app/reconcile-host.ts";
import { recordEvents } from "../shared/app/record-events.ts";
import { redriveReport } from "../shared/app/redrive-report.ts";
import { returnDeadLetter } from "../shared/app/return-dead-letters.ts";
import { sweep } from "../shared/app/sweep.ts";
import { type Delivery, takeTurns } from "../shared/app/take-turns.ts";
import { MEMORY_APARTMENT_QUEUE } from "../shared/memory/memory-apartment-queue.ts";
import type { ReceivedMessage } from "../shared/memory/queue-protocol.ts";
import { ApartmentId } from "../shared/model/ids.ts";
import { AgentReportDetail } from "../shared/model/topic.ts";
import { startBusTargets } from "./bus-targets.ts";
import {
  APARTMENT_SOURCE,
  DEAD_LETTER_QUEUE,
  EVENT_QUEUE,
  EVENT_SOURCE,
  FAILED_REPORT_QUEUE,
  FAILED_REPORT_SOURCE,
  SWEEP_MS,
} from "./functions.ts";
import { invoke } from "./invoke.ts";
import { startQueueSource } from "./queue-source.ts";
import type { Batch } from "./worker.ts";
import type { Deps, World } from "./world.ts";

/** Answers what is to be asked after each event. */
export function startControlPlane(world: World): () => void {
  const pumps = [
    startQueueSource(world, {
      queueName: MEMORY_APARTMENT_QUEUE,
      batchMessagesMax: APARTMENT_SOURCE.batchMessagesMax,
      batchesMax: APARTMENT_SOURCE.batchesMax,
      windowMs: 0,
      handle: (messages) => handleTurns(world, messages),
      deleted: (messages) => {
        for (const [vmId, batch] of Map.groupBy(messages, groupOf))
          world.watch.acknowledged(
            vmId,
            batch.map(({ messageId }) => messageId),
          );
      },
    }),
    startQueueSource(world, {
      queueName: DEAD_LETTER_QUEUE,
      batchMessagesMax: APARTMENT_SOURCE.batchMessagesMax,
      batchesMax: APARTMENT_SOURCE.deadLetterBatchesMax,
      windowMs: 0,
      handle: (messages) => handleDeadLetters(world, messages),
      deleted: () => {},
    }),
    startQueueSource(world, {
      queueName: EVENT_QUEUE,
      ...EVENT_SOURCE,
      handle: (messages) => handleEvents(world, messages),
      deleted: () => {},
    }),
    startQueueSource(world, {
      queueName: FAILED_REPORT_QUEUE,
      ...FAILED_REPORT_SOURCE,
      handle: async (messages) => {
        const ended = await invoke(world, "redrive-reports", async (deps) => {
          for (const { body } of messages) await redriveReport(deps, body);
        });
        return ended.ok ? messages : [];
      },
      deleted: () => {},
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
  const deliveries = messages.map(deliveryOf);
  const ended = await invoke(world, "apartment", (deps, worker) => {
    worker.batch = batchOf(deliveries);
    return takeTurns(deps, deliveries);
  });
  if (!ended.ok) return [];
  return messages.filter(({ messageId }) => !ended.value.includes(messageId));
}

function batchOf(deliveries: readonly Delivery[]): Batch {
  const groups = Map.groupBy(deliveries, ({ group }) => group);
  return new Map(
    [...groups].map(([group, batch]) => [
      group,
      {
        messageIds: batch.map(({ messageId }) => messageId),
        logicalIds: new Set(
          batch.map(({ content, messageId }) =>
            content.ok ? content.message.logicalId : `poison:${messageId}`,
          ),
        ),
      },
    ]),
  );
}

function deliveryOf(message: ReceivedMessage): Delivery {
  const { messageId, receiptHandle, body, system } = message;
  return {
    messageId,
    receiptHandle,
    group: groupOf(message),
    sequence: system["SequenceNumber"] ?? "",
    receiveCount: Number(system["ApproximateReceiveCount"]),
    content: parseMessage(body),
  };
}

async function handleEvents(
  world: World,
  messages: readonly ReceivedMessage[],
): Promise<readonly ReceivedMessage[]> {
  const ended = await invoke(world, "events", (deps) => recordEvents(deps, messages));
  if (!ended.ok) return [];
  return messages.filter(({ messageId }) => !ended.value.includes(messageId));
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
  const stuck = new Set<string>();
  for (const message of messages) {
    const group = groupOf(message);
    if (stuck.has(group)) continue;
    const to = ApartmentId.safeParse(group);
    const parsed = parseMessage(message.body);
    try {
      await returnDeadLetter(deps, {
        messageId: message.messageId,
        to: to.success ? to.data : undefined,
        message: parsed.ok ? parsed.message : undefined,
      });
      done.push(message);
    } catch {
      stuck.add(group);
    }
  }
  return done;
}

function groupOf({ system }: ReceivedMessage): string {
  return system["MessageGroupId"] ?? "";
}

function detailOf(event: unknown): unknown {
  return typeof event === "object" && event !== null && "detail" in event
    ? event.detail
    : undefined;
}
