/** A job: as it is recorded, and as the HTTP API shows it. */
import * as z from "zod/mini";
import {
  AccountId,
  type ApartmentId,
  Count,
  HostId,
  hostApartmentId,
  Instant,
  JobId,
  VmId,
} from "./ids.ts";

/** Journal entries a job keeps; a job that writes more says so in its last one (bounds the job's item). */
export const JOURNAL_ENTRIES_MAX = 200;

export const JobStatus = z.enum([
  "queued",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "cancelled",
]);
export type JobStatus = z.infer<typeof JobStatus>;

/** The job errors of the contract. */
export const JobErrorCode = z.enum([
  "vm_state_conflict",
  "vm_unsettled",
  "no_capacity",
  "host_refused",
  "host_unreachable",
  "timed_out",
  "unconfirmed_stop",
  "cancelled",
  "expired",
  "poison_message",
  "unknown_work",
  "invalid_payload",
  "join_failed",
  "join_cycle",
  "apartment_full",
]);
export type JobErrorCode = z.infer<typeof JobErrorCode>;

export const JobError = z.strictObject({ code: JobErrorCode, detail: z.string() });
export type JobError = z.infer<typeof JobError>;

export const JobProgress = z.strictObject({
  step: z.string(),
  percent: z.optional(z.number().check(z.gte(0), z.lte(100))),
});
export type JobProgress = z.infer<typeof JobProgress>;

/** Why a job is called off, in the words of whoever does; bounded, as it travels in messages and records. */
export const CancelReason = z.string().check(z.minLength(1), z.maxLength(200));

export const JournalEntry = z.strictObject({
  at: Instant,
  step: z.string(),
  note: z.string().check(z.maxLength(512)),
});
export type JournalEntry = z.infer<typeof JournalEntry>;

/** A job's type: `vm.start`, …. Any name parses; whether this deployment knows it is the registry's to say. */
export const WorkName = z
  .string()
  .check(z.regex(/^[a-z]+\.[a-z][a-z-]{0,39}$/, "a work type's name"));

/**
 * The job's item. A projection of its apartment: `revision` is the version of the apartment's record that it was last
 * projected from, 0 while no apartment has admitted it (A3).
 */
export const JobRecord = z.strictObject({
  id: JobId,
  type: WorkName,
  workVersion: Count,
  account: AccountId,
  vmId: z.optional(VmId),
  hostId: z.optional(HostId),
  parentId: z.optional(JobId),
  status: JobStatus,
  revision: Count,
  progress: z.optional(JobProgress),
  input: z.unknown(),
  result: z.optional(z.unknown()),
  error: z.optional(JobError),
  /** Set by whoever calls it off, and no revision (A3). */
  cancelRequested: z.boolean(),
  cancelReason: z.optional(CancelReason),
  attempts: Count,
  createdAt: Instant,
  startedAt: z.optional(Instant),
  finishedAt: z.optional(Instant),
  /** When it may be forgotten; read as gone from then on, whenever TTL comes by. */
  expiresAt: z.optional(Instant),
  journal: z.array(JournalEntry),
});
export type JobRecord = z.infer<typeof JobRecord>;

/** Whose job it is: its VM's, or its host's where it is about no VM. */
export function apartmentOf({
  vmId,
  hostId,
}: Pick<JobRecord, "vmId" | "hostId">): ApartmentId | undefined {
  return vmId ?? (hostId === undefined ? undefined : hostApartmentId(hostId));
}

/** `Job` of the contract. */
export const Job = z.strictObject({
  id: JobId,
  type: z.string(),
  account: AccountId,
  vmId: z.optional(VmId),
  hostId: z.optional(HostId),
  parentId: z.optional(JobId),
  status: JobStatus,
  progress: z.optional(JobProgress),
  input: z.unknown(),
  result: z.optional(z.unknown()),
  error: z.optional(JobError),
  cancelRequested: z.boolean(),
  cancelReason: z.optional(CancelReason),
  attempts: Count,
  createdAt: z.iso.datetime(),
  startedAt: z.optional(z.iso.datetime()),
  finishedAt: z.optional(z.iso.datetime()),
  journal: z.optional(
    z.array(z.strictObject({ at: z.iso.datetime(), step: z.string(), note: z.string() })),
  ),
});
export type Job = z.infer<typeof Job>;

const ENDED: ReadonlySet<JobStatus> = new Set(["succeeded", "failed", "cancelled"]);

/** A job that has ended never changes again (A7). */
export function hasEnded(status: JobStatus): boolean {
  return ENDED.has(status);
}
