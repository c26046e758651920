import { expect, test } from "vitest";
import { readCursor, writeCursor } from "../../../shared/model/cursor.ts";

test("a position comes back as it was, in characters that a URL takes as they are", () => {
  for (const position of [
    { id: "a" },
    { id: "host-1", at: 0 },
    { id: "~".repeat(200), at: 9e15 },
  ]) {
    const cursor = writeCursor(position);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(readCursor(cursor)).toEqual(position);
  }
});

test.each([
  ...["", " ", "?", "===", "Zm9v", "bnVsbA", "W10", "e30", "x".repeat(513)],
  ...[{ id: "" }, { id: 1 }, { id: "a", at: "1" }, { id: "a", at: 1.5 }, { id: "a", more: 1 }].map(
    (forged) => Buffer.from(JSON.stringify(forged)).toString("base64url"),
  ),
])("%j is no cursor", (cursor) => {
  expect(readCursor(cursor)).toBeUndefined();
});
