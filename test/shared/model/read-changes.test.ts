import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { readChangesBy } from "../../../shared/model/read-changes.ts";

const Part = z.strictObject({ n: z.int() });
const Whole = z.strictObject({
  id: z.string().check(z.minLength(1)),
  parts: z.array(Part),
  few: z.optional(z.array(z.int()).check(z.maxLength(2))),
  byName: z.record(z.string().check(z.maxLength(3)), Part),
  inner: z.optional(z.strictObject({ note: z.string(), given: z.unknown() })),
});
type Whole = z.infer<typeof Whole>;
const read = readChangesBy(Whole);

const FIRST: Whole = {
  id: "a",
  parts: [{ n: 1 }, { n: 2 }],
  byName: { one: { n: 1 } },
  inner: { note: "x", given: { deep: [1] } },
};
const stored = read(FIRST, undefined);

test("parts that are the stored ones stay these; what changed is a frozen copy", () => {
  const added = { n: 3 };
  const next = read({ ...stored, parts: [...stored.parts.slice(1), added] }, stored);
  expect(next).toEqual({ ...FIRST, parts: [{ n: 2 }, { n: 3 }] });
  expect(next.parts[0]).toBe(stored.parts[1]);
  expect(next.inner).toBe(stored.inner);
  added.n = 4;
  expect(next.parts[1]).toEqual({ n: 3 });
  for (const part of [next, next.parts, next.parts[1], next.byName])
    expect(Object.isFrozen(part)).toBe(true);
});

test("a part that is undefined is left out, as JSON leaves it", () => {
  expect(Object.keys(read({ ...stored, inner: undefined }, stored))).not.toContain("inner");
});

describe("what the schema refuses is refused over what is stored, too", () => {
  const cases: Readonly<Record<string, unknown>> = {
    "a part that is wrong": { ...stored, id: "" },
    "an element that is wrong": { ...stored, parts: [...stored.parts, { n: 0.5 }] },
    "too many elements": { ...stored, few: [1, 2, 3] },
    "a key that is wrong": { ...stored, byName: { ...stored.byName, long: { n: 1 } } },
    "a value that is wrong": { ...stored, byName: { one: { n: "1" } } },
    "a field that is not known": { ...stored, more: 1 },
    "a field that is not there": { id: "a", byName: stored.byName },
    "a field deep inside that is not there": { ...stored, inner: { note: "y" } },
    "what JSON makes null": { ...stored, parts: [undefined] },
    "another shape": { ...stored, parts: { 0: stored.parts[0] } },
  };
  for (const [name, value] of Object.entries(cases))
    test(name, () => {
      expect(() => readChangesBy<unknown>(Whole)(value, stored)).toThrow();
    });
});
