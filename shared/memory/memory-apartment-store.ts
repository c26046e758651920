import type { ApartmentStore } from "../app/ports.ts";
import type { JobRecord } from "../model/job.ts";
import { vmMatches } from "../model/list-filters.ts";
import { listMemory } from "./memory-list.ts";
import { domainKey, type MemoryStoreDeps } from "./memory-tables.ts";

export function memoryApartmentStore({ tables, clock }: MemoryStoreDeps): ApartmentStore {
  const { apartments, jobs, domains } = tables;
  return {
    read: async (id) => apartments.get(id),
    load: async (id, jobIds) => ({
      record: apartments.get(id),
      jobs: [...new Set(jobIds)]
        .map((jobId) => jobs.get(jobId))
        .filter((job) => job !== undefined)
        .filter((job) => unexpired(job, clock.now())),
    }),
    commit: async (next) => {
      // A2
      if (apartments.get(next.id)?.version !== next.version - 1) return "conflict";
      apartments.put(next.id, next);
      return "committed";
    },
    list: async (filter, page) =>
      listMemory(
        apartments.all().filter((record) => vmMatches(record, filter)),
        ({ id, createdAt }) => ({ id, at: createdAt }),
        page,
      ),
    due: async ({ before, limit }) =>
      apartments
        .all()
        .flatMap(({ id, wakeAt }) =>
          wakeAt !== undefined && wakeAt <= before ? [{ id, wakeAt }] : [],
        )
        .toSorted((one, other) => one.wakeAt - other.wakeAt)
        .slice(0, limit),
    readDomainXml: async (id, version) => domains.get(domainKey(id, version))?.xml,
  };
}

/** A record past its time is gone on reading. */
export function unexpired({ expiresAt }: JobRecord, now: number): boolean {
  return expiresAt === undefined || expiresAt > now;
}
