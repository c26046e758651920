import fc from "fast-check";
import { expect, it } from "vitest";
import { byteLength } from "../../../shared/model/byte-length.ts";

it("counts the bytes of any text as UTF-8 has them", () => {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  expect(["", "a", "aü", "€", "x😀", "\ud83d", "a\udc00"].map(byteLength)).toEqual([
    ...[0, 1, 3, 3, 5, 3, 4],
  ]);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => byteLength(text) === bytes(text)));
});
