import { describe, expect, it } from "vitest";
import { answerPage } from "../../../shared/app/answer-page.ts";

describe("a page of a list", () => {
  it("shows each record, and where the next page begins", () => {
    const page = { ok: true, items: [1, 2], nextCursor: "two" } as const;
    expect(answerPage(page, String)).toEqual({
      ok: true,
      value: { items: ["1", "2"], nextCursor: "two" },
    });
  });

  it("has no cursor when it is the last", () => {
    expect(answerPage({ ok: true, items: [] }, String)).toEqual({ ok: true, value: { items: [] } });
  });

  it("names the cursor where it is of no list", () => {
    expect(answerPage({ ok: false, reason: "bad_cursor" }, String)).toMatchObject({
      code: "invalid_request",
      extra: { errors: [{ path: "cursor", message: "not a cursor of this list" }] },
    });
  });
});
