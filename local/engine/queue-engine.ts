/**
 * The queue model running: one process, one store, wire requests and the stack's own event-source mappings alike.
 *
 * E1 An answer is given when what it rests on is on disk: its own changes and all before it.
 * E2 Model and state change in one synchronous step for each request, so requests have one order, which the store keeps (D2).
 * E3 Watchers hear of a change after it is durable, and may hear of one that gives them nothing.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { apply, nextDueAt, type QueueDeps } from "../../shared/memory/queue-model.ts";
import type { QueueRequest, QueueResponse } from "../../shared/memory/queue-protocol.ts";
import type { QueueChange } from "../../shared/memory/queue-records.ts";
import { evolve } from "../../shared/memory/queue-state.ts";
import type { Store } from "../store/open-store.ts";
import { queueRows } from "../store/queue-rows.ts";
import type { EngineClock } from "./clock.ts";
import { type LongPoll, longPoll } from "./long-poll.ts";

export type ReceiveRequest = Extract<QueueRequest, { readonly action: "receiveMessage" }>;

export interface QueueEngine {
  /** Answers without waiting for messages; resolves when durable (E1). Rejects only when the store failed for good. */
  readonly request: (request: QueueRequest) => Promise<QueueResponse>;
  /**
   * Receives, waiting up to `waitSeconds` (the queue's own where absent) until there is something: a message came, a
   * visibility time-out or delay ended, a group was freed. Aborted: answers nothing, and takes nothing after that.
   */
  readonly receive: (request: ReceiveRequest, signal?: AbortSignal) => Promise<QueueResponse>;
  /** Calls the listener after each change that may make something receivable (E3); answers how to end it. */
  readonly watch: (queueName: string, listener: () => void) => () => void;
  /** When something may become receivable without a change; see the model's `nextDueAt`. */
  readonly nextDueAt: (queueName: string) => number | undefined;
  readonly arnOf: (queueName: string) => string;
}

export interface QueueEngineProps {
  readonly store: Store;
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  readonly ids?: QueueDeps["ids"] | undefined;
}

const randomIds: QueueDeps["ids"] = {
  messageId: () => randomUUID(),
  receiptNonce: () => randomBytes(24).toString("base64url"),
};

/** Rebuilds the queues from the store and serves them. */
export function openQueueEngine(props: QueueEngineProps): QueueEngine {
  const { store, clock, region, accountId } = props;
  const arnOf = (queueName: string) => `arn:aws:sqs:${region}:${accountId}:${queueName}`;
  const deps: QueueDeps = { ids: props.ids ?? randomIds, digest: sha256, arnOf };
  const rows = queueRows(store.db);
  const state = rows.load(clock.now());
  const watchers = new Map<string, Set<() => void>>();

  const request = async (asked: QueueRequest): Promise<QueueResponse> => {
    const { response, changes } = apply(deps, state, clock.now(), asked);
    if (changes.length === 0) {
      await store.settled(); // E1: what was read may not be on disk yet
      return response;
    }
    evolve(state, changes); // E2
    await store.commit(() => rows.write(changes));
    for (const name of touched(asked, changes)) notify(watchers.get(name));
    return response;
  };

  const watch = (queueName: string, listener: () => void) => {
    const listeners = watchers.get(queueName) ?? new Set();
    watchers.set(queueName, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && watchers.get(queueName) === listeners) watchers.delete(queueName);
    };
  };

  const poll: LongPoll = { clock, watch, nextDueAt: (queueName) => nextDueAt(state, queueName) };
  return {
    request,
    receive: (asked, signal) => {
      const ownSeconds = state.queues.get(asked.queueName)?.settings.waitSeconds;
      const waitSeconds = asked.waitSeconds ?? ownSeconds ?? 0;
      return longPoll(poll, { request, asked, waitSeconds, signal });
    },
    watch,
    nextDueAt: poll.nextDueAt,
    arnOf,
  };
}

/** The queues where something may have become receivable. What a receive took is not: it wakes nobody on its own queue. */
function touched(asked: QueueRequest, changes: readonly QueueChange[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const change of changes) {
    switch (change.kind) {
      case "messagePut":
        names.add(change.message.queueName);
        break;
      case "messageDelivered":
        if (asked.action !== "receiveMessage") names.add(change.queueName);
        break;
      case "messageDeleted":
      case "queueDeleted":
      case "queuePurged":
        names.add(change.queueName);
        break;
      case "queuePut":
        names.add(change.queue.name);
        break;
      case "deduplicationNoted":
        break;
      default:
        change satisfies never;
    }
  }
  return names;
}

function notify(listeners: ReadonlySet<() => void> | undefined): void {
  for (const listener of [...(listeners ?? [])]) listener();
}

function sha256(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}
