/**
 * The queue model's records as rows: changes are written as they come, and the state is rebuilt by replaying what is
 * there as changes. Receipt handles, receive counts and de-duplication windows are part of it.
 */
import type { DatabaseSync } from "node:sqlite";
import * as z from "zod/mini";
import type { MessageRecord, QueueChange } from "../../shared/memory/queue-records.ts";
import {
  DEDUPLICATION_WINDOW_MS,
  DELETED_NAME_HELD_MS,
  emptyQueueState,
  evolve,
  type QueueModelState,
} from "../../shared/memory/queue-state.ts";

export interface QueueRows {
  /** To be called within a transaction. */
  readonly write: (changes: readonly QueueChange[]) => void;
  readonly load: (now: number) => QueueModelState;
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS queue (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS queue_deleted (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS queue_message (
    ordinal INTEGER PRIMARY KEY, queue TEXT NOT NULL, content TEXT NOT NULL, delivery TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS queue_deduplication (
    queue TEXT NOT NULL, key TEXT NOT NULL, entry TEXT NOT NULL, sent_at INTEGER NOT NULL,
    PRIMARY KEY (queue, key)) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS queue_deduplication_age ON queue_deduplication (sent_at);
  CREATE TABLE IF NOT EXISTS queue_ordinal (only INTEGER PRIMARY KEY CHECK (only = 1), last INTEGER NOT NULL) STRICT;
  INSERT OR IGNORE INTO queue_ordinal VALUES (1, 0);`;

/** The rows of the queue model in this database; makes the tables where they are missing. */
export function queueRows(db: DatabaseSync): QueueRows {
  db.exec(TABLES);
  const write = writer(db);
  return {
    write: (changes) => {
      for (const change of changes) write(change);
    },
    load: (now) => load(db, now),
  };
}

function writer(db: DatabaseSync): (change: QueueChange) => void {
  const putQueue = db.prepare("INSERT OR REPLACE INTO queue VALUES (?, ?)");
  const forgetDeleted = db.prepare("DELETE FROM queue_deleted WHERE name = ?");
  const dropQueue = db.prepare("DELETE FROM queue WHERE name = ?");
  const noteDeleted = db.prepare("INSERT OR REPLACE INTO queue_deleted VALUES (?, ?)");
  const forgetOldDeleted = db.prepare("DELETE FROM queue_deleted WHERE at <= ?");
  const dropMessages = db.prepare("DELETE FROM queue_message WHERE queue = ?");
  const dropWindow = db.prepare("DELETE FROM queue_deduplication WHERE queue = ?");
  const putMessage = db.prepare("INSERT INTO queue_message VALUES (?, ?, ?, ?)");
  const raiseOrdinal = db.prepare("UPDATE queue_ordinal SET last = max(last, ?)");
  const deliver = db.prepare("UPDATE queue_message SET delivery = ? WHERE ordinal = ?");
  const dropMessage = db.prepare("DELETE FROM queue_message WHERE ordinal = ?");
  const note = db.prepare("INSERT OR REPLACE INTO queue_deduplication VALUES (?, ?, ?, ?)");
  const forget = db.prepare("DELETE FROM queue_deduplication WHERE sent_at <= ?");

  return (change) => {
    switch (change.kind) {
      case "queuePut":
        putQueue.run(change.queue.name, JSON.stringify(change.queue));
        forgetDeleted.run(change.queue.name);
        return;
      case "queueDeleted":
        dropQueue.run(change.queueName);
        forgetOldDeleted.run(change.at - DELETED_NAME_HELD_MS);
        noteDeleted.run(change.queueName, change.at);
        dropMessages.run(change.queueName);
        dropWindow.run(change.queueName);
        return;
      case "queuePurged":
        dropMessages.run(change.queueName);
        return;
      case "messagePut": {
        const { ordinal, queueName, delivery, ...content } = change.message;
        putMessage.run(ordinal, queueName, JSON.stringify(content), JSON.stringify(delivery));
        raiseOrdinal.run(ordinal);
        return;
      }
      case "messageDelivered":
        deliver.run(JSON.stringify(change.delivery), change.ordinal);
        return;
      case "messageDeleted":
        dropMessage.run(change.ordinal);
        return;
      case "deduplicationNoted": {
        const { queueName, key, sentAt } = change.entry;
        note.run(queueName, key, JSON.stringify(change.entry), sentAt);
        forget.run(sentAt - DEDUPLICATION_WINDOW_MS);
        return;
      }
      default:
        change satisfies never;
    }
  };
}

function load(db: DatabaseSync, now: number): QueueModelState {
  const { last } = z.parse(OrdinalRow, db.prepare("SELECT last FROM queue_ordinal").get());
  const state = emptyQueueState({ lastOrdinal: last });
  const deleted = db.prepare("SELECT name, at FROM queue_deleted WHERE at > ?");
  for (const row of deleted.iterate(now - DELETED_NAME_HELD_MS)) {
    const { name, at } = z.parse(DeletedRow, row);
    evolve(state, [{ kind: "queueDeleted", queueName: name, at }]);
  }
  for (const row of db.prepare("SELECT record FROM queue").iterate()) {
    const queue = z.parse(QueueRow, row).record;
    evolve(state, [{ kind: "queuePut", queue }]);
  }
  const window = db.prepare(
    "SELECT entry FROM queue_deduplication WHERE sent_at > ? ORDER BY sent_at",
  );
  for (const row of window.iterate(now - DEDUPLICATION_WINDOW_MS)) {
    const { entry } = z.parse(DeduplicationRow, row);
    evolve(state, [{ kind: "deduplicationNoted", entry }]);
  }
  for (const row of db.prepare("SELECT * FROM queue_message ORDER BY ordinal").iterate()) {
    evolve(state, [{ kind: "messagePut", message: readMessage(row) }]);
  }
  return state;
}

function readMessage(row: unknown): MessageRecord {
  const { ordinal, queue, content, delivery } = z.parse(MessageRow, row);
  return { ordinal, queueName: queue, ...content, delivery };
}

/** A column of JSON text. */
function json<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.pipe(
    z.pipe(
      z.string(),
      z.transform((text): unknown => JSON.parse(text)),
    ),
    schema,
  );
}

const Texts = z.record(z.string(), z.string());
const OrdinalRow = z.object({ last: z.number() });
const DeletedRow = z.object({ name: z.string(), at: z.number() });
const QueueRow = z.object({
  record: json(
    z.object({
      name: z.string(),
      attributes: Texts,
      tags: Texts,
      deduplicateByGroup: z.boolean(),
      createdAt: z.number(),
      modifiedAt: z.number(),
      purgedAt: z.optional(z.number()),
    }),
  ),
});
const DeduplicationRow = z.object({
  entry: json(
    z.object({
      queueName: z.string(),
      key: z.string(),
      messageId: z.string(),
      ordinal: z.number(),
      sentAt: z.number(),
    }),
  ),
});
const MessageRow = z.object({
  ordinal: z.number(),
  queue: z.string(),
  content: json(
    z.object({
      messageId: z.string(),
      body: z.string(),
      attributes: z.record(
        z.string(),
        z.object({
          dataType: z.string(),
          stringValue: z.optional(z.string()),
          binaryValue: z.optional(z.string()),
        }),
      ),
      traceHeader: z.optional(z.string()),
      senderId: z.string(),
      groupId: z.optional(z.string()),
      deduplicationId: z.optional(z.string()),
      sentAt: z.number(),
      retainedFrom: z.number(),
      sourceQueueName: z.optional(z.string()),
    }),
  ),
  delivery: json(
    z.object({
      visibleAt: z.number(),
      receiveCount: z.number(),
      firstReceivedAt: z.optional(z.number()),
      last: z.optional(z.object({ receiptHandle: z.string(), receivedAt: z.number() })),
    }),
  ),
});
