/**
 * The apartment's record: one item for each VM, and the only place where the state of a VM is decided; and one for each host
 * that has had a job of its own. The loop is the same for both.
 *
 * Written by turns alone (A5), each raising `version` by one (A2).
 */
import * as z from "zod/mini";
import { Effect } from "./effect.ts";
import {
  AccountId,
  CommandId,
  Count,
  HostApartmentId,
  HostId,
  Instant,
  JobId,
  LogicalId,
  VmId,
} from "./ids.ts";
import { IncidentId, IncidentKind } from "./incident.ts";
import { JobProgress, WorkName } from "./job.ts";
import { JoinedJob } from "./join.ts";
import { Listening, TOPICS_MAX } from "./listening.ts";
import { Observation } from "./power.ts";
import { DomainChanges, SNAPSHOTS_MAX, Snapshot, VmName, VmSpec, VmState } from "./vm.ts";

/** Every commit pays by KiB (design.md, "The apartment"). What a record is made of is bounded below this; one above it is a bug. */
export const RECORD_BYTES_MAX = 64 * 1024;
/** The record's own limit of waiting jobs; the API's `apartmentQueueMax` is below it and soft. */
export const QUEUED_JOBS_MAX = 256;
/** HA restarts of one VM within an hour; beyond it stays Stopped, with its incident open. */
export const HA_RESTARTS_MAX = 5;
/** Logical ids kept: three batches of ten. Ids long gone are caught by the job record, the order, or the command id (A3). */
export const APPLIED_IDS_MAX = 32;

/** What the active job waits for; a wake-up of another kind is not its own. */
export const WaitFor = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("result"),
    commandId: CommandId,
    hostId: HostId,
    verb: z.string(),
    epoch: Count,
    /** What the command tells the host's agent of the VM: whether it is one to power off when the lease runs out. */
    ha: z.optional(z.boolean()),
  }),
  z.strictObject({ kind: z.literal("reserved"), hostId: HostId, attempt: Count }),
  z.strictObject({ kind: z.literal("timer") }),
  /** Its own commit: the next turn goes on, and follows at once. */
  z.strictObject({ kind: z.literal("checkpoint") }),
  /** The ends of all, or of any, of the jobs joined. */
  z.strictObject({ kind: z.literal("jobs"), until: z.enum(["all", "any"]) }),
  /** That an interest is registered. */
  z.strictObject({ kind: z.literal("listening"), id: CommandId }),
  /** An event of a topic that the job listens to. */
  z.strictObject({ kind: z.literal("topic"), prefixes: z.array(z.string()) }),
]);
export type WaitFor = z.infer<typeof WaitFor>;

export const ActiveJob = z.strictObject({
  jobId: JobId,
  type: WorkName,
  workVersion: Count,
  account: AccountId,
  input: z.unknown(),
  memo: z.unknown(),
  status: z.enum(["running", "waiting"]),
  step: z.string(),
  stepSince: Instant,
  startedAt: Instant,
  attempts: Count,
  waitFor: WaitFor,
  /** The last command that this job sent to each host: what an observation must have seen to count for the job. */
  sent: z.record(HostId, z.strictObject({ epoch: Count, bootOrdinal: Count })),
  /** The last command that it sent beside probes, if its host said that it is done when nobody waited for it any more. */
  doneLate: z.optional(CommandId),
  /** The host on which it asked for room last; it holds none but there and on the VM's own host. */
  roomAt: z.optional(HostId),
  /** Absent: none. */
  joined: z.optional(z.array(JoinedJob)),
  /** Nothing waits for ever (A8). */
  deadlineAt: Instant,
  /** When it last took a step or was told something; `jobExpireHours` counts from here. Absent: since its step began. */
  heardAt: z.optional(Instant),
  /** It is called off since then: it begins nothing more, and ends as soon as what is true is known. */
  cancelAskedAt: z.optional(Instant),
  /** What it listens to. */
  topics: z.optional(z.array(Listening).check(z.maxLength(TOPICS_MAX))),
  progress: z.optional(JobProgress),
  journalled: Count,
});
export type ActiveJob = z.infer<typeof ActiveJob>;

/** A command sent whose effect on its host is not known to have ended (A6). */
export const UnsettledCommand = z.strictObject({
  commandId: CommandId,
  hostId: HostId,
  epoch: Count,
  jobId: JobId,
  verb: z.string(),
  /** The boot that it was sent to; absent of a migration's target, to which nothing is sent. */
  bootOrdinal: z.optional(Count),
  /** It told the agent that the VM is one to power off when its lease runs out; without a lease it does nothing. */
  ha: z.optional(z.literal(true)),
  /** This is the target's part of a migration, which its source does: what the target says of it counts when the source's is settled. */
  sourceHostId: z.optional(HostId),
});
export type UnsettledCommand = z.infer<typeof UnsettledCommand>;

/** An incident that this record keeps open. `hostId` where it is about one host. */
export const OpenIncident = z.strictObject({
  id: IncidentId,
  kind: IncidentKind,
  hostId: z.optional(HostId),
});
export type OpenIncident = z.infer<typeof OpenIncident>;

/** A job that the system asks for itself: it begins before all that are queued, as soon as none is active. */
export const SystemJobRequest = z.strictObject({ type: WorkName, input: z.unknown() });
export type SystemJobRequest = z.infer<typeof SystemJobRequest>;

