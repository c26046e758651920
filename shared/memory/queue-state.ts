/**
 * The queue model's state: what is durable (records and changes), and the indexes built over it.
 * `evolve` is the only thing that changes a state; the same changes, stored and replayed, rebuild it.
 *
 * A *lane* is what is handed out in order: a message group of a FIFO queue, one message of a standard queue.
 *
 * S1 A lane lists its messages by ordinal. What it can give is its prefix of visible messages, so it is due when its head is visible.
 * S2 The heap of a queue orders its lanes by that time, then by the head's age: nothing has to happen when a time-out ends.
 * S3 A FIFO queue's lanes hold its first 120,000 messages only; the rest waits in `beyond`, in order, and enters as those go.
 * S4 Ordinals only grow, over all queues and restarts, so sequence numbers do.
 */
import { type DueHeap, type DueItem, dueHeap, NO_SLOT } from "./due-heap.ts";
import { type Line, line } from "./line.ts";
import { type QueueSettings, readSettings } from "./queue-attributes.ts";
import type {
  DeduplicationRecord,
  Delivery,
  MessageRecord,
  QueueChange,
  QueueRecord,
} from "./queue-records.ts";

/** De-duplication looks back this far (SQS: five minutes, fixed). */
export const DEDUPLICATION_WINDOW_MS = 300_000;
/** A deleted queue's name cannot be used again for so long (SQS). */
export const DELETED_NAME_HELD_MS = 60_000;
/** A FIFO queue looks for groups among its first so many messages (SQS quota). */
export const FIFO_WINDOW_MESSAGES = 120_000;

export type Entry = {
  readonly message: MessageRecord;
  delivery: Delivery;
  /** Undefined while the message is beyond the window (S3). */
  lane: Lane | undefined;
  previous: Entry | undefined;
  next: Entry | undefined;
};

export type Lane = DueItem & { readonly key: string; head: Entry; tail: Entry };

export type QueueState = {
  record: QueueRecord;
  settings: QueueSettings;
  readonly entries: Map<number, Entry>;
  readonly lanes: Map<string, Lane>;
  readonly due: DueHeap<Lane>;
  readonly beyond: Line<number>;
  inLanes: number;
  /** Messages that were received at least once: never fewer than are in flight. */
  received: number;
  readonly deduplication: Map<string, DeduplicationRecord>;
  readonly deduplicationAge: Line<DeduplicationRecord>;
};

export type QueueModelState = {
  readonly queues: Map<string, QueueState>;
  /** Names of deleted queues, and when. */
  readonly deletedAt: Map<string, number>;
  lastOrdinal: number;
};

/** `lastOrdinal` is the highest ever given (S4), not merely the highest still stored. */
export function emptyQueueState({
  lastOrdinal,
}: {
  readonly lastOrdinal: number;
}): QueueModelState {
  return { queues: new Map(), deletedAt: new Map(), lastOrdinal };
}

/** Applies changes in order. Changes to a queue or message that is gone do nothing. */
export function evolve(state: QueueModelState, changes: readonly QueueChange[]): void {
  for (const change of changes) evolveOne(state, change);
}

function evolveOne(state: QueueModelState, change: QueueChange): void {
  switch (change.kind) {
    case "queuePut":
      putQueue(state, change.queue);
      return;
    case "queueDeleted":
      deleteQueue(state, change.queueName, change.at);
      return;
    case "queuePurged": {
      const queue = state.queues.get(change.queueName);
      if (queue)
        state.queues.set(change.queueName, { ...emptyQueue(queue.record), ...kept(queue) });
      return;
    }
    case "messagePut":
      state.lastOrdinal = Math.max(state.lastOrdinal, change.message.ordinal);
      putMessage(state.queues.get(change.message.queueName), change.message);
      return;
    case "messageDelivered":
      deliver(state.queues.get(change.queueName), change.ordinal, change.delivery);
      return;
    case "messageDeleted":
      deleteMessage(state.queues.get(change.queueName), change.ordinal);
      return;
    case "deduplicationNoted":
      noteDeduplication(state.queues.get(change.entry.queueName), change.entry);
      return;
    default:
      change satisfies never;
  }
}

function putQueue(state: QueueModelState, record: QueueRecord): void {
  state.deletedAt.delete(record.name);
  const queue = state.queues.get(record.name);
  if (queue === undefined) state.queues.set(record.name, emptyQueue(record));
  else Object.assign(queue, { record, settings: readSettings(record.attributes) });
}

