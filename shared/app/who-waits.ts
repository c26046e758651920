/**
 * Who waits for whom: a job for those that it joined, and one that has not begun for those that have its apartment.
 *
 * All of this is in the apartments' records. Whoever joins or starts a job looks after its own commit, so of those that close
 * a circle at one moment, the last to commit sees all of it.
 */
import { begunJobs } from "../core/nested.ts";
import type { AnyApartmentRecord } from "../model/apartment-record.ts";
import type { ApartmentId, JobId } from "../model/ids.ts";
import { apartmentOf, hasEnded, type JobRecord } from "../model/job.ts";
import type { Ports } from "./ports.ts";

/** Jobs looked at; a wider net of waits ends by its deadlines. */
const JOBS_MAX = 100;

type Stores = Pick<Ports, "jobs" | "apartments">;
/** `at`: its apartment, where it is known before its record is there. */
type Waiting = { readonly jobId: JobId; readonly at?: ApartmentId | undefined };

/** Whether a job waits for another, over any number of others. */
export async function waitsFor(stores: Stores, from: Waiting, sought: JobId): Promise<boolean> {
  const seen = new Set<JobId>();
  let edge: readonly Waiting[] = [from];
  while (edge.length > 0 && seen.size < JOBS_MAX) {
    if (edge.some(({ jobId }) => jobId === sought)) return true;
    for (const { jobId } of edge) seen.add(jobId);
    const found = await Promise.all(edge.map((each) => waited(stores, each)));
    edge = found.flat().filter(({ jobId }) => !seen.has(jobId));
  }
  return false;
}

async function waited({ jobs, apartments }: Stores, one: Waiting): Promise<readonly Waiting[]> {
  const job = await jobs.read(one.jobId);
  const at = job === undefined ? one.at : apartmentOf(job);
  if (at === undefined || (job !== undefined && hasEnded(job.status))) return [];
  const { record } = await apartments.load(at, []);
  return record === undefined ? [] : waitedIn(record, one.jobId, job);
}

function waitedIn(
  record: AnyApartmentRecord,
  jobId: JobId,
  job: JobRecord | undefined,
): readonly Waiting[] {
  const begun = begunJobs(record);
  const own = begun.find((each) => each.jobId === jobId);
  if (own !== undefined)
    return own.waitFor.kind === "jobs"
      ? (own.joined ?? [])
          .filter(({ end }) => end === undefined)
          .map((joined) => ({ jobId: joined.jobId, at: joined.startedIn }))
      : [];
  // One that is to run inside of another waits for nobody who waits for it.
  const inside = record.queued.find((each) => each.jobId === jobId)?.within !== undefined;
  const isQueued = job === undefined || job.status === "queued";
  return isQueued && !inside ? begun.map((each) => ({ jobId: each.jobId, at: record.id })) : [];
}
