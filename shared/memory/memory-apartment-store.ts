import type { ApartmentStore } from "../app/ports.ts";
import { type AnyApartmentRecord, isOfVm } from "../model/apartment-record.ts";
import type { ApartmentId } from "../model/ids.ts";
import type { JobRecord } from "../model/job.ts";
import { vmMatches } from "../model/list-filters.ts";
import { vmAtHost } from "../model/vm-at-host.ts";
import { listMemory } from "./memory-list.ts";
import { domainKey, type MemoryStoreDeps } from "./memory-tables.ts";

export function memoryApartmentStore({ tables, clock }: MemoryStoreDeps): ApartmentStore {
  const { apartments, hostApartments, jobs, domains } = tables;
  const read = (id: ApartmentId): AnyApartmentRecord | undefined =>
    apartments.get(id) ?? hostApartments.get(id);
  return {
    read: async (id) => apartments.get(id),
    createHost: async (record) => {
      if (hostApartments.get(record.id) !== undefined) return "exists";
      hostApartments.put(record.id, record);
      return "created";
    },
    load: async (id, jobIds) => ({
      record: read(id),
      jobs: [...new Set(jobIds)]
        .map((jobId) => jobs.get(jobId))
        .filter((job) => job !== undefined)
        .filter((job) => unexpired(job, clock.now())),
    }),
    commit: async (next) => {
      // A2
      if (read(next.id)?.version !== next.version - 1) return "conflict";
      if (isOfVm(next)) apartments.put(next.id, next);
      else hostApartments.put(next.id, next);
      return "committed";
    },
    list: async (filter, page) =>
      listMemory(
        apartments.all().filter((record) => vmMatches(record, filter)),
        ({ id, createdAt }) => ({ id, at: createdAt }),
        page,
      ),
    atHost: async (hostId) =>
      apartments
        .all()
        .map(vmAtHost)
        .flatMap((each) => (each?.lastAt === hostId ? [each.row] : [])),
    due: async ({ before, limit }) =>
      [...apartments.all(), ...hostApartments.all()]
        .flatMap(({ id, wakeAt }) =>
          wakeAt !== undefined && wakeAt <= before ? [{ id, wakeAt }] : [],
        )
        .toSorted((one, other) => one.wakeAt - other.wakeAt)
        .slice(0, limit),
    forgetDomainXml: async (id, version) => {
      domains.remove(domainKey(id, version));
    },
    readDomainXml: async (id, version) => domains.get(domainKey(id, version))?.xml,
  };
}

/** A record past its time is gone on reading. */
export function unexpired({ expiresAt }: JobRecord, now: number): boolean {
  return expiresAt === undefined || expiresAt > now;
}
