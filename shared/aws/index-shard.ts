import { createHash } from "node:crypto";
import { INDEX_SHARDS } from "../model/tables.ts";

/** The shard of an id in the time-ordered indexes: the same wherever and whenever it is asked. */
export function indexShard(id: string): number {
  return createHash("sha256").update(id).digest().readUInt32BE(0) % INDEX_SHARDS;
}

/** All shards, for queries that go over the whole index. */
export const ALL_INDEX_SHARDS: readonly number[] = Array.from(
  { length: INDEX_SHARDS },
  (_, n) => n,
);
