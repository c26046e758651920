/** Commands on a host's own queue, as the agent reads them (contract, "Agent protocol"). */
import * as z from "zod/mini";
import { BootId, CommandId, Count, JobId, VmId } from "./ids.ts";
import { DomainXml, VmName, VmSpec } from "./vm.ts";

/** `domainXml` wins; without it the agent renders a domain from `name` and `spec`. */
export const StartArgs = z.strictObject({
  name: VmName,
  spec: VmSpec,
  domainXml: z.optional(DomainXml),
  ha: z.boolean(),
});
export type StartArgs = z.infer<typeof StartArgs>;

export const ShutdownArgs = z.strictObject({ graceSeconds: z.int().check(z.gte(0), z.lte(3600)) });
const NoArgs = z.strictObject({});

/** A verb with its arguments, for the verbs that this version sends. */
export const CommandCall = z.discriminatedUnion("verb", [
  z.strictObject({ verb: z.literal("start"), args: StartArgs }),
  z.strictObject({ verb: z.literal("shutdown"), args: ShutdownArgs }),
  z.strictObject({ verb: z.literal("poweroff"), args: NoArgs }),
  z.strictObject({ verb: z.literal("probe"), args: NoArgs }),
]);
export type CommandCall = z.infer<typeof CommandCall>;

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
