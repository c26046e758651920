/**
 * Lists over a keys-only index: page through its keys, read the items by key, filter, go on.
 *
 * What matches a rare filter may be far apart, so a request reads a bounded number of pages and may answer few items,
 * or none, with a cursor that goes on from where it stopped.
 */
import type { Page, PageRequest } from "../app/ports.ts";
import { type Position, readCursor, writeCursor } from "../model/cursor.ts";
import { queryItems, type Row } from "./documents.ts";
import { BATCH_GET_KEYS_MAX } from "./dynamo-batch-get.ts";
import type { Dynamo } from "./dynamo-call.ts";
import { values } from "./expression.ts";
import { calling } from "./service-failure.ts";

/** 1,000 items looked at in one request: 20 calls in the worst case. */
const LIST_PAGES_READ_MAX = 10;

export interface IndexListing<T> {
  readonly table: string;
  readonly index: string;
  readonly partition: { readonly attribute: string; readonly value: string };
  readonly order: "ascending" | "descending";
  /** Items read for one page of keys; two keys an item need half as many. */
  readonly keysMax?: number;
  readonly positionOf: (row: Row) => Position;
  /** The full key of a position, without the partition, which the listing adds. */
  readonly keyOf: (position: Position) => Row;
  /** The items by id; those that are gone or expired are left out. */
  readonly fetch: (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>;
  readonly matches: (item: T) => boolean;
}

export async function listIndex<T>(
  dynamo: Pick<Dynamo, "documents">,
  listing: IndexListing<T>,
  page: PageRequest,
): Promise<Page<T>> {
  const start = page.cursor === undefined ? undefined : readCursor(page.cursor);
  if (page.cursor !== undefined && start === undefined) return { ok: false, reason: "bad_cursor" };
  const items: T[] = [];
  let last = start;
  for (let pages = 0; pages < LIST_PAGES_READ_MAX; pages += 1) {
    // A first page as long as asked for: without a filter it is the only one.
    const keysMax = listing.keysMax ?? BATCH_GET_KEYS_MAX;
    const limit = pages === 0 ? Math.min(keysMax, page.limit + 1) : keysMax;
    const { positions, more } = await queryKeys(dynamo, listing, { after: last, limit });
    const found = await listing.fetch(positions.map((position) => position.id));
    for (const position of positions) {
      const item = found.get(position.id);
      const matching = item !== undefined && listing.matches(item);
      // One more than fits was seen: only now is it known that there is a next page.
      if (matching && items.length === page.limit) return pageOf(items, last);
      if (matching) items.push(item);
      last = position;
    }
    if (!more) return pageOf(items, undefined);
  }
  return pageOf(items, last);
}

function pageOf<T>(items: readonly T[], next: Position | undefined): Page<T> {
  return next === undefined
    ? { ok: true, items }
    : { ok: true, items, nextCursor: writeCursor(next) };
}

async function queryKeys<T>(
  { documents }: Pick<Dynamo, "documents">,
  listing: IndexListing<T>,
  { after, limit }: { readonly after: Position | undefined; readonly limit: number },
): Promise<{ readonly positions: readonly Position[]; readonly more: boolean }> {
  const { table, index, partition } = listing;
  const command = queryItems({
    TableName: table,
    IndexName: index,
    KeyConditionExpression: "#partition = :partition",
    ExpressionAttributeNames: { "#partition": partition.attribute },
    ExpressionAttributeValues: values({ partition: partition.value }),
    ScanIndexForward: listing.order === "ascending",
    Limit: limit,
    ExclusiveStartKey:
      after === undefined
        ? undefined
        : { [partition.attribute]: partition.value, ...listing.keyOf(after) },
  });
  const answer = await calling(`listing ${index} of ${table}`, () => documents.send(command));
  return {
    positions: (answer.Items ?? []).map(listing.positionOf),
    more: answer.LastEvaluatedKey !== undefined,
  };
}
