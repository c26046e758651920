import { expect, test } from "vitest";
import { chunk } from "../../../shared/aws/chunk.ts";

const limits = { entriesMax: 3, bytesMax: 10 };
const chunked = (sizes: readonly number[]) => chunk(sizes, limits, (size) => size);

test("keeps the order, and both limits", () => {
  expect(chunked([1, 1, 1, 1])).toEqual([[1, 1, 1], [1]]);
  expect(chunked([5, 5, 1, 9, 2])).toEqual([[5, 5], [1, 9], [2]]);
});

test("what is too large alone stays alone", () => {
  expect(chunked([1, 11, 1])).toEqual([[1], [11], [1]]);
});

test("nothing is no chunk", () => {
  expect(chunked([])).toEqual([]);
});
