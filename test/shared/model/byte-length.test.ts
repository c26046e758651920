import fc from "fast-check";
import { expect, it } from "vitest";
import { byteLength, jsonBytesMax } from "../../../shared/model/byte-length.ts";

it("counts the bytes of any text as UTF-8 has them", () => {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  expect(["", "a", "aü", "€", "x😀", "\ud83d", "a\udc00"].map(byteLength)).toEqual([
    ...[0, 1, 3, 3, 5, 3, 4],
  ]);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => byteLength(text) === bytes(text)));
});

it("knows a bound of the bytes that any JSON has", () => {
  const bytes = (value: unknown) => byteLength(JSON.stringify(value));
  for (const value of ["\u0000\ud83d", -1.7976931348623157e308, [[]], { "\u0001": [false] }])
    expect(jsonBytesMax(value)).toBeGreaterThanOrEqual(bytes(value));
  const values = fc.jsonValue({ stringUnit: "binary" });
  fc.assert(fc.property(values, (value) => jsonBytesMax(value) >= bytes(value)));
});
