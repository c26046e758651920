import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describePlan, Plan, planOf } from "../../sim/plan.ts";
import { runSimulation } from "../../sim/run-simulation.ts";

/**
 * What the simulation found, as the shrunk plans that it printed. Each cause has a test of its own where it was; these show
 * that the meeting of all parts stays well.
 */
const FOUND: Readonly<Record<string, Plan>> = {
  "A9 a verb whose host was vouched off asks and sends by turns for ever (host-loss.test.ts)": {
    ...{ seed: 1, hosts: 2, vms: 1, minutes: 6, askedEverySeconds: 3, selfFence: true },
    ...{ rates: { "host-dead": 0.0025 }, spared: [] },
  },
  "two_copies a migration reached a host that had no power (simulated.test.ts, S3)": {
    ...{ seed: 795356734, hosts: 3, vms: 2, minutes: 15, askedEverySeconds: 3, selfFence: true },
    ...{ rates: { "host-dead": 0.015 }, spared: [] },
  },
  "A4 a late batch stored effects that nobody sent again (decide.test.ts)": planOf(8001519, {
    minutes: 15,
  }),
  "room of a migration's target, which says that it has the VM, was given back (vm-migrate.test.ts)":
    planOf(5500092, { minutes: 15 }),
  "evidence a start went on elsewhere though its host said that it has the VM (vm-start.test.ts)":
    planOf(6001583, { minutes: 15 }),
  "A3 a host's loss was told again when it had long been heard (host-news.test.ts)": planOf(
    796902855,
    { minutes: 15 },
  ),
  "A3 that a join is refused was told again hours later (join-jobs.test.ts)": planOf(796910517, {
    minutes: 15,
  }),
  "evidence a migration looked for another target though the VM was paused by then (vm-migrate.test.ts)":
    kept("migrated-though-paused.json"),
  "A6 what takes back that a VM is for HA may have arrived without an answer (host-news.test.ts)":
    kept("two-copies-after-a-revoked-lease.json"),
};

describe("what the simulation found", () => {
  it.each(Object.entries(FOUND))("does not come again: %s", async (_, plan) => {
    const { violation } = await runSimulation(Plan.parse(plan), { history: "not_kept" });
    expect(violation, describePlan(plan)).toBeUndefined();
  });
});

/** As it was printed, too long for a line. */
function kept(name: string): Plan {
  return Plan.parse(JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")));
}
