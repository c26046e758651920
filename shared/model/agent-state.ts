/** What an agent keeps in its data folder. Read back by another process, so it crosses a boundary like any message. */
import * as z from "zod/mini";
import { CommandResult } from "./agent-protocol.ts";
import { BootId, CommandId, Count, HostId, VmId } from "./ids.ts";

/** What a command came to, as its result said it; `seq` and `bootId` are those of that saying. */
export const CommandOutcome = z.strictObject({
  seq: Count,
  bootId: BootId,
  status: CommandResult.shape.status,
  code: CommandResult.shape.code,
  detail: CommandResult.shape.detail,
  power: CommandResult.shape.power,
  busy: CommandResult.shape.busy,
  description: CommandResult.shape.description,
});
export type CommandOutcome = z.infer<typeof CommandOutcome>;

/** A line of the command log. Arguments are not kept: no command outlives the boot that it was meant for. */
export const LogEntry = z.discriminatedUnion("entry", [
  z.strictObject({
    entry: z.literal("received"),
    commandId: CommandId,
    vmId: VmId,
    epoch: Count,
    bootId: BootId,
    verb: z.string(),
    /** Where the command says so: the VM is one that the host powers off when its lease runs out, or is not. */
    ha: z.optional(z.boolean()),
  }),
  /** Written before the hypervisor is asked for anything. */
  z.strictObject({ entry: z.literal("begun"), commandId: CommandId }),
  z.strictObject({ entry: z.literal("ended"), commandId: CommandId, outcome: CommandOutcome }),
  /** The control plane has the result. */
  z.strictObject({ entry: z.literal("accepted"), commandId: CommandId }),
  /** What a compaction keeps of a VM beyond its commands. */
  z.strictObject({ entry: z.literal("vm"), vmId: VmId, epoch: Count, ha: z.boolean() }),
]);
export type LogEntry = z.infer<typeof LogEntry>;

/** Who this agent is. */
export const AgentIdentity = z.strictObject({
  v: z.literal(1),
  hostId: HostId,
  controlPlane: z.url(),
  /** SHA-256 (hex) of the join token last used, so that a token left in a unit file is not tried at each start. */
  joinTokenHash: z.string(),
});
export type AgentIdentity = z.infer<typeof AgentIdentity>;

/** The last accepted report, on the machine's monotonic clock: a lease must not grow by restarting the agent. */
export const LeaseRecord = z.strictObject({
  /** The kernel's boot id: the clock below means nothing in another. */
  machineBootId: z.string(),
  reportSentAtMs: z.number(),
  leaseSeconds: z.number(),
  selfFence: z.boolean(),
});
export type LeaseRecord = z.infer<typeof LeaseRecord>;
