/**
 * Reading the log of events: some pages of each shard, merged by their times, then the events they name.
 *
 * What a filter leaves out beyond its stream costs a read all the same, so a request reads a bounded number of rounds and
 * may answer few events, or none, with a cursor that goes on from where it stopped.
 */
import type { EventFilter, EventStore } from "../app/ports.ts";
import { type LogPosition, readLogCursor, writeLogCursor } from "../model/cursor.ts";
import { streamFor } from "../model/event-log.ts";
import { eventMatches } from "../model/list-filters.ts";
import { EventPageRow, EventRow } from "../model/rows.ts";
import { EVENT_SHARDS } from "../model/tables.ts";
import type { TopicEvent } from "../model/topic.ts";
import { queryItems } from "./documents.ts";
import { BATCH_GET_KEYS_MAX, batchGet } from "./dynamo-batch-get.ts";
import type { Dynamo } from "./dynamo-call.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { calling } from "./service-failure.ts";

/** At 200 events a round some 2,000 looked at in one request. */
const ROUNDS_MAX = 10;

type Order = "forward" | "backward";
/** An event's place in the log. */
type Entry = {
  readonly id: string;
  readonly at: number;
  readonly shard: number;
  readonly page: number;
  readonly entry: number;
};
type Positions = readonly LogPosition[];
type Reading = {
  readonly filter: EventFilter;
  readonly order: Order;
  readonly from: Positions;
  /** Matching events wanted. */
  readonly wanted: number;
};
/** Matching events, each with the positions after it; `ended`: the log had no more. */
type Found = {
  readonly found: readonly { readonly event: TopicEvent; readonly after: Positions }[];
  readonly after: Positions;
  readonly ended: boolean;
};

export function eventKey(id: string) {
  return { stream: `event#${id}`, page: 0 };
}

export function pageKey(stream: string, shard: number, page: number) {
  return { stream: `${stream}#${shard}`, page };
}

/** Page 0 is a head. */
const OLDEST: LogPosition = { page: 1, entry: 0 };

export async function readFeed(
  dynamo: Dynamo,
  filter: EventFilter,
  { limit, after }: Parameters<EventStore["feed"]>[1],
): ReturnType<EventStore["feed"]> {
  const from = after === undefined ? everyShard(OLDEST) : readLogCursor(after);
  if (from === undefined) return { ok: false, reason: "bad_cursor" };
  const read = await readLog(dynamo, { filter, order: "forward", from, wanted: limit });
  return {
    ok: true,
    items: read.found.map(({ event }) => event),
    next: writeLogCursor(read.after),
  };
}

export async function readHistory(
  dynamo: Dynamo,
  filter: EventFilter,
  { limit, cursor }: Parameters<EventStore["history"]>[1],
): ReturnType<EventStore["history"]> {
  const from = cursor === undefined ? everyShard(null) : readLogCursor(cursor);
  if (from === undefined) return { ok: false, reason: "bad_cursor" };
  // One more than fits: only then is it known that there is a next page.
  const read = await readLog(dynamo, { filter, order: "backward", from, wanted: limit + 1 });
  const given = read.found.slice(0, limit);
  const items = given.map(({ event }) => event);
  const cut = read.found.length > limit;
  if (!cut && read.ended) return { ok: true, items };
  const next = cut ? (given.at(-1)?.after ?? from) : read.after;
  return { ok: true, items, nextCursor: writeLogCursor(next) };
}

function everyShard(position: LogPosition): Positions {
  return Array.from({ length: EVENT_SHARDS }, () => position);
}

async function readLog(dynamo: Dynamo, reading: Reading): Promise<Found> {
  const found: { event: TopicEvent; after: Positions }[] = [];
  let positions = reading.from;
  for (let rounds = 0; rounds < ROUNDS_MAX; rounds += 1) {
    const { entries, more } = await nextEntries(dynamo, reading, positions);
    const events = await readEvents(dynamo, entries);
    for (const place of entries) {
      positions = positions.map((each, shard) =>
        shard === place.shard ? past(place, reading.order) : each,
      );
      const event = events.get(place.id);
      if (event === undefined || !eventMatches(event, reading.filter)) continue;
      found.push({ event, after: positions });
      if (found.length === reading.wanted) return { found, after: positions, ended: false };
    }
    if (!more) return { found, after: positions, ended: true };
  }
  return { found, after: positions, ended: false };
}

