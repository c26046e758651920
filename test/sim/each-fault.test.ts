import { expect, it } from "vitest";
import { FAULTS, type FaultKind, faultKinds } from "../../sim/fault-table.ts";
import type { Plan } from "../../sim/plan.ts";
import { runSimulation } from "../../sim/run-simulation.ts";

/** Far above the table's: a few minutes are enough for each kind to strike. */
const RATES: Readonly<Record<(typeof FAULTS)[FaultKind]["of"], number>> = {
  ...{ call: 0.05, message: 0.3, batch: 0.3, event: 0.3, report: 0.5, result: 0.5 },
  ...{ minute: 0.5, "host-minute": 0.5, "guest-minute": 0.5, guest: 1 },
};
/** A copy that is right behind its message comes in one batch with it, but for small batches. */
const BESIDE: Partial<Record<FaultKind, Plan["rates"]>> = {
  "message-doubled": { "batch-resized": 0.5 },
};
const SIZES = { hosts: 2, vms: 3, minutes: 6, askedEverySeconds: 10 };

async function run(rates: Plan["rates"]) {
  const plan: Plan = { seed: 1, ...SIZES, selfFence: true, errands: true, rates, spared: [] };
  const { history, ...outcome } = await runSimulation(plan, { history: "kept" });
  return { ...outcome, turns: history.filter((line) => line.includes("turn of")) };
}

const calm = await run({});

it.each(faultKinds())("%s strikes, and turns are others for it", async (kind) => {
  const beside = BESIDE[kind];
  const without = beside === undefined ? calm : await run(beside);
  const { struck, turns, violation } = await run({ ...beside, [kind]: RATES[FAULTS[kind].of] });
  expect(violation).toBeUndefined();
  expect(struck.filter((name) => name.startsWith(`${kind}#`))).not.toEqual([]);
  expect(turns).not.toEqual(without.turns);
});
