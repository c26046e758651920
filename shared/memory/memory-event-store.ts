/** The log of events as one list: a position is a place in it. The other shards of a cursor stay where they are. */
import type { EventStore } from "../app/ports.ts";
import { type LogPosition, readLogCursor, writeLogCursor } from "../model/cursor.ts";
import { pagesOf } from "../model/event-log.ts";
import { eventMatches } from "../model/list-filters.ts";
import type { Settings } from "../model/settings.ts";
import { EVENT_SHARDS } from "../model/tables.ts";
import type { MemoryStoreDeps } from "./memory-tables.ts";

type Deps = MemoryStoreDeps & { readonly retention: Pick<Settings, "historyRetentionDays"> };

const DAY_MS = 86_400_000;

export function memoryEventStore({ tables, clock, retention }: Deps): EventStore {
  const log = tables.events;
  /** Matching, with their places. */
  const kept = (filter: Parameters<EventStore["feed"]>[0]) =>
    log
      .all()
      .map(({ record: event, expiresAtMs }, place) => ({ event, expiresAtMs, place }))
      .filter(({ event, expiresAtMs }) => expiresAtMs > clock.now() && eventMatches(event, filter));
  return {
    append: async (events) => {
      const expiresAtMs = clock.now() + retention.historyRetentionDays * DAY_MS;
      for (const record of pagesOf(events).flat())
        if (log.get(record.id) === undefined) log.put(record.id, { record, expiresAtMs });
      const listened = tables.interests.all().some(({ held }) => held);
      return { listeners: listened ? "perhaps" : "none" };
    },
    feed: async (filter, { limit, after }) => {
      const from = after === undefined ? 0 : placeOf(after);
      if (from === undefined) return { ok: false, reason: "bad_cursor" };
      const given = kept(filter)
        .filter(({ place }) => place >= from)
        .slice(0, limit);
      const full = given.length === limit;
      const next = full ? (given.at(-1)?.place ?? from) + 1 : Math.max(from, log.all().length);
      return { ok: true, items: given.map(({ event }) => event), next: cursorAt(next) };
    },
    history: async (filter, { limit, cursor }) => {
      const below = cursor === undefined ? Number.POSITIVE_INFINITY : placeOf(cursor);
      if (below === undefined) return { ok: false, reason: "bad_cursor" };
      const left = kept(filter)
        .filter(({ place }) => place < below)
        .reverse();
      const given = left.slice(0, limit);
      const items = given.map(({ event }) => event);
      const last = given.at(-1);
      return left.length > given.length && last !== undefined
        ? { ok: true, items, nextCursor: cursorAt(last.place) }
        : { ok: true, items };
    },
  };
}

function cursorAt(place: number): string {
  const others = Array.from({ length: EVENT_SHARDS - 1 }, (): LogPosition => null);
  return writeLogCursor([{ page: 0, entry: place }, ...others]);
}

function placeOf(cursor: string): number | undefined {
  return readLogCursor(cursor)?.[0]?.entry;
}
