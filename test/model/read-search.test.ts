import { describe, expect, it } from "vitest";
import { readSearch } from "./read-search.ts";

const SIZE = `State-vector 92 byte, depth reached 2078, errors: ERRORS
  7224223 states, stored
  448.532	total actual memory usage
`;
const whole = SIZE.replace("ERRORS", "0");
const violated = `pan:1: assertion violated (x==1) (at depth 31)\npan: wrote turns.pml.trail\n${SIZE.replace("ERRORS", "1")}`;

describe("what a search of the model's states is taken for", () => {
  it("is exhausted when it ended without an error", () => {
    expect(readSearch(whole)).toEqual({
      kind: "exhausted",
      states: 7_224_223,
      depth: 2078,
      memoryMiB: 448.532,
    });
  });

  it("is violated, by the assertion that failed", () => {
    expect(readSearch(violated)).toMatchObject({
      kind: "violated",
      says: "assertion violated (x==1)",
    });
  });

  it.each([
    `error: max search depth too small\n${whole}`,
    `pan: reached -DMEMLIM bound\n${whole}`,
    "pan: out of memory",
    "",
  ])("is unfinished, never exhausted, when it was cut short or says nothing: %j", (output) => {
    expect(readSearch(output).kind).toBe("unfinished");
  });
});
