/** What an operator should look at. */
import * as z from "zod/mini";
import { AccountId, HostId, Instant, VmId } from "./ids.ts";

export const IncidentKind = z.enum([
  "out_of_band_power_on",
  "out_of_band_power_off",
  "out_of_band_migration",
  "split_brain",
  "orphan",
  "zombie",
  "mass_absence",
  "host_down",
  "unconfirmed_stop",
  "poison_message",
  "stalled_job",
]);
export type IncidentKind = z.infer<typeof IncidentKind>;

/** Deterministic, so that opening it twice is opening it once: `<kind>.<what it is about>`. */
export const IncidentId = z
  .string()
  .check(z.regex(/^[A-Za-z0-9._:-]{1,200}$/, "an incident id"))
  .brand<"IncidentId">();
export type IncidentId = z.infer<typeof IncidentId>;

export const IncidentRecord = z.strictObject({
  id: IncidentId,
  kind: IncidentKind,
  /** The owner of the VM it is about; absent for what only admins see. */
  account: z.optional(AccountId),
  vmId: z.optional(VmId),
  hostId: z.optional(HostId),
  openedAt: Instant,
  resolvedAt: z.optional(Instant),
  detail: z.string().check(z.maxLength(1024)),
});
export type IncidentRecord = z.infer<typeof IncidentRecord>;

/** `Incident` of the contract. */
export const Incident = z.strictObject({
  id: IncidentId,
  kind: IncidentKind,
  vmId: z.optional(VmId),
  hostId: z.optional(HostId),
  openedAt: z.iso.datetime(),
  resolvedAt: z.optional(z.iso.datetime()),
  detail: z.string(),
});
export type Incident = z.infer<typeof Incident>;
