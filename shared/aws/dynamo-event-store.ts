/**
 * The log of events: recorded once each, read in an order in which nothing is ever added behind a reader.
 *
 * The log has shards; a shard has pages, numbered without a gap. One transaction puts the events, their page in each of
 * their streams, and moves the shard's head from the page before.
 *  E1 An event is recorded once: its item is put on condition that there is none, in the transaction of its pages.
 *  E2 Nobody who has read page n of a shard will find a lower one new: page n is put only on a head at n - 1, and is
 *     visible with that move or not at all. So a reader's place is a page a shard, and neither clock nor lag is in it.
 *  E3 Pages of a stream have the numbers of the shard's page that they are part of: E2 holds for every stream.
 *  E4 A head also counts the interests that are registered (`dynamo-interests.ts` keeps it, in the transactions that register
 *     and remove them). So one condition on it says, without another call, that nobody listened when the page was put.
 * Times only order the shards among each other; within a shard they never go back.
 */
import type { EventStore } from "../app/ports.ts";
import { ALL_STREAM, pagesOf, streamsOf } from "../model/event-log.ts";
import { EventHeadRow } from "../model/rows.ts";
import type { Settings } from "../model/settings.ts";
import { EVENT_SHARDS } from "../model/tables.ts";
import type { TopicEvent } from "../model/topic.ts";
import { getItem, type Row, type TransactAction } from "./documents.ts";
import { type Dynamo, transact } from "./dynamo-call.ts";
import { eventKey, pageKey, readFeed, readHistory } from "./dynamo-event-log.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { ttlSeconds } from "./job-row.ts";
import { calling } from "./service-failure.ts";

type Deps = Dynamo & { readonly retention: Pick<Settings, "historyRetentionDays"> };
type Actions = readonly TransactAction[];
/** Where the next page of a shard goes; `seenAt`: when this writer saw it. */
type Head = {
  readonly last: number;
  readonly at: number;
  readonly listeners: number;
  readonly seenAt: number;
};
type Listeners = Awaited<ReturnType<EventStore["append"]>>["listeners"];

const DAY_MS = 86_400_000;
/** Each try loses to another writer's page, and goes to the next shard, or leaves out events known already. */
const APPEND_ATTEMPTS_MAX = 16;
/** Whether somebody still listens is looked at so often: until then it costs the dispatcher a look each time. */
const LISTENERS_BELIEVED_MS = 60_000;

export function dynamoEventStore(deps: Deps): EventStore {
  /** The shards' heads as this writer saw them last: usually they are still there, and no read is needed. */
  const heads = new Map<number, Head>();
  /** A writer keeps to its shard until it meets another one there: so they spread over the shards by themselves. */
  let shard = Math.floor(Math.random() * EVENT_SHARDS);
  /** One page after the other: a writer does not compete with itself. */
  let turn: Promise<unknown> = Promise.resolve();
  return {
    append: (events) => {
      const appended = turn.then(async () => {
        let listeners: Listeners = "none";
        for (const page of pagesOf(events))
          if ((await appendPage(page)) === "perhaps") listeners = "perhaps";
        return { listeners };
      });
      turn = appended.catch(() => {});
      return appended;
    },
    feed: (filter, from) => readFeed(deps, filter, from),
    history: (filter, page) => readHistory(deps, filter, page),
  };

  async function appendPage(page: readonly TopicEvent[]): Promise<Listeners> {
    const doing = `recording ${page.length} events`;
    let left = page;
    for (let attempts = 1; attempts <= APPEND_ATTEMPTS_MAX; attempts += 1) {
      // All known: nothing was put, and so nothing is known of who listens.
      if (left.length === 0) return "perhaps";
      const head = await headNow();
      const next = { ...head, last: head.last + 1, at: Math.max(deps.clock.now(), head.at) };
      const outcome = await transact(deps, doing, actionsOf(deps, { shard, head, next, left }));
      if (outcome.held) {
        heads.set(shard, next);
        return head.listeners === 0 ? "none" : "perhaps"; // E4
      }
      const [lost, ...known] = outcome.failed;
      left = left.filter((_, n) => known[n] === undefined); // E1
      if (lost === undefined) continue;
      const found = headOf(deps, lost.stored);
      heads.set(shard, found);
      if (found.last !== head.last) shard = (shard + 1) % EVENT_SHARDS;
    }
    throw new Error(`${doing}: other writers were faster ${APPEND_ATTEMPTS_MAX} times`);
  }

  async function headNow(): Promise<Head> {
    const known = heads.get(shard);
    if (known === undefined) return readHead(deps, shard);
    const old = deps.clock.now() - known.seenAt >= LISTENERS_BELIEVED_MS;
    return known.listeners > 0 && old ? readHead(deps, shard) : known;
  }
}

async function readHead(deps: Deps, shard: number): Promise<Head> {
  const get = getItem({
    TableName: deps.tables.events,
    Key: pageKey(ALL_STREAM, shard, 0),
    ConsistentRead: true,
  });
  const { Item } = await calling(`reading the events' head ${shard}`, () =>
    deps.documents.send(get),
  );
  return headOf(deps, Item);
}

/** A shard without a page, and of which nobody said that somebody listens, has no head yet. */
function headOf({ tables, clock }: Deps, row: Row = {}): Head {
  const head = parseRow(EventHeadRow, row, { table: tables.events, key: "of a head" });
  return { ...head, seenAt: clock.now() };
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
      Update: {
        TableName,
        Key: pageKey(ALL_STREAM, shard, 0),
        UpdateExpression: "SET #last = :next, #at = :at",
        ConditionExpression: [
          head.last === 0 ? "attribute_not_exists(#last)" : "#last = :last", // E2
          ...(head.listeners === 0
            ? ["(attribute_not_exists(#listeners) OR #listeners = :nobody)"] // E4
            : []),
        ].join(" AND "),
        ExpressionAttributeNames: names(
          "last",
          "at",
          ...(head.listeners === 0 ? ["listeners"] : []),
        ),
        ExpressionAttributeValues: values({
          ...{ next: next.last, at: next.at },
          ...(head.last === 0 ? {} : { last: head.last }),
          ...(head.listeners === 0 ? { nobody: 0 } : {}),
        }),
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