function deleteQueue(state: QueueModelState, queueName: string, at: number): void {
  state.queues.delete(queueName);
  for (const [name, deletedAt] of state.deletedAt) {
    if (deletedAt <= at - DELETED_NAME_HELD_MS) state.deletedAt.delete(name);
  }
  state.deletedAt.set(queueName, at);
}

function emptyQueue(record: QueueRecord): QueueState {
  return {
    record,
    settings: readSettings(record.attributes),
    entries: new Map(),
    lanes: new Map(),
    due: dueHeap(),
    beyond: line(),
    inLanes: 0,
    received: 0,
    deduplication: new Map(),
    deduplicationAge: line(),
  };
}

/** A purge forgets messages, not sends: what was sent before it is still a duplicate. */
function kept({ deduplication, deduplicationAge }: QueueState) {
  return { deduplication, deduplicationAge };
}

function putMessage(queue: QueueState | undefined, message: MessageRecord): void {
  if (queue === undefined) return;
  const { delivery } = message;
  const entry: Entry = { message, delivery, lane: undefined, previous: undefined, next: undefined };
  queue.entries.set(message.ordinal, entry);
  if (delivery.receiveCount > 0) queue.received++;
  const full = queue.settings.fifo && queue.inLanes >= FIFO_WINDOW_MESSAGES; // S3
  if (full) queue.beyond.push(message.ordinal);
  else link(queue, entry);
}

function deliver(queue: QueueState | undefined, ordinal: number, delivery: Delivery): void {
  const entry = queue?.entries.get(ordinal);
  if (queue === undefined || entry === undefined) return;
  if (entry.delivery.receiveCount === 0 && delivery.receiveCount > 0) queue.received++;
  entry.delivery = delivery;
  if (entry.lane?.head === entry) place(queue, entry.lane);
}

function deleteMessage(queue: QueueState | undefined, ordinal: number): void {
  const entry = queue?.entries.get(ordinal);
  if (queue === undefined || entry === undefined) return;
  queue.entries.delete(ordinal);
  if (entry.delivery.receiveCount > 0) queue.received--;
  if (entry.lane === undefined) return;
  unlink(queue, entry, entry.lane);
  for (let next = queue.beyond.shift(); next !== undefined; next = queue.beyond.shift()) {
    const waiting = queue.entries.get(next);
    if (waiting) {
      link(queue, waiting); // S3
      return;
    }
  }
}

function link(queue: QueueState, entry: Entry): void {
  const { groupId, ordinal } = entry.message;
  const key = queue.settings.fifo ? `${groupId}` : `${ordinal}`;
  queue.inLanes++;
  const lane = queue.lanes.get(key);
  if (lane === undefined) {
    entry.lane = { key, head: entry, tail: entry, dueAt: 0, tie: 0, slot: NO_SLOT };
    queue.lanes.set(key, entry.lane);
    place(queue, entry.lane);
    return;
  }
  entry.lane = lane;
  entry.previous = lane.tail;
  lane.tail.next = entry;
  lane.tail = entry;
}

function unlink(queue: QueueState, entry: Entry, lane: Lane): void {
  const { previous, next } = entry;
  queue.inLanes--;
  if (previous) previous.next = next;
  if (next) next.previous = previous;
  if (lane.tail === entry && previous) lane.tail = previous;
  if (lane.head !== entry) return;
  if (next === undefined) {
    queue.due.remove(lane);
    queue.lanes.delete(lane.key);
    return;
  }
  lane.head = next;
  place(queue, lane);
}

/** S1, S2. */
function place(queue: QueueState, lane: Lane): void {
  lane.dueAt = lane.head.delivery.visibleAt;
  lane.tie = lane.head.message.ordinal;
  queue.due.put(lane);
}

function noteDeduplication(queue: QueueState | undefined, entry: DeduplicationRecord): void {
  if (queue === undefined) return;
  const { deduplication, deduplicationAge } = queue;
  deduplication.set(entry.key, entry);
  deduplicationAge.push(entry);
  const forgotten = entry.sentAt - DEDUPLICATION_WINDOW_MS;
  for (
    let old = deduplicationAge.first();
    old && old.sentAt <= forgotten;
    old = deduplicationAge.first()
  ) {
    deduplicationAge.shift();
    if (deduplication.get(old.key) === old) deduplication.delete(old.key);
  }
}
