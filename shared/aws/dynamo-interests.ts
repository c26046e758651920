/**
 * Who waits for which topics: an item for each, beside one that counts those of a prefix, so that asking for many prefixes
 * of which nobody waits for any is one call.
 *
 * Item and count change in one transaction, so a count of none says that there is none; and with them the heads of the
 * events' log, so that whoever appends to it knows whether anybody listens at all (`dynamo-event-store.ts`, E4).
 */
import type { Interests } from "../app/ports.ts";
import { ALL_STREAM } from "../model/event-log.ts";
import type { Interest } from "../model/interest.ts";
import { InterestCountRow, InterestRow } from "../model/rows.ts";
import { EVENT_SHARDS } from "../model/tables.ts";
import { putItem, queryItems, type Row, type TransactAction } from "./documents.ts";
import { BATCH_GET_KEYS_MAX, batchGet } from "./dynamo-batch-get.ts";
import { conditional, type Dynamo, transact } from "./dynamo-call.ts";
import { pageKey } from "./dynamo-event-log.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { ttlSeconds } from "./job-row.ts";
import { calling } from "./service-failure.ts";

type Actions = readonly TransactAction[];
type Named = Pick<Interest, "id" | "topic">;

/** Where the count of a prefix lies; no interest has that name. */
const COUNT = "#";
const DAY_MS = 86_400_000;
/** A registration that comes between two looks makes one try more. */
const REMOVE_ATTEMPTS_MAX = 3;
/** Some 2,000 interests each. */
const PAGES_MAX = 50;

export function dynamoInterests(dynamo: Dynamo): Interests {
  return {
    register: (interest) => register(dynamo, interest),
    remove: (interest) => remove(dynamo, interest),
    under: async (prefixes) => {
      const some = await listenedTo(dynamo, [...new Set(prefixes)]);
      return (await Promise.all(some.map((prefix) => queryAll(dynamo, prefix)))).flat();
    },
  };
}

async function register(dynamo: Dynamo, interest: Interest): Promise<void> {
  const TableName = dynamo.tables.interests;
  const expiresAt = ttlSeconds(interest.expiresAt);
  // Known already, and perhaps removed since: then this one is late.
  await transact(dynamo, `registering interest ${interest.id}`, [
    {
      Put: {
        TableName,
        Item: { ...keyOf(interest), held: true, record: interest, expiresAt },
        ConditionExpression: "attribute_not_exists(#id)",
        ExpressionAttributeNames: names("id"),
      },
    },
    ...countBy(dynamo, interest, 1),
  ]);
}

async function remove(dynamo: Dynamo, interest: Named): Promise<void> {
  const { documents, clock, tables } = dynamo;
  const doing = `removing interest ${interest.id}`;
  const removed = {
    TableName: tables.interests,
    Item: {
      ...keyOf(interest),
      held: false,
      expiresAt: ttlSeconds(clock.now() + DAY_MS),
    },
  };
  for (let attempts = 0; attempts < REMOVE_ATTEMPTS_MAX; attempts += 1) {
    const held = await transact(dynamo, doing, [
      {
        Put: {
          ...removed,
          ConditionExpression: "#held = :yes",
          ExpressionAttributeNames: names("held"),
          ExpressionAttributeValues: values({ yes: true }),
        },
      },
      ...countBy(dynamo, interest, -1),
    ]);
    if (held.held) return;
    const never = putItem({
      ...removed,
      ConditionExpression: "attribute_not_exists(#id) OR #held = :no",
      ExpressionAttributeNames: names("id", "held"),
      ExpressionAttributeValues: values({ no: false }),
    });
    if ((await conditional(dynamo, doing, () => documents.send(never))).held) return;
  }
  throw new Error(`${doing}: it was registered again each time`);
}

/** Under its prefix, and at every head of the log. */
function countBy({ tables }: Dynamo, { topic }: Named, change: 1 | -1): Actions {
  const count = (attribute: string) => ({
    UpdateExpression: "ADD #count :change",
    ExpressionAttributeNames: { "#count": attribute },
    ExpressionAttributeValues: values({ change }),
  });
  const ofPrefix = { TableName: tables.interests, Key: { prefix: topic.prefix, id: COUNT } };
  const heads = Array.from({ length: EVENT_SHARDS }, (_, shard) => ({
    TableName: tables.events,
    Key: pageKey(ALL_STREAM, shard, 0),
  }));
  return [
    { Update: { ...ofPrefix, ...count("live") } },
    ...heads.map((head) => ({ Update: { ...head, ...count("listeners") } })),
  ];
}

function keyOf({ topic, id }: Named) {
  return { prefix: topic.prefix, id };
}

/** Those of the prefixes under which something is registered. */
async function listenedTo(dynamo: Dynamo, prefixes: readonly string[]): Promise<readonly string[]> {
  const table = dynamo.tables.interests;
  const live: string[] = [];
  for (let start = 0; start < prefixes.length; start += BATCH_GET_KEYS_MAX) {
    const part = prefixes.slice(start, start + BATCH_GET_KEYS_MAX);
    const keys = part.map((prefix) => ({ prefix, id: COUNT }));
    const rows = await batchGet(dynamo, "looking for who waits", {
      [table]: { keys, consistent: true },
    });
    for (const row of rows.get(table) ?? []) {
      const count = parseRow(InterestCountRow, row, { table, key: "of a count" });
      if (count.live > 0) live.push(count.prefix);
    }
  }
  return live;
}

async function queryAll(
  { documents, tables, clock }: Dynamo,
  prefix: string,
): Promise<readonly Interest[]> {
  const table = tables.interests;
  const found: Interest[] = [];
  let from: Row | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const query = queryItems({
      TableName: table,
      KeyConditionExpression: "#prefix = :prefix AND #id > :count",
      ExpressionAttributeNames: names("prefix", "id"),
      ExpressionAttributeValues: values({ prefix, count: COUNT }),
      ConsistentRead: true,
      ExclusiveStartKey: from,
    });
    const answer = await calling(`looking for who waits on ${prefix}`, () => documents.send(query));
    for (const row of answer.Items ?? []) {
      const interest = parseRow(InterestRow, row, { table, key: `${prefix} ${String(row["id"])}` });
      // TTL deletes late.
      if (interest.held && interest.record.expiresAt > clock.now()) found.push(interest.record);
    }
    from = answer.LastEvaluatedKey;
    if (from === undefined) return found;
  }
  throw new Error(`more wait on ${prefix} than ${PAGES_MAX} pages hold`);
}
