/** Calling off, from outside: what was called off before a worker so much as began is not begun by it. */
import { begunJobs } from "../../shared/core/nested.ts";
import type { AnyApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { Worker } from "../worker.ts";
import type { Broken } from "./violation.ts";

export interface Cancels {
  readonly committed: (
    worker: Pick<Worker, "startedAt">,
    before: AnyApartmentRecord,
    next: AnyApartmentRecord,
  ) => void;
  readonly carriedOut: (name: string) => void;
}

const CANCEL = "cancel ";

export function cancels(now: () => number, broken: Broken): Cancels {
  /** When each job's record said first that it is called off. */
  const since = new Map<string, number>();
  return {
    carriedOut: (name) => {
      const jobId = name.slice(CANCEL.length);
      if (name.startsWith(CANCEL) && !since.has(jobId)) since.set(jobId, now());
    },
    committed: ({ startedAt }, before, next) => {
      const known = new Set(begunJobs(before).map(({ jobId }) => jobId));
      for (const { jobId } of begunJobs(next)) {
        const calledOffAt = since.get(jobId);
        if (!known.has(jobId) && calledOffAt !== undefined && calledOffAt < startedAt)
          broken("A3", `${jobId} begins, and its record said before that it is called off`);
      }
    },
  };
}
