/** A VM as its owner describes it and as the HTTP API shows it. */
import * as z from "zod/mini";
import { byteLength } from "./byte-length.ts";
import { AccountId, Count, HostId, Instant, JobId, VmId } from "./ids.ts";
import { Power } from "./power.ts";

export const VmState = z.enum([
  "Stopped",
  "Starting",
  "Running",
  "Stopping",
  "Migrating",
  "Suspended",
  "Destroyed",
  "Expunging",
  "Error",
  "Unknown",
]);
export type VmState = z.infer<typeof VmState>;

/** Domain XML is kept as an item of its own; this bounds the item and the command that carries it. */
export const DOMAIN_XML_BYTES_MAX = 64 * 1024;

export const DomainXml = z.string().check(
  z.minLength(1),
  z.refine((xml) => byteLength(xml) <= DOMAIN_XML_BYTES_MAX, "at most 64 KiB"),
);

const Label = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/, "a label of 1 to 63"));
export const Labels = z.record(Label, z.string().check(z.maxLength(63)));
export type Labels = z.infer<typeof Labels>;

const Path = z.string().check(z.regex(/^\/[^\0\n]{1,1023}$/, "an absolute path"));
const Bridge = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/, "an interface name"));

export const Cpus = z.int().check(z.gte(1), z.lte(512));
export const MemoryMiB = z.int().check(z.gte(1), z.lte(16 * 1024 * 1024));
const Disk = z.strictObject({ source: Path, readOnly: z.optional(z.boolean()) });
const Network = z.strictObject({ bridge: Bridge });
/** Bound a spec, whether its devices came with the creation or were attached. */
export const DISKS_MAX = 16;
export const NETWORKS_MAX = 8;

/**
 * One device of a spec, as `attach` and `detach` take it. A disk is known by its source, an interface by its bridge: once
 * attached there is one, once detached there is none, however often it is said.
 */
export const Device = z.discriminatedUnion("kind", [
  z.extend(Disk, { kind: z.literal("disk") }),
  z.extend(Network, { kind: z.literal("network") }),
]);
export type Device = z.infer<typeof Device>;

/** What a VM needs; bounded so that an apartment's record stays small (design.md, "The apartment"). */
export const VmSpec = z.strictObject({
  cpus: Cpus,
  memoryMiB: MemoryMiB,
  disks: z.optional(z.array(Disk).check(z.maxLength(DISKS_MAX))),
  networks: z.optional(z.array(Network).check(z.maxLength(NETWORKS_MAX))),
  hostLabels: z.optional(
    Labels.check(z.refine((labels) => Object.keys(labels).length <= 16, "at most 16 labels")),
  ),
});
export type VmSpec = z.infer<typeof VmSpec>;

/**
 * What was scaled, attached and detached since an owner's own domain XML was given; applied on top of it at each start. A VM
 * without XML has none: its spec says it all.
 */
export const DomainChanges = z.strictObject({
  cpus: z.optional(Cpus),
  memoryMiB: z.optional(MemoryMiB),
  attached: z.array(Device).check(z.maxLength(DISKS_MAX + NETWORKS_MAX)),
  detached: z.array(Device).check(z.maxLength(DISKS_MAX + NETWORKS_MAX)),
});
export type DomainChanges = z.infer<typeof DomainChanges>;

/** Names a snapshot of one VM. */
export const SnapshotName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "1 to 63 letters, digits, . _ -"));

/** Bounds the record. */
export const SNAPSHOTS_MAX = 16;

/** A snapshot, kept by the host where it was taken. */
export const Snapshot = z.strictObject({ name: SnapshotName, hostId: HostId, takenAt: Instant });
export type Snapshot = z.infer<typeof Snapshot>;

/** The spec as it comes in and goes out: the domain XML is beside it inside, because it is large and immutable. */
export const VmSpecWithXml = z.extend(VmSpec, { domainXml: z.optional(DomainXml) });

export const VmName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$/, "1 to 63 letters, digits, spaces, . _ -"));

/** `Vm` of the contract. Times are ISO-8601 at this edge. */
export const Vm = z.strictObject({
  id: VmId,
  name: VmName,
  account: AccountId,
  spec: VmSpecWithXml,
  haEnabled: z.boolean(),
  state: VmState,
  hostId: z.optional(HostId),
  lastHostId: z.optional(HostId),
  version: Count,
  power: z.strictObject({
    state: Power,
    hostId: z.optional(HostId),
    observedAt: z.optional(z.iso.datetime()),
    detail: z.optional(z.string()),
  }),
  /** In the order in which they were taken. */
  snapshots: z.array(z.extend(Snapshot, { takenAt: z.iso.datetime() })),
  activeJobId: z.optional(JobId),
  queuedJobs: Count,
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type Vm = z.infer<typeof Vm>;
