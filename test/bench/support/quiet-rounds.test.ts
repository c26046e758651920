import { describe, expect, it } from "vitest";
import { quietRounds } from "../../../bench/support/quiet-rounds.ts";

const measured = (disturbances: readonly number[]) => {
  const left = disturbances.entries();
  let count = 0;
  return {
    count: () => count,
    measure: async () => {
      count += 1;
      const [round, othersPercent] = left.next().value ?? [-1, 100];
      return { round, othersPercent };
    },
  };
};

describe("rounds on a machine that others use", () => {
  it("measures no more than wanted where nobody disturbs", async () => {
    const { measure, count } = measured([0, 1, 0]);
    expect(await quietRounds(3, measure)).toHaveLength(3);
    expect(count()).toBe(3);
  });

  it("measures again what was disturbed, and leaves it out", async () => {
    const { measure } = measured([60, 0, 40, 1]);
    expect((await quietRounds(2, measure)).map(({ round }) => round)).toEqual([1, 3]);
  });

  it("ends on a machine that is always busy, with the least disturbed", async () => {
    const { measure, count } = measured([50, 20, 90, 30, 80, 70, 10]);
    const rounds = await quietRounds(2, measure);
    expect(rounds.map(({ othersPercent }) => othersPercent)).toEqual([20, 30]);
    expect(count()).toBe(6);
  });
});
