/**
 * Cursors of lists: opaque outside, a position inside. A cursor holds no partition: whoever asks says again whose
 * list it is, so a cursor that was made for one account's list cannot read another's.
 */
import * as z from "zod/mini";

/** Far above what a position needs (a sort number and an id). */
const CURSOR_CHARACTERS_MAX = 512;

/** The last item given: where it stands in the order of the list, and its id among equals. */
export const Position = z.strictObject({
  at: z.optional(z.int()),
  id: z.string().check(z.minLength(1), z.maxLength(256)),
});
export type Position = z.infer<typeof Position>;

/** Ids are ASCII, so that the text needs no encoding before base64. */
export function writeCursor(position: Position): string {
  const base64 = btoa(JSON.stringify(position));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** `undefined` for what `writeCursor` did not make. */
export function readCursor(cursor: string): Position | undefined {
  if (cursor.length > CURSOR_CHARACTERS_MAX || !/^[A-Za-z0-9_-]+$/.test(cursor)) return undefined;
  try {
    const raw: unknown = JSON.parse(atob(cursor.replaceAll("-", "+").replaceAll("_", "/")));
    const parsed = Position.safeParse(raw);
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