/** What the record holds of the VM itself. */
export const VmSubject = z.strictObject({
  account: AccountId,
  name: VmName,
  spec: VmSpec,
  /** Version of the domain XML item; absent: the agent renders one. */
  domainXmlVersion: z.optional(Count),
  haEnabled: z.boolean(),
  /**
   * The boot of an agent that knows, by a command that it answered, that it is to power this VM off when its lease runs out.
   * Absent: nobody knows it.
   */
  haAt: z.optional(
    z.strictObject({
      hostId: HostId,
      bootOrdinal: Count,
      /** Something sent since takes it back, and nobody knows whether that has arrived. */
      doubted: z.optional(z.literal(true)),
    }),
  ),
  state: VmState,
  /** What it was before nobody could say what it is; only while it is `Unknown`. */
  lastState: z.optional(VmState),
  hostId: z.optional(HostId),
  lastHostId: z.optional(HostId),
  /** What its owner's domain XML does not say; only with one. */
  domainChanges: z.optional(DomainChanges),
  /** HA restarts of late; what keeps failing is not restarted for ever. */
  restartedAts: z.optional(z.array(Instant).check(z.maxLength(HA_RESTARTS_MAX))),
  /** In the order in which they were taken; absent: none. */
  snapshots: z.optional(z.array(Snapshot).check(z.maxLength(SNAPSHOTS_MAX))),
});
export type VmSubject = z.infer<typeof VmSubject>;

/** What an apartment is whoever's it is: its job stream and what a turn keeps. */
const stream = {
  v: z.literal(1),
  version: Count,
  /** The fencing token: grows with each job that begins and each command that is sent (ADR 3). */
  epoch: Count,
  active: z.optional(ActiveJob),
  /** Jobs that have stepped back for one that they started in this very apartment, the outermost first (A1). Absent: none. */
  outer: z.optional(z.array(ActiveJob)),
  /** At most one: a system job looks at what is true when it begins, so a later request takes the place of one that waits. */
  systemJob: z.optional(SystemJobRequest),
  queued: z.array(
    z.strictObject({
      jobId: JobId,
      type: WorkName,
      /** Begins inside the job that started it, when that waits for jobs. */
      within: z.optional(JobId),
    }),
  ),
  openIncidents: z.array(OpenIncident),
  paused: z.boolean(),
  /** When something in this record is due; absent when nothing is. */
  wakeAt: z.optional(Instant),
  applied: z.array(LogicalId),
  /** The effects of the last commit. */
  effects: z.array(Effect),
  /** The highest SQS sequence number of the batch that stored `effects`; absent where none proves anything (A4). */
  effectsSequence: z.optional(z.string()),
  /** The highest SQS sequence number of any batch that was committed here; a batch that is not above it proves nothing (A4). */
  highestSequence: z.optional(z.string()),
  createdAt: Instant,
  updatedAt: Instant,
} as const;

/** A VM's. */
export const ApartmentRecord = z.strictObject({
  ...stream,
  id: VmId,
  vm: VmSubject,
  observations: z.record(HostId, Observation),
  /** Record and hosts disagree, and verifying has not settled it: when it is tried again, and how often it was. */
  recheck: z.optional(z.strictObject({ at: Instant, tries: Count })),
  unsettled: z.array(UnsettledCommand),
  /** The VM was expunged; nobody sees it any more, and what comes for it changes nothing (ADR 16). */
  gone: z.optional(z.strictObject({ at: Instant, keptUntil: Instant })),
});
export type ApartmentRecord = z.infer<typeof ApartmentRecord>;

/** A host's: nothing but its job stream. What is recorded of the host itself is in its registration (`host.ts`). */
export const HostApartmentRecord = z.strictObject({
  ...stream,
  id: HostApartmentId,
  hostId: HostId,
});
export type HostApartmentRecord = z.infer<typeof HostApartmentRecord>;

export const AnyApartmentRecord = z.union([ApartmentRecord, HostApartmentRecord]);
export type AnyApartmentRecord = z.infer<typeof AnyApartmentRecord>;

export function isOfVm(record: AnyApartmentRecord): record is ApartmentRecord {
  return "vm" in record;
}

/** Whether its VM was expunged: to whoever asks, there is no such VM. */
export function isGone({ gone }: Pick<ApartmentRecord, "gone">): boolean {
  return gone !== undefined;
}

/** `Apartment` of the contract: who holds it, since when, for what it waits, who is next. */
export const Apartment = z.strictObject({
  vmId: VmId,
  version: Count,
  epoch: Count,
  paused: z.boolean(),
  active: z.optional(
    z.strictObject({
      jobId: JobId,
      type: z.string(),
      step: z.string(),
      since: z.iso.datetime(),
      startedAt: z.iso.datetime(),
      waitsFor: WaitFor,
      joined: z.optional(z.array(JoinedJob)),
      deadline: z.iso.datetime(),
    }),
  ),
  /** What has stepped back for it, the outermost first. */
  outer: z.optional(z.array(z.strictObject({ jobId: JobId, type: z.string(), step: z.string() }))),
  queued: z.array(z.strictObject({ jobId: JobId, type: z.string() })),
  unsettled: z.array(UnsettledCommand),
  wakeAt: z.optional(z.iso.datetime()),
});
export type Apartment = z.infer<typeof Apartment>;
