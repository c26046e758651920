import { describe, expect, it } from "vitest";
import { FIXED_SEEDS, parseOptions } from "../../sim/options.ts";
import { planOf } from "../../sim/plan.ts";

const FRESH = 1_763_000_000;
const parse = (...args: string[]) => {
  const options = parseOptions(args, FRESH);
  if (options === "help") throw new Error("only help was asked for");
  return options;
};
const seedsOf = (plans: Iterable<{ readonly seed: number }>, count: number) => {
  const seeds: number[] = [];
  for (const { seed } of plans) {
    seeds.push(seed);
    if (seeds.length === count) break;
  }
  return seeds;
};

describe("the simulation's command line", () => {
  it("takes sizes as they are given, and the others from the seed", () => {
    const [plan] = parse("--seed", "7", "--hosts", "3", "--minutes", "120").plans;
    expect(plan).toEqual({ ...planOf(7, {}), hosts: 3, minutes: 120 });
  });

  it("takes a range of seeds", () => {
    expect(seedsOf(parse("--seeds", "3..5").plans, 9)).toEqual([3, 4, 5]);
  });

  it("runs fixed seeds and fresh ones by turns in CI, for four minutes", () => {
    const { plans, seconds } = parse("--ci");
    expect(seconds).toBe(240);
    const fixed = FIXED_SEEDS.last - FIXED_SEEDS.first + 1;
    const seeds = seedsOf(plans, 2 * fixed + 2);
    const fresh = FRESH % 1_000_000_000;
    expect(seeds.slice(0, 4)).toEqual([FIXED_SEEDS.first, fresh, FIXED_SEEDS.first + 1, fresh + 1]);
    expect(seeds.slice(-2)).toEqual([fresh + fixed, fresh + fixed + 1]);
  });

  it("takes a plan as it was printed", () => {
    const plan = planOf(9, { vms: 1 });
    expect([...parse("--plan", JSON.stringify(plan)).plans]).toEqual([plan]);
  });

  it.each([
    ["--seed", "x"],
    ["--seeds", "1-9"],
    ["--vms", "many"],
    ["--plan", "{}"],
    ["--speed", "1"],
  ])("refuses %s %s in one line", (...args) => {
    expect(() => parseOptions(args, FRESH)).toThrow(/^[^\n]+$/);
  });
});
