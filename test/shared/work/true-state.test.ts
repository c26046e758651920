import { describe, expect, it } from "vitest";
import { Power } from "../../../shared/model/power.ts";
import { foundPower } from "../../../shared/work/true-state.ts";

/** Absence and silence are never off: only a host that is asked says that. */
const FOUND = {
  on: "on",
  paused: "paused",
  off: "off",
  crashed: "off",
  unknown: undefined,
  missing: undefined,
} as const satisfies Record<Power, ReturnType<typeof foundPower>>;

describe("a power that a host told", () => {
  it.each(Object.entries(FOUND))("A6 %s is found as %s", (power, found) => {
    expect(foundPower(Power.parse(power))).toBe(found);
  });

  it("is not found where nobody told one", () => {
    expect(foundPower(undefined)).toBeUndefined();
  });
});
