/**
 * Items of the tables that are no record of their own: what an index answers, the idempotency item, a reservation, a
 * domain's XML. Items that hold a record have it in `record`; the attributes beside it are there for keys and indexes only.
 */
import * as z from "zod/mini";
import { CommandResult } from "./agent-protocol.ts";
import { Capacity, HostState } from "./host.ts";
import { ApartmentId, BootId, Count, HostId, Instant, JobId, VmId } from "./ids.ts";
import { Interest } from "./interest.ts";
import { TopicEvent } from "./topic.ts";
import { Labels } from "./vm.ts";

export const DueRow = z.object({ id: ApartmentId, wakeAt: Instant });
export const UnsentRow = z.object({
  id: JobId,
  apartmentId: ApartmentId,
  createdAt: Instant,
});

/** Who is to be told of a job's end. */
export const JoinersRow = z.object({ joiners: z.optional(z.set(z.string())) });

/** What a listing index answers where the order is a time: `createdAt` or `openedAt`. */
export const CreatedRow = z.object({ id: z.string(), createdAt: Instant });
export const OpenedRow = z.object({ id: z.string(), openedAt: Instant });
export const HostKeyRow = z.object({ hostId: HostId });

/** What a key made, and for which request. `expiresAt` (epoch seconds) is for TTL; readers go by `expiresAtMs`. */
export const IdempotencyRow = z.object({
  requestHash: z.string(),
  jobId: z.optional(JobId),
  vmId: z.optional(VmId),
  seed: z.optional(z.string()),
  /** What makes no record in the same transaction has been done. */
  done: z.optional(z.literal(true)),
  expiresAtMs: Instant,
});
export type IdempotencyRow = z.infer<typeof IdempotencyRow>;

/** Held, or given back: then it stays for a day, so that an older reserve that is sent again takes nothing. */
export const ReservationRow = z.discriminatedUnion("held", [
  z.object({ held: z.literal(true), need: Capacity, jobId: JobId, revision: Count }),
  z.object({ held: z.literal(false), revision: Count }),
]);
export type ReservationRow = z.infer<typeof ReservationRow>;

export const DomainRow = z.object({ xml: z.string() });

/** What the index `placeable` answers. */
export const PlaceableRow = z.object({
  id: HostId,
  state: HostState,
  capacity: z.optional(Capacity),
  reserved: Capacity,
  labels: Labels,
  maintenance: z.boolean(),
  bootId: z.optional(BootId),
  bootOrdinal: Count,
  queueUrl: z.optional(z.string()),
  migrationUri: z.optional(z.string()),
});

/** Of a host that was forgotten. */
export const PastHostRow = z.object({ bootOrdinal: Count });

/** What a host answered when it was asked to describe a VM that no record knows. */
export const DescribedRow = z.object({ result: CommandResult, bootOrdinal: Count, at: Instant });
export type DescribedRow = z.infer<typeof DescribedRow>;

/** A host's inventory: its order, and the VMs as gzipped JSON (2,000 VMs in plain attributes can pass an item's 400 KB). */
export const InventoryRow = z.object({
  bootOrdinal: Count,
  seq: z.int(),
  complete: z.boolean(),
  massAbsence: z.optional(z.literal(true)),
  packed: z.instanceof(Uint8Array),
});

/** An event, in the table of its log. */
export const EventRow = z.object({ record: TopicEvent, expiresAtMs: Instant });
/** What one write put into a stream: ids of events, oldest first. `at`: when, by the writer's clock, never before the last. */
export const EventPageRow = z.object({ page: Count, at: Instant, ids: z.array(z.string()) });
/** The number and time of a shard's last page, and how many interests are registered. */
export const EventHeadRow = z.object({
  last: z._default(Count, 0),
  at: z._default(Instant, 0),
  listeners: z._default(z.int(), 0),
});

/** Registered, or removed: then it stays for a day, so that an older registration that comes late changes nothing. */
export const InterestRow = z.discriminatedUnion("held", [
  z.object({ held: z.literal(true), record: Interest }),
  z.object({ held: z.literal(false) }),
]);
/** How many are registered under a prefix. */
export const InterestCountRow = z.object({ prefix: z.string(), live: z.int() });
