import { expect, test } from "vitest";
import { ALL_INDEX_SHARDS, indexShard } from "../../../shared/aws/index-shard.ts";
import { jobIdOf } from "../../support/a-record.ts";

test("an id's shard never changes: stored items are found by it", () => {
  expect(["a", "b", "c", "d"].map(indexShard)).toEqual([2, 6, 3, 3]);
});

test("ids made one after the other spread over all shards", () => {
  const counts = new Map<number, number>();
  for (let n = 0; n < 8_000; n += 1) {
    const shard = indexShard(jobIdOf(n));
    counts.set(shard, (counts.get(shard) ?? 0) + 1);
  }
  expect([...counts.keys()].toSorted()).toEqual(ALL_INDEX_SHARDS);
  for (const count of counts.values()) expect(count).toBeGreaterThan(800);
});
