/** What a host can say of a VM, and the order in which what hosts say is believed. */
import * as z from "zod/mini";
import { Count, Instant } from "./ids.ts";

/** A raw power state as an agent reports it (contract, "Agent protocol"). */
export const ReportedPower = z.enum(["on", "off", "paused", "crashed", "unknown"]);
export type ReportedPower = z.infer<typeof ReportedPower>;

/** What is recorded: the reported ones, or `missing` when a host no longer lists the VM. Never the same as `off`. */
export const Power = z.enum(["on", "off", "paused", "crashed", "unknown", "missing"]);
export type Power = z.infer<typeof Power>;

/** The hypervisor's own state and reason, in its words. */
export const PowerDetail = z.string().check(z.maxLength(64));

/**
 * What a host last said of a VM. `(bootOrdinal, seq)` orders all that one host says, reports and results alike;
 * observations of two hosts have no order among them.
 */
export const Observation = z.strictObject({
  bootOrdinal: Count,
  seq: Count,
  power: Power,
  detail: z.optional(PowerDetail),
  /** The highest epoch that the agent had seen for the VM when it said this. */
  epoch: z.optional(Count),
  /** When this system received it. */
  receivedAt: Instant,
  /** Not said by the host but for it: it is fenced, and the VM off there. */
  vouched: z.optional(z.literal(true)),
  /** The last report before the host's last silence in this boot that put its word in doubt: that silence does so once. */
  lostAfter: z.optional(Instant),
});
export type Observation = z.infer<typeof Observation>;
