/** A job's item: the record in `record`, its keys for the indexes and its TTL beside it. */
import { apartmentOf, JobRecord } from "../model/job.ts";
import type { Dynamo, Row } from "./dynamo-call.ts";
import { parseRecord } from "./dynamo-row.ts";
import { indexShard } from "./index-shard.ts";

/** The item of a new job. Whoever projects it keeps `expiresAt` in step and removes `unsentShard`. */
export function jobItem(job: JobRecord): Row {
  const apartmentId = apartmentOf(job);
  const unsent = job.revision === 0 && apartmentId !== undefined;
  return {
    id: job.id,
    kind: "job",
    account: job.account,
    createdAt: job.createdAt,
    ...(job.vmId === undefined ? {} : { vmId: job.vmId }),
    ...(unsent ? { unsentShard: indexShard(job.id), apartmentId } : {}),
    ...(job.expiresAt === undefined ? {} : { expiresAt: ttlSeconds(job.expiresAt) }),
    record: job,
  };
}

/** Jobs that are still there: TTL deletes late (up to days), so what has expired is gone on reading. */
export function unexpiredJobs(
  { tables, clock }: Pick<Dynamo, "tables" | "clock">,
  rows: readonly Row[],
): readonly JobRecord[] {
  const jobs = rows.map((row) =>
    parseRecord(JobRecord, row, { table: tables.jobs, key: String(row["id"]) }),
  );
  return jobs.filter((job) => job.expiresAt === undefined || job.expiresAt > clock.now());
}

/** TTL attributes are epoch seconds; never before the instant. */
export function ttlSeconds(expiresAtMs: number): number {
  return Math.ceil(expiresAtMs / 1000);
}
