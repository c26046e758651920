import { expect, test } from "vitest";
import { powerOf } from "../../../agent/hypervisor/power-map.ts";
import { PowerDetail, type ReportedPower } from "../../../shared/model/power.ts";

type Row = readonly [
  state: number,
  reason: number,
  detail: string,
  power: ReportedPower,
  held: "held" | "gone",
];

/** Every state and reason of libvirt 9, as `virsh domstate --reason` words them. */
const ROWS: readonly Row[] = [
  [0, 0, "no state (0)", "unknown", "held"],
  [1, 0, "running (unknown)", "on", "held"],
  [1, 1, "running (booted)", "on", "held"],
  [1, 2, "running (migrated)", "on", "held"],
  [1, 3, "running (restored)", "on", "held"],
  [1, 4, "running (from snapshot)", "on", "held"],
  [1, 5, "running (unpaused)", "on", "held"],
  [1, 6, "running (migration canceled)", "on", "held"],
  [1, 7, "running (save canceled)", "on", "held"],
  [1, 8, "running (wakeup)", "on", "held"],
  [1, 9, "running (crashed)", "on", "held"],
  [1, 10, "running (post-copy)", "on", "held"],
  [1, 11, "running (post-copy failed)", "on", "held"],
  [2, 0, "blocked (unknown)", "on", "held"],
  [3, 0, "paused (unknown)", "paused", "held"],
  [3, 1, "paused (user)", "paused", "held"],
  [3, 2, "paused (migrating)", "unknown", "held"],
  [3, 3, "paused (saving)", "paused", "held"],
  [3, 4, "paused (dumping)", "paused", "held"],
  [3, 5, "paused (I/O error)", "paused", "held"],
  [3, 6, "paused (watchdog)", "paused", "held"],
  [3, 7, "paused (from snapshot)", "paused", "held"],
  [3, 8, "paused (shutting down)", "on", "held"],
  [3, 9, "paused (creating snapshot)", "paused", "held"],
  [3, 10, "paused (crashed)", "crashed", "held"],
  [3, 11, "paused (starting up)", "unknown", "held"],
  [3, 12, "paused (post-copy)", "unknown", "held"],
  [3, 13, "paused (post-copy failed)", "unknown", "held"],
  [4, 0, "in shutdown (unknown)", "on", "held"],
  [4, 1, "in shutdown (user)", "on", "held"],
  [5, 0, "shut off (unknown)", "off", "gone"],
  [5, 1, "shut off (shutdown)", "off", "gone"],
  [5, 2, "shut off (destroyed)", "off", "gone"],
  [5, 3, "shut off (crashed)", "crashed", "gone"],
  [5, 4, "shut off (migrated)", "off", "gone"],
  [5, 5, "shut off (saved)", "off", "gone"],
  [5, 6, "shut off (failed)", "off", "gone"],
  [5, 7, "shut off (from snapshot)", "off", "gone"],
  [5, 8, "shut off (daemon)", "off", "gone"],
  [6, 0, "crashed (unknown)", "crashed", "held"],
  [6, 1, "crashed (panicked)", "crashed", "held"],
  [7, 0, "pmsuspended (unknown)", "on", "held"],
];

test.each(ROWS)("state %i, reason %i: %s → %s, %s", (state, reason, detail, power, held) => {
  expect(powerOf({ state, reason })).toEqual({ power, detail, held: held === "held" });
});

test("a reason that is not known yet has its state's meaning", () => {
  expect(powerOf({ state: 1, reason: 99 })).toMatchObject({ power: "on", detail: "running (99)" });
  expect(powerOf({ state: 5, reason: 99 })).toMatchObject({ power: "off", held: false });
});

test("P1: a state that is not known is never off", () => {
  for (const state of [-1, 8, 1000])
    expect(powerOf({ state, reason: 0 })).toMatchObject({ power: "unknown", held: true });
});

test("every detail fits into a report", () => {
  for (let state = -1; state < 12; state += 1)
    for (let reason = -1; reason < 20; reason += 1)
      expect(PowerDetail.safeParse(powerOf({ state, reason }).detail).success).toBe(true);
});
