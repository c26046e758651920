/**
 * An event-source mapping: takes batches from a queue, hands each to the function, deletes what it is done with.
 *
 * M1 Without a window a batch is what one receive gives: of a FIFO queue up to ten, mixed groups. The queue gives nothing more
 *    of a group that has something in flight, so there is one batch of a group at a time.
 * M2 What the function failed on is left alone: it comes again when its visibility ends, which the function may have shortened.
 * M3 At a start nothing is being handled: what the process before had taken is made visible at once, not after minutes.
 * M4 With a window a batch is kept open from its first message until it is full or that time has passed. What a stop finds
 *    collected is left alone (M2).
 */
import type { ReceivedMessage } from "../../shared/memory/queue-protocol.ts";
import { RECEIVE_MESSAGES_MAX } from "../../shared/memory/queue-receive.ts";
import type { QueueEngine } from "../engine/queue-engine.ts";
import type { MappingModel } from "../template/stack-model.ts";
import type { FunctionPool } from "./function-pool.ts";
import { doneMessages, type RecordSource, sqsEvent } from "./sqs-records.ts";

export interface EventSource {
  /** Takes no more batches; resolves when those under way are dealt with. */
  readonly stop: () => Promise<void>;
}

export interface EventSourceProps {
  readonly mapping: MappingModel;
  readonly queues: QueueEngine;
  readonly pool: FunctionPool;
  readonly region: string;
  /** Batches of one queue at a time on this machine. */
  readonly batchesMax: number;
  /** Told of what failed, in one line. */
  readonly onFailure: (text: string) => void;
  /** Told when no more messages will be taken: the queue is not there, or its store failed for good. */
  readonly onBroken: (error: Error) => void;
}

/** Of one `DeleteMessageBatch`. */
const DELETE_MESSAGES_MAX = 10;
/** SQS's longest long poll. */
const WAIT_SECONDS = 20;

export function startEventSource(props: EventSourceProps): EventSource {
  const { mapping, queues, pool } = props;
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const batchesMax = Math.min(
    props.batchesMax,
    pool.concurrencyMax,
    mapping.batchesMax ?? Number.POSITIVE_INFINITY,
  );

  const receive = async (
    wanted: number,
    signal: AbortSignal,
  ): Promise<readonly ReceivedMessage[]> => {
    const { queueName } = mapping;
    const messagesMax = Math.min(wanted, RECEIVE_MESSAGES_MAX);
    const response = await queues.receive(
      { action: "receiveMessage", queueName, messagesMax, waitSeconds: WAIT_SECONDS },
      signal,
    );
    if (response.kind === "refused")
      throw new Error(`receiving from ${queueName}: ${response.error.message}`);
    return response.kind === "received" ? response.messages : [];
  };

  /** M4 */
  const rest = async (taken: number): Promise<readonly ReceivedMessage[]> => {
    if (mapping.windowMs === 0) return [];
    const more: ReceivedMessage[] = [];
    const closing = AbortSignal.any([stopping.signal, AbortSignal.timeout(mapping.windowMs)]);
    for (;;) {
      const wanted = mapping.batchMessagesMax - taken - more.length;
      if (wanted === 0 || closing.aborted) return more;
      more.push(...(await receive(wanted, closing)));
    }
  };

  const poll = async () => {
    while (!stopping.signal.aborted) {
      if (underWay.size >= batchesMax) {
        await Promise.race(underWay);
        continue;
      }
      const first = await receive(mapping.batchMessagesMax, stopping.signal);
      const messages = first.length === 0 ? first : [...first, ...(await rest(first.length))];
      if (messages.length === 0 || (mapping.windowMs > 0 && stopping.signal.aborted)) continue;
      const batch = handle(props, messages);
      underWay.add(batch);
      void batch.finally(() => underWay.delete(batch));
    }
  };

  const polling = poll().catch((cause: unknown) => {
    props.onBroken(new Error(`${mapping.functionName} takes no more messages`, { cause }));
  });
  return {
    stop: async () => {
      stopping.abort();
      await polling;
      await Promise.all(underWay);
    },
  };
}

async function handle(
  props: EventSourceProps,
  messages: readonly ReceivedMessage[],
): Promise<void> {
  const { mapping, queues, pool } = props;
  try {
    const source: RecordSource = {
      queueArn: queues.arnOf(mapping.queueName),
      region: props.region,
    };
    const outcome = await pool.invoke(sqsEvent(source, messages));
    if (!outcome.ok) {
      props.onFailure(`${mapping.functionName}: ${outcome.error.errorMessage}`);
      return; // M2
    }
    const done = mapping.reportsItemFailures ? doneMessages(messages, outcome.payload) : messages;
    for (let start = 0; start < done.length; start += DELETE_MESSAGES_MAX)
      await deleteSome(props, done.slice(start, start + DELETE_MESSAGES_MAX));
  } catch (error) {
    props.onFailure(`${mapping.functionName}: ${String(error)}`);
  }
}

async function deleteSome(
  { mapping, queues, onFailure }: EventSourceProps,
  messages: readonly ReceivedMessage[],
): Promise<void> {
  const response = await queues.request({
    action: "deleteMessageBatch",
    queueName: mapping.queueName,
    entries: messages.map(({ receiptHandle }, index) => ({ id: String(index), receiptHandle })),
  });
  const failures =
    response.kind === "refused"
      ? [response.error]
      : response.kind === "batch"
        ? response.failed.map(({ error }) => error)
        : [];
  for (const { message } of failures) onFailure(`${mapping.queueName}: ${message}`);
}
