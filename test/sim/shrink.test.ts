import { describe, expect, it } from "vitest";
import type { Invariant } from "../../sim/checks/violation.ts";
import type { Plan } from "../../sim/plan.ts";
import type { Outcome } from "../../sim/run-simulation.ts";
import { type Failed, shrink } from "../../sim/shrink.ts";

const STRIKES = ["worker-dies-after#3", "worker-dies-after#7", "call-slow#2", "outage#1"];
const LARGE: Plan = {
  seed: 1,
  hosts: 4,
  vms: 8,
  minutes: 60,
  askedEverySeconds: 10,
  selfFence: false,
  rates: { "worker-dies-after": 0.1, "call-slow": 0.1, outage: 0.1, "host-dead": 0.1 },
  spared: [],
};

/** Breaks as long as there are two VMs and one certain strike; something else breaks without the outage. */
function outcomeOf(plan: Plan): Outcome {
  const { rates, spared, vms } = plan;
  const struck = STRIKES.filter(
    (name) => Object.hasOwn(rates, name.slice(0, name.indexOf("#"))) && !spared.includes(name),
  );
  const needed = struck.includes("worker-dies-after#7") && vms >= 2;
  const invariant: Invariant = struck.includes("outage#1") || needed ? "A4" : "A8";
  const violation = needed ? { invariant, detail: "as planned" } : undefined;
  return { plan, violation, struck, history: [], turns: 1, endedAfterMs: 5 * 60_000 };
}

describe("shrinking a failing run", () => {
  it("leaves what the failure needs, and nothing else", async () => {
    const failed = outcomeOf(LARGE);
    const violation = { invariant: "A4", detail: "as planned" } as const;
    const small = await shrink(
      { ...failed, violation },
      async (plan) => outcomeOf(plan),
      () => {},
    );
    expect(small.plan).toMatchObject({ vms: 2, hosts: 1, minutes: 1 });
    expect(Object.keys(small.plan.rates)).toEqual(["worker-dies-after"]);
    expect(small.struck).toEqual(["worker-dies-after#7"]);
  });

  it("does not take one failure for another", async () => {
    const failed: Failed = {
      ...outcomeOf(LARGE),
      violation: { invariant: "A6", detail: "only with all of it" },
    };
    const small = await shrink(
      failed,
      async (plan) => outcomeOf(plan),
      () => {},
    );
    expect(small).toBe(failed);
  });
});
