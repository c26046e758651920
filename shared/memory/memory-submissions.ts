import type { Accepted, Submission, Submissions } from "../app/ports.ts";
import type { IdempotencyRow } from "../model/rows.ts";
import { domainKey, idempotencyKey, type MemoryStoreDeps } from "./memory-tables.ts";

/** All or nothing: everything is looked at before anything is written, and nothing else runs in between. */
export function memorySubmissions({ tables }: Pick<MemoryStoreDeps, "tables">): Submissions {
  const recalled = (query: Parameters<Submissions["recall"]>[0]): Accepted | undefined => {
    const row = tables.idempotency.get(idempotencyKey(query));
    return row === undefined || row.expiresAtMs <= query.now
      ? undefined
      : answerOf(row, query.requestHash);
  };
  return {
    recall: async (query) => recalled(query),
    settle: async (query) => {
      const key = idempotencyKey(query);
      const row = tables.idempotency.get(key);
      if (row?.requestHash === query.requestHash)
        tables.idempotency.put(key, { ...row, done: true });
    },
    accept: async (submission) => {
      const { job, vm, seed, idempotency, now } = submission;
      if (job === undefined && vm === undefined && idempotency === undefined)
        throw new Error("a submission without anything to accept");
      const domain = domainOf(vm);
      const before = idempotency && recalled({ ...idempotency, now });
      if (before !== undefined) return before;
      if (vm !== undefined && tables.apartments.get(vm.record.id) !== undefined)
        return { status: "vm_exists" };
      if (job !== undefined && tables.jobs.get(job.id) !== undefined) {
        // A job alone is named by an id that is never made twice: found there, it is this very one.
        if (vm === undefined && idempotency === undefined) return { status: "accepted" };
        throw new Error(`job ${job.id}: exists already, and not by this key`);
      }
      if (idempotency !== undefined)
        tables.idempotency.put(idempotencyKey(idempotency), {
          requestHash: idempotency.requestHash,
          jobId: job?.id,
          vmId: vm?.record.id,
          seed,
          expiresAtMs: idempotency.expiresAt,
        });
      if (job !== undefined) tables.jobs.put(job.id, job);
      if (vm !== undefined) tables.apartments.put(vm.record.id, vm.record);
      if (domain !== undefined) tables.domains.put(domain.key, { xml: domain.xml });
      return { status: "accepted" };
    },
  };
}

function answerOf(row: IdempotencyRow, requestHash: string): Accepted {
  if (row.requestHash !== requestHash) return { status: "idempotency_conflict" };
  const { jobId, vmId, seed, done } = row;
  return { status: "replayed", jobId, vmId, seed, done };
}

function domainOf(vm: Submission["vm"]) {
  if (vm?.domainXml === undefined) return undefined;
  const { id, vm: subject } = vm.record;
  if (subject.domainXmlVersion === undefined)
    throw new Error(`VM ${id}: domain XML without a version`);
  return { key: domainKey(id, subject.domainXmlVersion), xml: vm.domainXml };
}
