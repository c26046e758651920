/**
 * Messages to an apartment, on its queue (group = apartment id) or given to an inline turn. Each carries its logical id,
 * which says what it tells and not how it travelled (A3).
 */
import * as z from "zod/mini";
import { FenceScope } from "./host.ts";
import { BootId, CommandId, Count, HostId, Instant, JobId, LogicalId } from "./ids.ts";
import { IncidentId } from "./incident.ts";
import { CancelReason } from "./job.ts";
import { HeardEvent } from "./listening.ts";
import { Power, PowerDetail, ReportedPower } from "./power.ts";
import { VmName } from "./vm.ts";

/** What happened; by kind. */
export const ApartmentMessageBody = z.discriminatedUnion("kind", [
  /** A job was recorded for this apartment. */
  z.strictObject({ kind: z.literal("submit"), jobId: JobId }),
  /** A job of this apartment is called off; its record says so too. */
  z.strictObject({
    kind: z.literal("cancel"),
    jobId: JobId,
    reason: z.optional(CancelReason),
  }),
  /** A job has ended, or there is none: a hint to those that joined it, who look at its record. */
  z.strictObject({ kind: z.literal("job-ended"), jobId: JobId }),
  /** Waiting for that job would be waiting for oneself, over others; or too many wait for it. */
  z.strictObject({ kind: z.literal("join-refused"), parentId: JobId, jobId: JobId }),
  /** A command's outcome, in the order of the host that says it. */
  z.strictObject({
    kind: z.literal("result"),
    hostId: HostId,
    bootOrdinal: Count,
    seq: Count,
    commandId: CommandId,
    epoch: Count,
    status: z.enum(["done", "failed", "stale"]),
    code: z.optional(z.string()),
    detail: z.optional(z.string()),
    power: z.optional(ReportedPower),
    busy: z.optional(z.boolean()),
    receivedAt: Instant,
  }),
  /** What a report said of this VM and had not said before. */
  z.strictObject({
    kind: z.literal("observed"),
    hostId: HostId,
    bootOrdinal: Count,
    seq: Count,
    power: Power,
    detail: z.optional(PowerDetail),
    epoch: z.optional(Count),
    receivedAt: Instant,
  }),
  /** A host that has, or may have, this VM is Down: nobody hears what it says. */
  z.strictObject({
    kind: z.literal("host-lost"),
    hostId: HostId,
    bootOrdinal: Count,
    /** The last report before its silence, by which silences are told apart; absent in messages of older deployments. */
    lastReportAt: z.optional(Instant),
  }),
  /** A host is fenced. `bootOrdinal` is the fence's own: above all that the host had said. */
  z.strictObject({
    kind: z.literal("host-fenced"),
    hostId: HostId,
    bootOrdinal: Count,
    scope: FenceScope,
    at: Instant,
  }),
  /** The answer to a reservation effect. `attempt` tells it from the answer to an earlier one. */
  z.strictObject({
    kind: z.literal("reserved"),
    jobId: JobId,
    attempt: Count,
    hostId: HostId,
    outcome: z.discriminatedUnion("status", [
      z.strictObject({
        status: z.literal("held"),
        bootId: BootId,
        bootOrdinal: Count,
        queueUrl: z.string(),
      }),
      z.strictObject({ status: z.literal("refused"), reason: z.string() }),
    ]),
  }),
  /** An interest of the active job is registered: whatever is told from now on comes. */
  z.strictObject({ kind: z.literal("listening"), id: CommandId }),
  /** An event that an interest is in. A hint: the record says what the job listens to. */
  z.strictObject({ kind: z.literal("topic"), id: CommandId, event: HeardEvent }),
  /** Something in the record is due; the sweeper saw `wakeAt` pass. */
  z.strictObject({ kind: z.literal("wake"), dueAt: Instant }),
  /** Inline (A5): PATCH of the VM. */
  z.strictObject({
    kind: z.literal("patch"),
    name: z.optional(VmName),
    haEnabled: z.optional(z.boolean()),
  }),
  /** Inline (A5): pause or resume the apartment. */
  z.strictObject({ kind: z.literal("pause"), paused: z.boolean() }),
  /** Inline (A5): a person closed an incident that this record keeps open. */
  z.strictObject({ kind: z.literal("incident-resolved"), incidentId: IncidentId }),
]);
export type ApartmentMessageBody = z.infer<typeof ApartmentMessageBody>;

/** One message as it is serialised. */
export const ApartmentMessage = z.strictObject({
  v: z.literal(1),
  logicalId: LogicalId,
  body: ApartmentMessageBody,
  /** Came back from the dead-letter queue; it is sent back only once. */
  returned: z.optional(z.literal(true)),
});
export type ApartmentMessage = z.infer<typeof ApartmentMessage>;

type BodyOf<K extends ApartmentMessageBody["kind"]> = Extract<ApartmentMessageBody, { kind: K }>;

/** The kinds by name, for handlers of one kind. */
export type CancelBody = BodyOf<"cancel">;
export type ResultBody = BodyOf<"result">;
export type ObservedBody = BodyOf<"observed">;
export type ListeningBody = BodyOf<"listening">;
export type ReservedBody = BodyOf<"reserved">;
export type HostLostBody = BodyOf<"host-lost">;
export type HostFencedBody = BodyOf<"host-fenced">;
