/** What agents and the control plane say to each other over HTTP (contract, "Agent protocol"). */
import * as z from "zod/mini";
import { BootId, CommandId, Count, VmId } from "./ids.ts";
import { PowerDetail, ReportedPower } from "./power.ts";
import { DomainXml } from "./vm.ts";

/** The largest report (contract); bounds the ingest function's work and the bus entry that carries it. */
export const REPORT_VMS_MAX = 2000;
/** Results in one request (contract). */
export const RESULTS_MAX = 10;
/** A signature is fresh for five minutes either way (contract, "Authentication"). */
export const SIGNATURE_FRESH_SECONDS = 300;

const Now = z.iso.datetime();
const Capacity = z.strictObject({
  cpus: z.int().check(z.gte(1), z.lte(65_536)),
  memoryMiB: z.int().check(z.gte(1), z.lte(1024 * 1024 * 1024)),
});

export const JoinRequest = z.strictObject({
  joinToken: z.string().check(z.minLength(16), z.maxLength(128)),
  /** The raw 32 bytes of the Ed25519 public key, base64. */
  publicKey: z.string().check(z.regex(/^[A-Za-z0-9+/]{43}=$/, "32 bytes in base64")),
});
export type JoinRequest = z.infer<typeof JoinRequest>;

export const JoinAnswer = z.object({ now: Now });

export const SessionRequest = z.strictObject({
  agentVersion: z.string().check(z.minLength(1), z.maxLength(64)),
  bootId: BootId,
  /** Where other hosts' agents migrate VMs to; the control plane hands it on as it is. Absent: nothing migrates to this host. */
  migrationUri: z.optional(z.string().check(z.minLength(1), z.maxLength(512))),
});
export type SessionRequest = z.infer<typeof SessionRequest>;

/** Answers are read leniently (`z.object`): a newer server may add fields. */
export const SessionAnswer = z.object({
  bootOrdinal: Count,
  commandQueueUrl: z.url(),
  region: z.string(),
  endpoint: z.optional(z.url()),
  credentials: z.object({
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
    sessionToken: z.optional(z.string()),
    expiresAt: Now,
  }),
  reportIntervalSeconds: z.number(),
  leaseSeconds: z.number(),
  selfFence: z.boolean(),
  now: Now,
});
export type SessionAnswer = z.infer<typeof SessionAnswer>;

export const ReportedVm = z.strictObject({
  vmId: VmId,
  power: ReportedPower,
  detail: z.optional(PowerDetail),
  name: z.optional(z.string().check(z.maxLength(64))),
  epoch: z.optional(Count),
});
export type ReportedVm = z.infer<typeof ReportedVm>;

export const Report = z.strictObject({
  bootId: BootId,
  seq: Count,
  kind: z.enum(["startup", "periodic", "event"]),
  /** `false`: the hypervisor could not be listed whole; absence then means nothing. */
  complete: z.boolean(),
  /** The agent's clock; shown to people, never compared. */
  observedAt: Now,
  capacity: z.optional(Capacity),
  /** Of a report that is not complete: why, in the agent's words; shown to people. */
  reason: z.optional(PowerDetail),
  /** The agent powers its HA VMs off when the lease runs out that this report renews. */
  selfFence: z.optional(z.boolean()),
  vms: z.array(ReportedVm).check(
    z.maxLength(REPORT_VMS_MAX),
    z.refine((vms) => new Set(vms.map((vm) => vm.vmId)).size === vms.length, "the same VM twice"),
  ),
});
export type Report = z.infer<typeof Report>;

export const ReportAnswer = z.object({
  leaseUntil: Now,
  nextReportInSeconds: z.number(),
  now: Now,
});
export type ReportAnswer = z.infer<typeof ReportAnswer>;

/** What a VM is made of at its host: what its next start there would give it. */
export const VmDescription = z.strictObject({
  ...Capacity.shape,
  /** Absent when it is larger than the control plane keeps (`DomainXml`). */
  domainXml: z.optional(DomainXml),
});
export type VmDescription = z.infer<typeof VmDescription>;

export const CommandResult = z.strictObject({
  seq: Count,
  commandId: CommandId,
  vmId: VmId,
  epoch: Count,
  status: z.enum(["done", "failed", "stale"]),
  code: z.optional(z.string().check(z.maxLength(64))),
  detail: z.optional(z.string().check(z.maxLength(1024))),
  /** Read back after acting. */
  power: z.optional(ReportedPower),
  /** Of a `probe`: an earlier command for this VM runs or waits at the host. */
  busy: z.optional(z.boolean()),
  /** Of a `probe` that asked for it, where the host knows the VM. */
  description: z.optional(VmDescription),
});
export type CommandResult = z.infer<typeof CommandResult>;

export const Results = z.strictObject({
  bootId: BootId,
  results: z.array(CommandResult).check(z.minLength(1), z.maxLength(RESULTS_MAX)),
});
export type Results = z.infer<typeof Results>;

export const ResultsAnswer = z.object({ now: Now });
