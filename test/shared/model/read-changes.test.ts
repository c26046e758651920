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
  either: z.optional(
    z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("part"), part: Part }),
      z.strictObject({ kind: z.literal("none") }),
    ]),
  ),
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

test("what JSON makes of a value is what is kept", () => {
  const given = { at: new Date(0), zero: -0, none: undefined, list: [undefined, 1] };
  const inner = { note: "x", given };
  expect(read({ ...FIRST, inner }, undefined).inner).toEqual({
    note: "x",
    given: { at: "1970-01-01T00:00:00.000Z", zero: 0, list: [null, 1] },
  });
});

test("what the schema makes of a value is what is kept", () => {
  const lenient = readChangesBy<{ n: number; more?: string }>(z.object({ n: z.int() }));
  expect(lenient({ n: 1, more: "x" }, undefined)).toEqual({ n: 1 });
});

test("nothing that is kept is the caller's own", () => {
  const own = () => ({ ...FIRST, either: { kind: "part" as const, part: { n: 1 } } });
  const given = structuredClone(own());
  const kept = read(given, undefined);
  given.either.part.n = 2;
  given.parts.push({ n: 9 });
  expect(kept).toEqual(own());
  for (const part of [kept, kept.byName, kept.either, kept.inner?.given])
    expect(Object.isFrozen(part)).toBe(true);
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
    "a variant that is not known": { ...stored, either: { kind: "other" } },
    "a variant with another's field": { ...stored, either: { kind: "none", part: { n: 1 } } },
    "a field of a name that no field can have": JSON.parse(
      '{"id":"a","parts":[],"byName":{},"__proto__":1}',
    ),
    "another shape": { ...stored, parts: { 0: stored.parts[0] } },
  };
  for (const [name, value] of Object.entries(cases))
    test(name, () => {
      for (const before of [stored, undefined])
        expect(() => readChangesBy<unknown>(Whole)(value, before)).toThrow();
    });
});
