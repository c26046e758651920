import { describe, expect, it } from "vitest";
import {
  latency,
  median,
  percentile,
  rounded,
  spread,
  table,
} from "../../../bench/support/figures.ts";

const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);

describe("figures", () => {
  it("takes a percentile by nearest rank, whatever the order of the samples", () => {
    expect(percentile(hundred, 50)).toBe(50);
    expect(percentile(hundred, 99)).toBe(99);
    expect(percentile(hundred, 100)).toBe(100);
    expect(percentile([7], 1)).toBe(7);
  });

  it("takes the lower of the two in the middle as the median", () => {
    expect(median([4, 1, 3, 2])).toBe(2);
  });

  it("refuses to say anything of no samples", () => {
    expect(() => latency([])).toThrow("no samples");
  });

  it("rounds to what a measurement can say", () => {
    expect([rounded(1234.5), rounded(12.345), rounded(0.012345)]).toEqual([1235, 12.3, 0.0123]);
  });

  it("says how far rounds lie apart", () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, rounds: 3 });
  });

  it("aligns names left and figures right", () => {
    expect(
      table([
        ["name", "ms"],
        ["longer name", 1],
        ["n", 100],
      ]),
    ).toBe(["name          ms", "longer name    1", "n            100"].join("\n"));
  });
});
