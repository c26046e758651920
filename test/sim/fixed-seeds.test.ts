import { describe, expect, it } from "vitest";
import { describePlan, planOf } from "../../sim/plan.ts";
import { runSimulation } from "../../sim/run-simulation.ts";

/** A few seconds in all; the gate runs more and larger ones (`npm run sim -- --ci`). */
const SEEDS = [101, 102, 103, 104, 105, 106, 107, 108];
const SIZES = { hosts: 2, vms: 3, minutes: 15 };

describe("the simulation, under faults", () => {
  it.each(SEEDS)("keeps A1 to A9 and ends at rest and true: seed %i", async (seed) => {
    const plan = planOf(seed, SIZES);
    const { violation, turns, struck } = await runSimulation(plan, { history: "not_kept" });
    expect(violation, describePlan(plan)).toBeUndefined();
    expect(turns).toBeGreaterThan(20);
    expect(struck.length).toBeGreaterThan(0);
  });
});
