import { describe, expect, it } from "vitest";
import { planOf } from "../../sim/plan.ts";
import { runSimulation } from "../../sim/run-simulation.ts";

const aPlan = (seed: number) => planOf(seed, { hosts: 2, vms: 3, minutes: 10 });

describe("the simulation", () => {
  it("makes the same history of the same seed, to the byte", async () => {
    const [one, other] = [
      await runSimulation(aPlan(1), { history: "kept" }),
      await runSimulation(aPlan(1), { history: "kept" }),
    ];
    expect(one.history.length).toBeGreaterThan(50);
    expect(one.history.join("\n")).toBe(other.history.join("\n"));
  });

  it("makes another history of another seed", async () => {
    const [one, other] = [
      await runSimulation(aPlan(1), { history: "kept" }),
      await runSimulation(aPlan(2), { history: "kept" }),
    ];
    expect(one.history.join("\n")).not.toBe(other.history.join("\n"));
  });
});
