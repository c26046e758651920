/** A job's item: the record in `record`, its keys for the indexes and its TTL beside it. */
import { apartmentOf, JobRecord } from "../model/job.ts";
import { Joiner } from "../model/join.ts";
import { JoinersRow } from "../model/rows.ts";
import type { Row } from "./documents.ts";
import type { Dynamo } from "./dynamo-call.ts";
import { parseRecord, parseRow } from "./dynamo-row.ts";
import { indexShard } from "./index-shard.ts";

/** The item of a new job. Whoever projects it keeps `expiresAt` in step and removes `unsentShard`. */
export function jobItem(job: JobRecord, joiner?: Joiner): Row {
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
    ...(joiner === undefined ? {} : { joiners: new Set([joinerText(joiner)]) }),
    record: job,
  };
}

/** Beside the record, as a set of texts: added to by one update, whether there are others or not, and twice is once. */
export function joinerText({ apartmentId, jobId }: Joiner): string {
  return `${jobId} ${apartmentId}`;
}

export function joinersOf({ tables }: Pick<Dynamo, "tables">, row: Row): readonly Joiner[] {
  const { joiners } = parseRow(JoinersRow, row, { table: tables.jobs, key: String(row["id"]) });
  return [...(joiners ?? [])].map((text) => {
    const [jobId, apartmentId] = text.split(" ");
    return Joiner.parse({ jobId, apartmentId });
  });
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
