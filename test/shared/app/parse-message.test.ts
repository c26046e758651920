import { describe, expect, it } from "vitest";
import { parseMessage } from "../../../shared/app/parse-message.ts";
import { aMessage } from "../../support/a-record.ts";

const message = aMessage({ kind: "pause", paused: true });

describe("a message's text", () => {
  it("is read back", () => {
    expect(parseMessage(JSON.stringify(message))).toEqual({ ok: true, message });
  });

  it.each([
    ["", "the whole"],
    ["{", "the whole"],
    ["null", "the whole"],
    [JSON.stringify({ ...message, v: 2 }), "v"],
    [JSON.stringify({ ...message, secret: "hush" }), "the whole"],
    [JSON.stringify({ ...message, body: { kind: "pause", paused: "hush" } }), "body.paused"],
    [JSON.stringify({ ...message, body: { kind: "hush" } }), "body.kind"],
  ])("is poison, and the reason says where and quotes nothing: %s", (text, where) => {
    expect(parseMessage(text)).toEqual({
      ok: false,
      reason: `not a message: ${where} is not valid`,
    });
  });
});
