import { describe, expect, it } from "vitest";
import { FAULTS, faultKinds } from "../../sim/fault-table.ts";
import { faultsOf } from "../../sim/faults.ts";
import { planOf } from "../../sim/plan.ts";

const OCCASIONS = 2_000;
const plan = { seed: 5, rates: { outage: 0.1, "call-slow": 0.1 }, spared: [] };

/** Which of so many occasions were struck. */
function strikesOf(faults: ReturnType<typeof faultsOf>, kind: "outage" | "call-slow"): number[] {
  return Array.from({ length: OCCASIONS }, (_, n) => n).filter(() => faults.strikes(kind));
}

describe("faults", () => {
  it("strike at about their rate", () => {
    const struck = strikesOf(faultsOf(plan), "outage").length;
    expect(struck).toBeGreaterThan(0.07 * OCCASIONS);
    expect(struck).toBeLessThan(0.13 * OCCASIONS);
  });

  it("draw the same when another kind is left out", () => {
    const alone = faultsOf({ ...plan, rates: { outage: 0.1 } });
    const both = faultsOf(plan);
    strikesOf(both, "call-slow");
    expect(strikesOf(both, "outage")).toEqual(strikesOf(alone, "outage"));
  });

  it("are told by name, and one that is left out by its name does not strike", () => {
    const faults = faultsOf(plan);
    const all = strikesOf(faults, "outage");
    const [first, ...others] = faults.struck();
    expect(others.length).toBe(all.length - 1);
    const spared = faultsOf({ ...plan, spared: [first ?? ""] });
    strikesOf(spared, "outage");
    expect(spared.struck()).toEqual(others);
  });

  it("stop for good", () => {
    const faults = faultsOf(plan);
    faults.stop();
    expect(strikesOf(faults, "outage")).toEqual([]);
  });

  it("are each planned by some seeds and left out by others, whatever else they plan", () => {
    const plans = Array.from({ length: 60 }, (_, seed) => planOf(seed, {}));
    for (const kind of faultKinds()) {
      const planning = plans.filter(({ rates }) => rates[kind] !== undefined);
      expect(planning.length, kind).toBeGreaterThan(10);
      expect(planning.length, kind).toBeLessThan(50);
      expect(FAULTS[kind].says).not.toBe("");
    }
  });
});
