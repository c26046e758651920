/**
 * The log of events: recorded once each, read in an order in which nothing is ever added behind a reader.
 *
 * The log has shards; a shard has pages, numbered without a gap. One transaction puts the events, their page in each of
 * their streams, and moves the shard's head from the page before.
 *  E1 An event is recorded once: its item is put on condition that there is none, in the transaction of its pages.
 *  E2 Nobody who has read page n of a shard will find a lower one new: page n is put only on a head at n - 1, and is
 *     visible with that move or not at all. So a reader's place is a page a shard, and neither clock nor lag is in it.
 *  E3 Pages of a stream have the numbers of the shard's page that they are part of: E2 holds for every stream.
 * Times only order the shards among each other; within a shard they never go back.
 */
import { GetCommand, type TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import type { EventStore } from "../app/ports.ts";
import { ALL_STREAM, pagesOf, streamsOf } from "../model/event-log.ts";
import { EventHeadRow } from "../model/rows.ts";
import type { Settings } from "../model/settings.ts";
import { EVENT_SHARDS } from "../model/tables.ts";
import type { TopicEvent } from "../model/topic.ts";
import { type Dynamo, type Row, transact } from "./dynamo-call.ts";
import { eventKey, pageKey, readFeed, readHistory } from "./dynamo-event-log.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { ttlSeconds } from "./job-row.ts";
import { calling } from "./service-failure.ts";

type Deps = Dynamo & { readonly retention: Pick<Settings, "historyRetentionDays"> };
type Actions = NonNullable<TransactWriteCommandInput["TransactItems"]>;
/** Where the next page of a shard goes. */
type Head = { readonly last: number; readonly at: number };

const DAY_MS = 86_400_000;
/** Each try loses to another writer's page, and goes to the next shard, or leaves out events known already. */
const APPEND_ATTEMPTS_MAX = 16;
const NEW_HEAD: Head = { last: 0, at: 0 };

export function dynamoEventStore(deps: Deps): EventStore {
  /** The shards' heads as this writer saw them last: usually they are still there, and no read is needed. */
  const heads = new Map<number, Head>();
  /** A writer keeps to its shard until it meets another one there: so they spread over the shards by themselves. */
  let shard = Math.floor(Math.random() * EVENT_SHARDS);
  /** One page after the other: a writer does not compete with itself. */
  let turn: Promise<void> = Promise.resolve();
  return {
    append: (events) => {
      const appended = turn.then(async () => {
        for (const page of pagesOf(events)) await appendPage(page);
      });
      turn = appended.catch(() => {});
      return appended;
    },
    feed: (filter, from) => readFeed(deps, filter, from),
    history: (filter, page) => readHistory(deps, filter, page),
  };

  async function appendPage(page: readonly TopicEvent[]): Promise<void> {
    const doing = `recording ${page.length} events`;
    let left = page;
    for (let attempts = 1; attempts <= APPEND_ATTEMPTS_MAX; attempts += 1) {
      if (left.length === 0) return;
      const head = heads.get(shard) ?? (await readHead(deps, shard));
      const next = { last: head.last + 1, at: Math.max(deps.clock.now(), head.at) };
      const outcome = await transact(deps, doing, actionsOf(deps, { shard, head, next, left }));
      if (outcome.held) {
        heads.set(shard, next);
        return;
      }
      const [lost, ...known] = outcome.failed;
      left = left.filter((_, n) => known[n] === undefined); // E1
      if (lost === undefined) continue;
      heads.set(shard, lost.stored === undefined ? NEW_HEAD : headOf(deps, lost.stored));
      shard = (shard + 1) % EVENT_SHARDS;
    }
    throw new Error(`${doing}: other writers were faster ${APPEND_ATTEMPTS_MAX} times`);
  }
}

async function readHead(deps: Deps, shard: number): Promise<Head> {
  const get = new GetCommand({
    TableName: deps.tables.events,
    Key: pageKey(ALL_STREAM, shard, 0),
    ConsistentRead: true,
  });
  const { Item } = await calling(`reading the events' head ${shard}`, () =>
    deps.documents.send(get),
  );
  return Item === undefined ? NEW_HEAD : headOf(deps, Item);
}

function headOf({ tables }: Deps, row: Row): Head {
  return parseRow(EventHeadRow, row, { table: tables.events, key: String(row["stream"]) });
}

type Append = {
  readonly shard: number;
  readonly head: Head;
  readonly next: Head;
  readonly left: readonly TopicEvent[];
};

/** The head, then the events in their order, then the pages. */
function actionsOf(deps: Deps, { shard, head, next, left }: Append): Actions {
  const TableName = deps.tables.events;
  const expiresAtMs = next.at + deps.retention.historyRetentionDays * DAY_MS;
  const expiresAt = ttlSeconds(expiresAtMs);
  const streams = new Map<string, string[]>();
  for (const event of left)
    for (const stream of streamsOf(event))
      streams.set(stream, [...(streams.get(stream) ?? []), event.id]);
  return [
    {
      Put: {
        TableName,
        Item: { ...pageKey(ALL_STREAM, shard, 0), ...next },
        ConditionExpression: head.last === 0 ? "attribute_not_exists(#last)" : "#last = :last", // E2
        ExpressionAttributeNames: names("last"),
        ...(head.last === 0 ? {} : { ExpressionAttributeValues: values({ last: head.last }) }),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    },
    ...left.map((event) => ({
      Put: {
        TableName,
        Item: { ...eventKey(event.id), record: event, expiresAtMs, expiresAt },
        ConditionExpression: "attribute_not_exists(#stream)", // E1
        ExpressionAttributeNames: names("stream"),
      },
    })),
    ...[...streams].map(([stream, ids]) => ({
      Put: {
        TableName,
        Item: { ...pageKey(stream, shard, next.last), at: next.at, ids, expiresAt }, // E3
      },
    })),
  ];
}
