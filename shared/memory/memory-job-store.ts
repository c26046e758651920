import type { JobStore } from "../app/ports.ts";
import { projected } from "../core/made-job.ts";
import { apartmentOf, hasEnded } from "../model/job.ts";
import { jobMatches } from "../model/list-filters.ts";
import { unexpired } from "./memory-apartment-store.ts";
import { listMemory } from "./memory-list.ts";
import type { MemoryStoreDeps } from "./memory-tables.ts";

export function memoryJobStore({ tables, clock }: MemoryStoreDeps): JobStore {
  const { jobs } = tables;
  const read = (id: string) => {
    const job = jobs.get(id);
    return job !== undefined && unexpired(job, clock.now()) ? job : undefined;
  };
  return {
    read: async (id) => read(id),
    create: async (job) => {
      if (jobs.get(job.id) !== undefined) return "exists";
      jobs.put(job.id, job);
      return "created";
    },
    project: async (effect) => {
      const job = read(effect.jobId);
      if (job === undefined) return { status: "missing" };
      // A7
      if (job.revision >= effect.revision || hasEnded(job.status)) return { status: "superseded" };
      jobs.put(job.id, projected(job, effect));
      return { status: "projected" };
    },
    requestCancel: async (id, reason) => {
      const job = read(id);
      if (job === undefined || hasEnded(job.status)) return job;
      const cancelReason = job.cancelReason ?? reason;
      jobs.put(id, { ...job, cancelRequested: true, cancelReason });
      return read(id);
    },
    list: async (filter, page) =>
      listMemory(
        jobs.all().filter((job) => unexpired(job, clock.now()) && jobMatches(job, filter)),
        ({ id, createdAt }) => ({ id, at: createdAt }),
        page,
      ),
    unsent: async ({ before, limit }) =>
      jobs
        .all()
        .filter((job) => job.revision === 0 && job.createdAt <= before)
        .toSorted((one, other) => one.createdAt - other.createdAt)
        .flatMap((job) => {
          const to = apartmentOf(job);
          return to === undefined ? [] : [{ jobId: job.id, to }];
        })
        .slice(0, limit),
  };
}
