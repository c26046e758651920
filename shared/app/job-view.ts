/** A job's record as the HTTP API shows it. */
import type { Job, JobRecord } from "../model/job.ts";
import { isoTime, isoTimeIf } from "./iso-time.ts";

/** `Job`; `journal` only where one job is asked for. */
export function jobView(job: JobRecord, part: "whole" | "without_journal"): Job {
  const { id, type, account, vmId, hostId, parentId, status, progress, input, result, error } = job;
  return {
    id,
    type,
    account,
    vmId,
    hostId,
    parentId,
    status,
    progress,
    input,
    result,
    error,
    cancelRequested: job.cancelRequested,
    cancelReason: job.cancelReason,
    attempts: job.attempts,
    createdAt: isoTime(job.createdAt),
    startedAt: isoTimeIf(job.startedAt),
    finishedAt: isoTimeIf(job.finishedAt),
    journal:
      part === "whole"
        ? job.journal.map((entry) => ({ ...entry, at: isoTime(entry.at) }))
        : undefined,
  };
}