/** Forward, the entry to read next; backward, the entry read last. */
function past({ page, entry }: Entry, order: Order): LogPosition {
  return { page, entry: order === "forward" ? entry + 1 : entry };
}

/** The next entries of all shards, as many as are wanted; and whether there are more. */
async function nextEntries(
  dynamo: Dynamo,
  { filter, order, wanted }: Reading,
  positions: Positions,
): Promise<{ readonly entries: readonly Entry[]; readonly more: boolean }> {
  const stream = streamFor(filter);
  const shards = await Promise.all(
    positions.map((from, shard) => queryPages(dynamo, { stream, shard, from, order, wanted })),
  );
  const sign = order === "forward" ? 1 : -1;
  const all = shards
    .flatMap(({ entries }) => entries)
    .sort(
      (one, other) =>
        sign *
        (one.at - other.at ||
          one.shard - other.shard ||
          one.page - other.page ||
          one.entry - other.entry),
    );
  return {
    entries: all.slice(0, wanted),
    more: all.length > wanted || shards.some(({ more }) => more),
  };
}

async function queryPages(
  { documents, tables }: Dynamo,
  query: {
    readonly stream: string;
    readonly shard: number;
    readonly from: LogPosition;
    readonly order: Order;
    readonly wanted: number;
  },
): Promise<{ readonly entries: readonly Entry[]; readonly more: boolean }> {
  const { shard, from, order } = query;
  const { stream } = pageKey(query.stream, shard, 0);
  const forward = order === "forward";
  const [low, high] = forward
    ? [from?.page ?? 1, Number.MAX_SAFE_INTEGER]
    : [1, from?.page ?? Number.MAX_SAFE_INTEGER];
  const command = queryItems({
    TableName: tables.events,
    KeyConditionExpression: "#stream = :stream AND #page BETWEEN :low AND :high",
    ExpressionAttributeNames: names("stream", "page"),
    ExpressionAttributeValues: values({ stream, low, high }),
    ScanIndexForward: forward,
    // A page has one event at least; the first may have been read to its end.
    Limit: query.wanted + 1,
    ConsistentRead: true, // E2: of what is there, nothing may be missing
  });
  const answer = await calling(`reading events of ${stream}`, () => documents.send(command));
  const entries = (answer.Items ?? []).flatMap((row) => {
    const { page, at, ids } = parseRow(EventPageRow, row, { table: tables.events, key: stream });
    return ids.map((id, entry) => ({ id, at, shard, page, entry }));
  });
  const isLeft = ({ page, entry }: Entry) =>
    from === null || page !== from.page || (forward ? entry >= from.entry : entry < from.entry);
  return { entries: entries.filter(isLeft), more: answer.LastEvaluatedKey !== undefined };
}

/** By id; what has expired is gone on reading, as TTL deletes late. */
async function readEvents(
  dynamo: Dynamo,
  entries: readonly Entry[],
): Promise<ReadonlyMap<string, TopicEvent>> {
  const table = dynamo.tables.events;
  const now = dynamo.clock.now();
  const events = new Map<string, TopicEvent>();
  for (let start = 0; start < entries.length; start += BATCH_GET_KEYS_MAX) {
    const keys = entries.slice(start, start + BATCH_GET_KEYS_MAX).map(({ id }) => eventKey(id));
    const rows = await batchGet(dynamo, "reading events", { [table]: { keys, consistent: true } });
    for (const row of rows.get(table) ?? []) {
      const { record, expiresAtMs } = parseRow(EventRow, row, {
        table,
        key: String(row["stream"]),
      });
      if (expiresAtMs > now) events.set(record.id, record);
    }
  }
  return events;
}
