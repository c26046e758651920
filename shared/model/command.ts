/** Commands on a host's own queue, as the agent reads them (contract, "Agent protocol"). */
import * as z from "zod/mini";
import { BootId, CommandId, Count, HostId, JobId, VmId } from "./ids.ts";
import {
  Cpus,
  Device,
  DomainChanges,
  DomainXml,
  MemoryMiB,
  SnapshotName,
  VmName,
  VmSpec,
} from "./vm.ts";

/** `domainXml` wins; without it the agent renders a domain from `name` and `spec`. */
export const StartArgs = z.strictObject({
  name: VmName,
  spec: VmSpec,
  domainXml: z.optional(DomainXml),
  /** Only with `domainXml`: what to change of it. */
  changes: z.optional(DomainChanges),
  ha: z.boolean(),
});
export type StartArgs = z.infer<typeof StartArgs>;

export const ShutdownArgs = z.strictObject({ graceSeconds: z.int().check(z.gte(0), z.lte(3600)) });

/** `targetUri` is what the target's own agent gave as `migrationUri` at its session: the two agents' affair, opaque here. */
export const MigrateArgs = z.strictObject({ targetHostId: HostId, targetUri: z.string() });
export type MigrateArgs = z.infer<typeof MigrateArgs>;

export const DeviceArgs = z.strictObject({ device: Device });
export const ScaleArgs = z.strictObject({
  cpus: z.optional(Cpus),
  memoryMiB: z.optional(MemoryMiB),
});
export const ProbeArgs = z.strictObject({
  /** Also say what the VM is made of (`CommandResult.description`): for adoption. */
  describe: z.optional(z.boolean()),
  /**
   * From now on the VM is one that the host powers off when its lease runs out, or is not: for a migration's target, which
   * gets no `start`, and for a VM whose owner changed his mind while it runs.
   */
  ha: z.optional(z.boolean()),
});
const NewSnapshotArgs = z.strictObject({ name: SnapshotName });
const SnapshotArgs = z.strictObject({ snapshot: SnapshotName });
const NoArgs = z.strictObject({});

/**
 * A verb with its arguments. What a verb is to bring about may be so already, by an earlier command that nobody heard the
 * end of: then it is `done` (`reboot` and `reset` excepted, which are done again). `done` says that the agent looked after
 * acting and found it so.
 *
 *  - `probe` answers the power state now, and what it is asked for besides.
 *  - `reboot` asks the guest to restart itself (`unsupported` where the hypervisor cannot) and is done when it has; one that
 *    does not ends in `timeout`. `reset` restarts the machine under it. The VM is on before and after.
 *  - `suspend` pauses the guest in memory; `resume` lets it go on. Neither starts one that is off (`not_found`, or the
 *    hypervisor's refusal).
 *  - `migrate` moves the running guest, and is done when the target has it and this host has not. Failed, the guest goes on
 *    here; superseded by a higher epoch, it is aborted where the hypervisor can.
 *  - `undefine` makes the host forget a VM that is off, its snapshots' metadata too; one it does not know is `done`. One that
 *    is on is refused.
 *  - `snapshot`, `revert` and `delete-snapshot` speak of snapshots by name; deleting one that is not there is `done`, reverting
 *    to one that is not there is refused. `revert` brings the power state back that the snapshot has.
 *  - `attach` and `detach` change the running guest: what is attached stays until it goes off (the next start brings the
 *    whole spec).
 *  - `scale` changes the host's definition of a VM that is off.
 */
export const CommandCall = z.discriminatedUnion("verb", [
  z.strictObject({ verb: z.literal("start"), args: StartArgs }),
  z.strictObject({ verb: z.literal("shutdown"), args: ShutdownArgs }),
  z.strictObject({ verb: z.literal("poweroff"), args: NoArgs }),
  z.strictObject({ verb: z.literal("reboot"), args: NoArgs }),
  z.strictObject({ verb: z.literal("reset"), args: NoArgs }),
  z.strictObject({ verb: z.literal("suspend"), args: NoArgs }),
  z.strictObject({ verb: z.literal("resume"), args: NoArgs }),
  z.strictObject({ verb: z.literal("migrate"), args: MigrateArgs }),
  z.strictObject({ verb: z.literal("probe"), args: ProbeArgs }),
  z.strictObject({ verb: z.literal("undefine"), args: NoArgs }),
  z.strictObject({ verb: z.literal("snapshot"), args: NewSnapshotArgs }),
  z.strictObject({ verb: z.literal("revert"), args: SnapshotArgs }),
  z.strictObject({ verb: z.literal("delete-snapshot"), args: SnapshotArgs }),
  z.strictObject({ verb: z.literal("attach"), args: DeviceArgs }),
  z.strictObject({ verb: z.literal("detach"), args: DeviceArgs }),
  z.strictObject({ verb: z.literal("scale"), args: ScaleArgs }),
]);
export type CommandCall = z.infer<typeof CommandCall>;

/** Verbs after which the VM may be on at a host at which it was not (A6). */
const TURNS_ON: ReadonlySet<string> = new Set(["start", "migrate", "revert"]);

export function turnsOn(verb: string): boolean {
  return TURNS_ON.has(verb);
}

/**
 * The envelope, whatever the verb: an agent answers `failed`/`unsupported` to a verb or to arguments that it does not
 * know, so it parses this first and `CommandCall` after.
 */
export const Command = z.strictObject({
  v: z.literal(1),
  commandId: CommandId,
  bootId: BootId,
  vmId: VmId,
  jobId: JobId,
  epoch: Count,
  verb: z.string().check(z.maxLength(32)),
  args: z.record(z.string(), z.unknown()),
  timeoutSeconds: z.int().check(z.gte(1), z.lte(86_400)),
  issuedAt: z.iso.datetime(),
});
export type Command = z.infer<typeof Command>;
