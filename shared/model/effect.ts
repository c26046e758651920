/**
 * Effects: what is to be done after a commit. They are stored in the record that was committed and sent from there, once
 * or more often (A4), so each is named by a deterministic id and doing it twice is doing it once.
 */
import * as z from "zod/mini";
import { ApartmentMessage } from "./apartment-message.ts";
import { CommandCall } from "./command.ts";
import { Capacity } from "./host.ts";
import { ApartmentId, BootId, CommandId, Count, HostId, Instant, JobId, VmId } from "./ids.ts";
import { IncidentId, IncidentRecord } from "./incident.ts";
import { Interest, Topic } from "./interest.ts";
import { JobError, JobProgress, JobRecord, JobStatus, JournalEntry } from "./job.ts";
import { Joiner } from "./join.ts";
import { TopicEvent } from "./topic.ts";
import { Labels } from "./vm.ts";

/** A command to a host. Sending adds the domain XML named by `domainXmlVersion` to a start's arguments. */
export const CommandEffect = z.strictObject({
  kind: z.literal("command"),
  commandId: CommandId,
  hostId: HostId,
  queueUrl: z.string(),
  bootId: BootId,
  vmId: VmId,
  jobId: JobId,
  epoch: Count,
  call: CommandCall,
  timeoutSeconds: Count,
  issuedAt: Instant,
  domainXmlVersion: z.optional(Count),
});
export type CommandEffect = z.infer<typeof CommandEffect>;

/** The projection of a job: holds only against a lower revision, so a late worker's older projection changes nothing (A7). */
export const JobEffect = z.strictObject({
  kind: z.literal("job"),
  jobId: JobId,
  revision: Count,
  status: JobStatus,
  attempts: Count,
  hostId: z.optional(HostId),
  progress: z.optional(JobProgress),
  /** Entries to append. */
  journal: z.array(JournalEntry),
  result: z.optional(z.unknown()),
  error: z.optional(JobError),
  startedAt: z.optional(Instant),
  finishedAt: z.optional(Instant),
  /** With a terminal status: when the record may be forgotten (`jobRetentionDays`). */
  expiresAt: z.optional(Instant),
});
export type JobEffect = z.infer<typeof JobEffect>;

/**
 * Holds room on a host under the job's id; the answer comes back to this apartment as a `reserved` message.
 * `revision` is the version of the record that says so: a worker that wakes late and sends it again, after a later effect
 * gave the room back, takes nothing.
 */
export const ReserveEffect = z.strictObject({
  kind: z.literal("reserve"),
  hostId: HostId,
  vmId: VmId,
  jobId: JobId,
  revision: Count,
  attempt: Count,
  need: Capacity,
  labels: Labels,
  /** The VM was found on there: it takes its room whether or not there is any, and whatever the host's state. */
  found: z.optional(z.literal(true)),
  /**
   * What the decision knew of the host: the reservation holds only if this boot is still the current one, and its answer
   * repeats it, so that the command can be addressed without another read.
   */
  boot: z.strictObject({ bootId: BootId, bootOrdinal: Count, queueUrl: z.string() }),
});
export type ReserveEffect = z.infer<typeof ReserveEffect>;

/**
 * Gives the room of a VM on a host back, whichever job took it; nothing held is nothing done, nor is room that was taken
 * at a later revision.
 */
export const ReleaseEffect = z.strictObject({
  kind: z.literal("release"),
  hostId: HostId,
  vmId: VmId,
  revision: Count,
});
export type ReleaseEffect = z.infer<typeof ReleaseEffect>;

/**
 * Records a job that the turn itself made, as it was when the turn was committed; put only if it is absent. One that no
 * apartment has admitted yet is submitted once it is recorded.
 */
export const NewJobEffect = z.strictObject({
  kind: z.literal("new-job"),
  job: JobRecord,
  /** Known before the job can end, as it is recorded with it. */
  joiner: z.optional(Joiner),
});
export type NewJobEffect = z.infer<typeof NewJobEffect>;

/** Has a job's end told to a joiner, or says at once that it has ended or is not to be waited for. */
export const JoinEffect = z.strictObject({ kind: z.literal("join"), jobId: JobId, joiner: Joiner });
export type JoinEffect = z.infer<typeof JoinEffect>;

export const Effect = z.discriminatedUnion("kind", [
  CommandEffect,
  JobEffect,
  NewJobEffect,
  JoinEffect,
  /** Calls off a job that this one started. */
  z.strictObject({ kind: z.literal("cancel-job"), jobId: JobId, to: ApartmentId }),
  ReserveEffect,
  ReleaseEffect,
  z.strictObject({ kind: z.literal("message"), to: ApartmentId, message: ApartmentMessage }),
  z.strictObject({ kind: z.literal("event"), event: TopicEvent }),
  /** Registers an interest; that it is registered comes back to the apartment as a `listening` message. */
  z.strictObject({ kind: z.literal("listen"), interest: Interest }),
  z.strictObject({
    kind: z.literal("unlisten"),
    interest: z.strictObject({ id: CommandId, topic: Topic }),
  }),
  z.strictObject({ kind: z.literal("open-incident"), incident: IncidentRecord }),
  /** The domain XML of a VM that is gone. */
  z.strictObject({ kind: z.literal("forget-domain"), vmId: VmId, version: Count }),
  z.strictObject({ kind: z.literal("resolve-incident"), incidentId: IncidentId, at: Instant }),
]);
export type Effect = z.infer<typeof Effect>;
