import { describe, expect, it } from "vitest";
import { requestHash } from "../../../shared/http/request-hash.ts";

const hashOf = (body: unknown, over: { method?: string; path?: string } = {}) =>
  requestHash({ method: "POST", path: "/v1/vms", body, ...over });

describe("the hash of a request", () => {
  it("is the same whatever the order of the fields", () => {
    expect(hashOf({ a: 1, b: { c: [1, { d: 2, e: 3 }] } })).toBe(
      hashOf({ b: { c: [1, { e: 3, d: 2 }] }, a: 1 }),
    );
  });

  it("is the same for no body and an empty one", () => {
    expect(hashOf(undefined)).toBe(hashOf({}));
  });

  it("is another for another value, order of a list, method or path", () => {
    const hashes = [
      hashOf({ a: [1, 2] }),
      hashOf({ a: [2, 1] }),
      hashOf({ a: ["1", 2] }),
      hashOf({ a: [1, 2] }, { path: "/v1/hosts" }),
      hashOf({ a: [1, 2] }, { method: "PATCH" }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});
