/**
 * Joins, from outside: who joined a job is told of its end or that it may not wait, however soon it might look by itself; and
 * nobody is told of an end that is none.
 */
import { begunJobs } from "../../shared/core/nested.ts";
import type { AnyApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { Effect } from "../../shared/model/effect.ts";
import type { ApartmentId, JobId } from "../../shared/model/ids.ts";
import { apartmentOf } from "../../shared/model/job.ts";
import { endsOf } from "./job-effects.ts";
import type { Broken } from "./violation.ts";

export interface Joins {
  readonly committed: (before: AnyApartmentRecord, next: AnyApartmentRecord) => void;
  readonly carriedOut: (name: string) => void;
  /** A job that has ended, and one that joined it and was never told. */
  readonly untold: () => string | undefined;
}

type Joined = { readonly jobId: JobId; readonly to: ApartmentId; readonly parentId: JobId };

/** `hasEnded`: by its own record, or there is none (any more). */
export function joins(hasEnded: (jobId: JobId) => boolean, broken: Broken): Joins {
  const untold = new Map<string, Joined>();
  return {
    committed: (before, next) => {
      for (const effect of next.effects) {
        const joined = joinedBy(effect);
        if (joined !== undefined) untold.set(`${joined.parentId} ${joined.jobId}`, joined);
      }
      const ends = new Set(endsOf(next).map(({ jobId }) => jobId));
      for (const jobId of newlyEnded(before, next))
        if (!ends.has(jobId) && !hasEnded(jobId))
          broken("wake_up", `${next.id} takes ${jobId} for ended, and it goes on`);
    },
    carriedOut: (name) => {
      const [, to, parentId, jobId] = MESSAGE.exec(name) ?? [];
      const key = `${parentId} ${jobId}`;
      if (untold.get(key)?.to === to) untold.delete(key);
    },
    untold: () => {
      const [first] = [...untold.values()].filter(({ jobId }) => hasEnded(jobId));
      return first && `${first.parentId} joined ${first.jobId}, and was not told that it ended`;
    },
  };
}

const MESSAGE = /^message (\S+) (?:ended|join-refused):([^:]+):(.+)$/;

/** One that runs inside the very job that started it is told of by the record that they share. */
function joinedBy(effect: Effect): Joined | undefined {
  if (effect.kind === "join") {
    const { jobId, joiner } = effect;
    return { jobId, to: joiner.apartmentId, parentId: joiner.jobId };
  }
  if (effect.kind !== "new-job" || effect.joiner === undefined) return undefined;
  const { job, joiner } = effect;
  return apartmentOf(job) === joiner.apartmentId
    ? undefined
    : { jobId: job.id, to: joiner.apartmentId, parentId: joiner.jobId };
}

function newlyEnded(before: AnyApartmentRecord, next: AnyApartmentRecord): readonly JobId[] {
  const known = new Set(endedIn(before));
  return endedIn(next).filter((jobId) => !known.has(jobId));
}

function endedIn(record: AnyApartmentRecord): readonly JobId[] {
  return begunJobs(record).flatMap(({ joined = [] }) =>
    joined.flatMap(({ jobId, end }) => (end === "ended" ? [jobId] : [])),
  );
}
