/** A host as it is recorded and as the HTTP API shows it to admins. */
import * as z from "zod/mini";
import { BootId, Count, HostId, Instant, VmId } from "./ids.ts";
import { ReportedPower } from "./power.ts";
import { Labels } from "./vm.ts";

export const HostState = z.enum([
  "Registered",
  "Up",
  "Disconnected",
  "Down",
  "Fenced",
  "Maintenance",
]);
export type HostState = z.infer<typeof HostState>;

export const Capacity = z.strictObject({ cpus: Count, memoryMiB: Count });
export type Capacity = z.infer<typeof Capacity>;

/**
 * What of a host is known to be off. `all`: an operator or a fencing device vouches that the host is. `ha`: its lease was
 * revoked after it had run out, so its agent has powered off the VMs that it knows to be for HA.
 */
export const FenceScope = z.enum(["all", "ha"]);
export type FenceScope = z.infer<typeof FenceScope>;

/**
 * Registration and placement. Written by registration, join, session, reservations, and when silence or a fence begins or
 * ends. `reserved` is the sum of the host's reservations, kept by the same transaction that writes one.
 */
export const HostRecord = z.strictObject({
  id: HostId,
  /** `Registered` until the first session; Up, Disconnected and Down follow what is heard of it. */
  state: HostState,
  capacity: z.optional(Capacity),
  /** An operator gave the capacity: what the agent sees of its machine does not change it (over-commitment is theirs). */
  capacityRegistered: z.optional(z.literal(true)),
  reserved: Capacity,
  labels: Labels,
  maintenance: z.boolean(),
  /** The boot whose session is open; a copy of the heartbeat's, so that a command can be addressed by one read. */
  bootId: z.optional(BootId),
  bootOrdinal: Count,
  /** Hash (SHA-256, hex) of the join token that is valid until `joinTokenExpiresAt`; absent once used. */
  joinTokenHash: z.optional(z.string()),
  joinTokenExpiresAt: z.optional(Instant),
  /** Generation of the command queue; its name carries it, renewed at each join. */
  queueGeneration: Count,
  queueUrl: z.optional(z.string()),
  /** Where VMs are migrated to, as the agent of this boot gave it. */
  migrationUri: z.optional(z.string()),
  /**
   * From the fence until the host has come back: a session of its own, a queue of its own, and a whole report worked off. The
   * ordinal is above all that the host had said before, and below all that it says after.
   */
  fence: z.optional(z.strictObject({ scope: FenceScope, bootOrdinal: Count, at: Instant })),
  /** What the apartments of its VMs are still to be told. */
  untold: z.optional(z.enum(["lost", "fenced"])),
  createdAt: Instant,
});
export type HostRecord = z.infer<typeof HostRecord>;

/**
 * The hot, small item of a host: who may speak for it, its current boot, how far it was heard. Made by the join,
 * written by the session and by each report in one conditional update.
 */
export const Heartbeat = z.strictObject({
  hostId: HostId,
  publicKey: z.string(),
  bootId: z.optional(BootId),
  /** 0 before the first session. */
  bootOrdinal: Count,
  /** The highest report of this boot; -1 before the first. */
  seq: z.int(),
  lastReportAt: z.optional(Instant),
  leaseUntil: z.optional(Instant),
  agentVersion: z.optional(z.string()),
  vmCount: Count,
  /** The registration says Disconnected or Down; whoever hears the host next sets that right. */
  silent: z.optional(z.boolean()),
  /** The host is fenced and has not come back yet: no report of it is quiet. */
  fenced: z.optional(z.boolean()),
  /** The agent powers its HA VMs off when the lease runs out that its last report renewed. */
  selfFence: z.optional(z.boolean()),
  /** Since when its reports have not been complete, and why, in the agent's words: the host is heard, its hypervisor is not. */
  blind: z.optional(z.strictObject({ since: Instant, reason: z.optional(z.string()) })),
  /** The last report that `reconcile-host` worked off, the digest of what it said, and when the host was last compared whole. */
  applied: z.optional(
    z.strictObject({ bootOrdinal: Count, seq: z.int(), digest: z.string(), at: Instant }),
  ),
  /**
   * By digest: what reports of this boot said that is not known to be worked off, each with the last report that said it
   * and when that came. Written by the report itself, forgotten by whoever worked it off; absent is empty.
   */
  heard: z.optional(z.record(z.string(), z.strictObject({ seq: z.int(), at: Instant }))),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

/** One entry of `heard`. */
export type HeardMark = { readonly digest: string; readonly seq: number };

/** Entries of `heard`; every report writes the item that they are in. More stand together under one name. */
export const HEARD_MAX = 32;
/** The name under which they stand: no report's digest. */
export const HEARD_CROWD = "crowd";

/** What `reconcile-host` last passed on of each VM, with the order of the report that it came from. */
export const Inventory = z.strictObject({
  hostId: HostId,
  bootOrdinal: Count,
  seq: z.int(),
  /** Whether that report listed everything. */
  complete: z.boolean(),
  /** Many VMs vanished from one report, and not all that should be there are back. */
  massAbsence: z.optional(z.literal(true)),
  vms: z.record(
    VmId,
    z.strictObject({
      power: ReportedPower,
      detail: z.optional(z.string()),
      epoch: z.optional(Count),
      /** Complete reports in a row, of the same boot, that did not list the VM; it counts as missing at the grace. */
      absences: z.optional(Count),
    }),
  ),
});
export type Inventory = z.infer<typeof Inventory>;

/** A host as placement and sending see it: enough to choose it and to address a command to it. */
export const HostFact = z.strictObject({
  hostId: HostId,
  state: HostState,
  free: z.optional(Capacity),
  labels: Labels,
  bootId: z.optional(BootId),
  bootOrdinal: Count,
  queueUrl: z.optional(z.string()),
  /** Absent: nothing migrates there. */
  migrationUri: z.optional(z.string()),
  /** It is fenced, and has not come back. */
  fence: z.optional(FenceScope),
});
export type HostFact = z.infer<typeof HostFact>;

/** `Host` of the contract. */
export const Host = z.strictObject({
  id: HostId,
  state: HostState,
  capacity: z.optional(Capacity),
  reserved: Capacity,
  labels: Labels,
  lastReportAt: z.optional(z.iso.datetime()),
  leaseUntil: z.optional(z.iso.datetime()),
  bootOrdinal: z.optional(Count),
  agentVersion: z.optional(z.string()),
  /** Since when the agent cannot list its hypervisor, and why: what is said of its VMs is older than that. */
  blindSince: z.optional(z.iso.datetime()),
  blindReason: z.optional(z.string()),
  vmCount: Count,
  orphanCount: Count,
  createdAt: z.iso.datetime(),
});
export type Host = z.infer<typeof Host>;
