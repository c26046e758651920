/**
 * Asynchronous invocation as Lambda does it: tried again after a minute, then after two more, then handed to the
 * on-failure destination.
 *
 * The event stays with the bus until it is dealt with: if this process ends before, it is delivered anew and its tries
 * begin again (at least once).
 */
import type { QueueEngine } from "../engine/queue-engine.ts";
import type { FunctionModel } from "../template/stack-model.ts";
import type { FunctionPool, Invoked } from "./function-pool.ts";

/** Lambda's waits before the first and the second retry. */
export const RETRY_WAITS_MS = [60_000, 120_000] as const;

export interface AsynchronousProps {
  readonly model: FunctionModel;
  readonly pool: FunctionPool;
  readonly queues: QueueEngine;
  readonly now: () => number;
  /** Resolves after so long; rejects when the stack stops. */
  readonly wait: (ms: number) => Promise<void>;
  readonly retryWaitsMs?: readonly number[];
  readonly onFailure: (text: string) => void;
}

/** Resolves when the function took the event or it was given up; rejects when the stack stopped in between. */
export async function invokeAsynchronously(props: AsynchronousProps, event: string): Promise<void> {
  const { model, pool, now } = props;
  const { retriesMax, eventAgeMsMax } = model.asynchronous;
  const waits = props.retryWaitsMs ?? RETRY_WAITS_MS;
  const acceptedAt = now();
  for (let attempt = 1; ; attempt++) {
    const outcome = await pool.invoke(event);
    if (outcome.ok) return;
    if (outcome.error.errorType === "Runtime.Stopped") throw new Error(outcome.error.errorMessage);
    props.onFailure(`${model.name}: ${outcome.error.errorMessage}`);
    const waitMs = waits[Math.min(attempt, waits.length) - 1] ?? 0;
    const spent = attempt > retriesMax;
    const tooOld = now() + waitMs > acceptedAt + eventAgeMsMax;
    if (spent || tooOld) {
      const condition = spent ? "RetriesExhausted" : "EventAgeExceeded";
      return giveUp(props, { event, outcome, attempt, condition });
    }
    await props.wait(waitMs);
  }
}

type Failure = {
  readonly event: string;
  readonly outcome: Extract<Invoked, { readonly ok: false }>;
  readonly attempt: number;
  readonly condition: "RetriesExhausted" | "EventAgeExceeded";
};

/** Lambda's invocation record, to the queue that the template names. */
async function giveUp({ model, queues, now }: AsynchronousProps, failure: Failure): Promise<void> {
  const { onFailureQueue } = model.asynchronous;
  if (onFailureQueue === undefined) return;
  const record = {
    version: "1.0",
    timestamp: new Date(now()).toISOString(),
    requestContext: {
      requestId: failure.outcome.requestId,
      functionArn: `${model.arn}:$LATEST`,
      condition: failure.condition,
      approximateInvokeCount: failure.attempt,
    },
    requestPayload: JSON.parse(failure.event),
    responseContext: {
      statusCode: 200,
      executedVersion: "$LATEST",
      functionError: "Unhandled",
    },
    responsePayload: failure.outcome.error,
  };
  const response = await queues.request({
    action: "sendMessage",
    queueName: onFailureQueue,
    senderId: "lambda.amazonaws.com",
    entry: { body: JSON.stringify(record) },
  });
  if (response.kind === "refused")
    throw new Error(`the on-failure destination refused: ${response.error.message}`);
}
