/**
 * Branded identifiers. Only parsing makes one (`style.md` 10), so a string that came over a boundary cannot be used as
 * an id before its shape was looked at.
 */
import * as z from "zod/mini";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HOST_SLUG = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A VM's id; also its UUID at the hypervisor. Lower case. */
export const VmId = z.string().check(z.regex(UUID, "a lower-case UUID")).brand<"VmId">();
export type VmId = z.infer<typeof VmId>;

/** A job's id: a UUIDv7 where this system makes it, so that ids sort by time. */
export const JobId = z.string().check(z.regex(UUID, "a lower-case UUID")).brand<"JobId">();
export type JobId = z.infer<typeof JobId>;

/** A host's id: a slug chosen at registration. */
export const HostId = z
  .string()
  .check(z.regex(HOST_SLUG, "1 to 63 of a-z, 0-9 and -, not beginning or ending with -"))
  .brand<"HostId">();
export type HostId = z.infer<typeof HostId>;

/** A host's apartment: not the bare slug, as a host may be called like a VM's id. */
export const HostApartmentId = z
  .string()
  .check(z.regex(/^host:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "host: and a host's id"))
  .brand<"HostApartmentId">();
export type HostApartmentId = z.infer<typeof HostApartmentId>;

export function hostApartmentId(hostId: HostId): HostApartmentId {
  return HostApartmentId.parse(`host:${hostId}`);
}

/** Whose apartment it is: a VM's or a host's. The group of its messages. */
export const ApartmentId = z.union([VmId, HostApartmentId]);
export type ApartmentId = z.infer<typeof ApartmentId>;

/** The VM or host whose apartment it is. */
export function subjectOfApartment(
  id: ApartmentId,
): { readonly vmId: VmId } | { readonly hostId: HostId } {
  const vmId = VmId.safeParse(id);
  return vmId.success ? { vmId: vmId.data } : { hostId: HostId.parse(id.slice("host:".length)) };
}

/** The owner of VMs and jobs. */
export const AccountId = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "1 to 64 of letters, digits, . _ -"))
  .brand<"AccountId">();
export type AccountId = z.infer<typeof AccountId>;

/**
 * Names one sending decision: `<apartment id>.<record version>.<n>`. Unique because a version is committed once (A2), and the
 * same when the effect is sent again (A4).
 */
export const CommandId = z.string().check(z.minLength(1), z.maxLength(128)).brand<"CommandId">();
export type CommandId = z.infer<typeof CommandId>;

/** Names a message by what it says, never by its envelope: `submit:<jobId>`, `result:<hostId>:<commandId>`, … (A3). */
export const LogicalId = z.string().check(z.minLength(1), z.maxLength(200)).brand<"LogicalId">();
export type LogicalId = z.infer<typeof LogicalId>;

/** The message that tells an apartment of a recorded job. */
export function submitId(jobId: JobId): LogicalId {
  return LogicalId.parse(`submit:${jobId}`);
}

/** New at each start of an agent, chosen by the agent. */
export const BootId = z
  .string()
  .check(z.regex(/^[A-Za-z0-9._-]{8,64}$/, "8 to 64 of letters, digits, . _ -"))
  .brand<"BootId">();
export type BootId = z.infer<typeof BootId>;

/** Epoch milliseconds by this system's own clock. */
export const Instant = z.int().check(z.nonnegative());
export type Instant = z.infer<typeof Instant>;

/** A whole number from 0. */
export const Count = z.int().check(z.nonnegative());
