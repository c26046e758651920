import { readdirSync, readFileSync } from "node:fs";
import JSON5 from "json5";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { compilePattern, matches } from "../../../shared/memory/event-pattern.ts";
import { PatternError } from "../../../shared/memory/event-tests.ts";

const folder = new URL("../../recordings/event-patterns/", import.meta.url);
const Recorded = z.object({ Event: z.unknown(), EventPattern: z.unknown() });

const read = (file: string): unknown => JSON5.parse(readFileSync(new URL(file, folder), "utf8"));
const cases = readdirSync(folder).filter((file) => file.endsWith(".json5"));

/** One case is kept as two JSON files, since its pattern repeats a key. */
const TWO_FILES = ["complex_multi_key_event.json", "complex_multi_key_event_pattern.json"] as const;

describe("event patterns as AWS answered them", () => {
  it("covers every recorded file", () => {
    expect(cases.length + TWO_FILES.length).toBe(157);
  });

  it.each(cases.filter((file) => file.includes("_EXC")))("refuses %s", (file) => {
    const { EventPattern } = z.parse(Recorded, read(file));
    expect(() => compilePattern(EventPattern)).toThrow(PatternError);
  });

  it.each(cases.filter((file) => !file.includes("_EXC")))("answers %s", (file) => {
    const { Event, EventPattern } = z.parse(Recorded, read(file));
    expect(matches(compilePattern(EventPattern), Event)).toBe(!file.includes("_NEG"));
  });

  it("takes the last of two equal keys in a pattern", () => {
    const [event, pattern] = TWO_FILES;
    expect(matches(compilePattern(read(pattern)), read(event))).toBe(true);
  });
});

describe("event patterns beyond the recordings", () => {
  const pattern = compilePattern({ detail: { disks: { name: ["a"], size: [1] } } });

  it("P3: holds two fields below a list to the same element", () => {
    expect(matches(pattern, { detail: { disks: [{ name: "a", size: 1 }] } })).toBe(true);
    expect(
      matches(pattern, {
        detail: {
          disks: [
            { name: "a", size: 2 },
            { name: "b", size: 1 },
          ],
        },
      }),
    ).toBe(false);
  });

  it("matches a wildcard only where each part has room of its own", () => {
    const wild = compilePattern({ name: [{ wildcard: "ab*ba" }] });
    expect(matches(wild, { name: "aba" })).toBe(false);
    expect(matches(wild, { name: "abba" })).toBe(true);
  });

  it("takes an escaped star for a star", () => {
    const star = compilePattern({ name: [{ wildcard: "a\\*" }] });
    expect(matches(star, { name: "a*" })).toBe(true);
    expect(matches(star, { name: "ab" })).toBe(false);
  });

  it("refuses a pattern whose alternatives would multiply beyond the limit", () => {
    const or = Array.from({ length: 40 }, (_, index) => ({ x: [index] }));
    expect(() => compilePattern({ a: { $or: or }, b: { $or: or } })).toThrow("too complex");
  });
});
