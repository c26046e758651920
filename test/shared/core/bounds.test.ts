import { describe, expect, it } from "vitest";
import {
  APPLIED_IDS_MAX,
  QUEUED_JOBS_MAX,
  RECORD_BYTES_MAX,
} from "../../../shared/model/apartment-record.ts";
import { byteLength } from "../../../shared/model/byte-length.ts";
import { aJob, aRecord } from "../../support/a-record.ts";
import { TurnWorld } from "../../support/turn-world.ts";

/** As `create-vm` bounds it. */
const SPEC_BYTES_MAX = 8 * 1024;

describe("the apartment's record", () => {
  it("stays under its limit with the largest VM and more jobs than may wait, begun by the dozen", async () => {
    const disks = Array.from({ length: 16 }, () => ({ source: `/${"d".repeat(480)}` }));
    const spec = { cpus: 512, memoryMiB: 16 * 1024 * 1024, disks };
    expect(byteLength(JSON.stringify(spec))).toBeGreaterThan(SPEC_BYTES_MAX - 300);
    const world = new TurnWorld(aRecord({ paused: true, vm: { spec } }));
    for (let n = 1; n <= QUEUED_JOBS_MAX + 10; n += 1)
      world.submit(aJob(n, n % 40 === 1 ? {} : { type: "vm.stop" }));
    await world.drain();
    expect(world.record.queued).toHaveLength(QUEUED_JOBS_MAX);
    world.inline({ kind: "pause", paused: false });
    await world.drain();
    const sizes = world.history.map((record) => byteLength(JSON.stringify(record)));
    expect(Math.max(...sizes)).toBeLessThan(RECORD_BYTES_MAX);
    expect(world.record.applied.length).toBeLessThanOrEqual(APPLIED_IDS_MAX);
    world.assertAtRest();
  });
});
