import type { JobStore } from "../app/ports.ts";
import { projected } from "../core/made-job.ts";
import { apartmentOf, hasEnded } from "../model/job.ts";
import { JOINERS_MAX } from "../model/join.ts";
import { jobMatches } from "../model/list-filters.ts";
import { unexpired } from "./memory-apartment-store.ts";
import { listMemory } from "./memory-list.ts";
import type { MemoryStoreDeps } from "./memory-tables.ts";

export function memoryJobStore({ tables, clock }: MemoryStoreDeps): JobStore {
  const { jobs, joiners } = tables;
  const read = (id: string) => {
    const job = jobs.get(id);
    return job !== undefined && unexpired(job, clock.now()) ? job : undefined;
  };
  return {
    read: async (id) => read(id),
    create: async (job, joiner) => {
      if (jobs.get(job.id) !== undefined) return "exists";
      jobs.put(job.id, job);
      if (joiner !== undefined) joiners.put(job.id, [joiner]);
      return "created";
    },
    project: async (effect) => {
      const job = read(effect.jobId);
      if (job === undefined) return { status: "missing" };
      // A7
      const held = job.revision < effect.revision && !hasEnded(job.status);
      if (held) jobs.put(job.id, projected(job, effect));
      const ended = hasEnded(effect.status) && (held || hasEnded(job.status));
      const told = ended ? joiners.get(job.id) : undefined;
      const answer = { status: held ? ("projected" as const) : ("superseded" as const) };
      return told === undefined ? answer : { ...answer, joiners: told };
    },
    addJoiner: async (id, joiner) => {
      const job = read(id);
      if (job === undefined) return "missing";
      if (hasEnded(job.status)) return "ended";
      const before = joiners.get(id) ?? [];
      if (before.some(({ jobId }) => jobId === joiner.jobId)) return "joined";
      if (before.length >= JOINERS_MAX) return "full";
      joiners.put(id, [...before, joiner]);
      return "joined";
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
