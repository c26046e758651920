import type { Page, PageRequest } from "../app/ports.ts";
import { type Position, readCursor, writeCursor } from "../model/cursor.ts";

/** Pages over items that match already: newest first, or by id where positions have no time. */
export function listMemory<T>(
  matching: readonly T[],
  positionOf: (item: T) => Position,
  page: PageRequest,
): Page<T> {
  const after = page.cursor === undefined ? undefined : readCursor(page.cursor);
  if (page.cursor !== undefined && after === undefined) return { ok: false, reason: "bad_cursor" };
  const left = matching
    .map((item) => ({ item, position: positionOf(item) }))
    .filter(({ position }) => after === undefined || compare(position, after) > 0)
    .toSorted((one, other) => compare(one.position, other.position));
  const given = left.slice(0, page.limit);
  const items = given.map(({ item }) => item);
  const last = given.at(-1)?.position;
  return left.length > given.length && last !== undefined
    ? { ok: true, items, nextCursor: writeCursor(last) }
    : { ok: true, items };
}

function compare(one: Position, other: Position): number {
  const byTime = (other.at ?? 0) - (one.at ?? 0);
  if (byTime !== 0) return byTime;
  return one.id === other.id ? 0 : one.id < other.id ? -1 : 1;
}
