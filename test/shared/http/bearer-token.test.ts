import { describe, expect, it } from "vitest";
import {
  bearerTokenOf,
  makeBearerToken,
  parseBearerToken,
} from "../../../shared/http/bearer-token.ts";

const SECRET = "A".repeat(43);
const token = makeBearerToken(SECRET);

describe("an API token", () => {
  it("is its prefix, its id and its secret", () => {
    expect(token.text).toBe(`vmsync_${token.id}_${SECRET}`);
    expect(token.id).toMatch(/^[0-9a-f]{16}$/);
  });

  it("is read back from its text", () => {
    expect(parseBearerToken(token.text)).toEqual(token);
  });

  it("has an id that another secret's has not", () => {
    expect(makeBearerToken("B".repeat(43)).id).not.toBe(token.id);
  });

  it.each(["", "short", "ü".repeat(40), "x".repeat(129), `${SECRET} `])(
    "is not made of the secret %j",
    (secret) => {
      expect(() => makeBearerToken(secret)).toThrow("a token's secret");
    },
  );

  it.each([
    "",
    SECRET,
    token.text.slice(1),
    token.text.toUpperCase(),
    `${token.text}\n`,
    `${token.text}=`,
    token.text.replace(token.id, token.id.slice(1)),
  ])("is not %j", (text) => {
    expect(parseBearerToken(text)).toBeUndefined();
  });
});

describe("an Authorization header", () => {
  it.each([`Bearer ${token.text}`, `bearer ${token.text}`, `  Bearer ${token.text} `])(
    "carries a token: %j",
    (header) => {
      expect(bearerTokenOf(header)).toEqual(token);
    },
  );

  it.each([
    undefined,
    "",
    "Bearer",
    token.text,
    `Basic ${token.text}`,
    `Bearer  ${token.text}`,
    `Bearer ${token.text}, Bearer ${token.text}`,
    `Bearer ${"x".repeat(300)}`,
  ])("carries none: %j", (header) => {
    expect(bearerTokenOf(header)).toBeUndefined();
  });
});
