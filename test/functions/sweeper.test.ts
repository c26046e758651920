import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { sweeper } from "../../functions/sweeper.ts";
import { aRecord, T0 } from "../support/a-record.ts";
import { vmIdOf } from "../support/joined-host.ts";
import { aWorld } from "../support/memory-world.ts";

describe("the sweeper's function", () => {
  it("wakes what is due within its minute, and ends before the next", async () => {
    const world = aWorld();
    const dueAts = [T0 - 1, T0 + 40_000, T0 + 300_000];
    for (const [index, wakeAt] of dueAts.entries()) {
      const record = aRecord({ id: vmIdOf(index), wakeAt });
      await world.deps.submissions.accept({ vm: { record }, now: T0 });
    }
    await sweeper(world.deps)();
    expect(world.clock.at - T0).toBeGreaterThan(50_000);
    expect(world.clock.at - T0).toBeLessThan(60_000);
    expect(new Set(world.taken().map(({ to }) => to))).toEqual(new Set([vmIdOf(0), vmIdOf(1)]));
  });
});
