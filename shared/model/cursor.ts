/**
 * Cursors of lists: opaque outside, a position inside. A cursor holds no partition: whoever asks says again whose
 * list it is, so a cursor that was made for one account's list cannot read another's.
 */
import * as z from "zod/mini";
import { Count } from "./ids.ts";
import { EVENT_SHARDS } from "./tables.ts";

/** Far above what a position needs (a sort number and an id). */
const CURSOR_CHARACTERS_MAX = 512;

/** The last item given: where it stands in the order of the list, and its id among equals. */
export const Position = z.strictObject({
  at: z.optional(z.int()),
  id: z.string().check(z.minLength(1), z.maxLength(256)),
});
export type Position = z.infer<typeof Position>;

export function writeCursor(position: Position): string {
  return writeText(position);
}

/** `undefined` for what `writeCursor` did not make. */
export function readCursor(cursor: string): Position | undefined {
  return readText(Position, cursor);
}

/**
 * Where a reader stands in the events' log: for each shard the page, and the entry in it, that is next to be read.
 * `null`, when reading backwards: from the newest.
 */
export const LogPosition = z.nullable(z.strictObject({ page: Count, entry: Count }));
export type LogPosition = z.infer<typeof LogPosition>;
const LogPositions = z.array(LogPosition).check(z.length(EVENT_SHARDS));

/** One position a shard. */
export function writeLogCursor(positions: readonly LogPosition[]): string {
  return writeText(positions);
}

/** `undefined` for what `writeLogCursor` did not make. */
export function readLogCursor(cursor: string): readonly LogPosition[] | undefined {
  return readText(LogPositions, cursor);
}

/** What cursors hold is ASCII, so that the text needs no encoding before base64. */
function writeText(value: unknown): string {
  const base64 = btoa(JSON.stringify(value));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function readText<T extends z.ZodMiniType>(schema: T, cursor: string): z.infer<T> | undefined {
  if (cursor.length > CURSOR_CHARACTERS_MAX || !/^[A-Za-z0-9_-]+$/.test(cursor)) return undefined;
  try {
    const raw: unknown = JSON.parse(atob(cursor.replaceAll("-", "+").replaceAll("_", "/")));
    const parsed = schema.safeParse(raw);
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
