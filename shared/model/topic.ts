/** Topic events on the bus (contract, "Topics"). */
import * as z from "zod/mini";
import { Instant } from "./ids.ts";

/** `Source` of every event. */
export const TOPIC_SOURCE = "vmsync";

export const TopicFamily = z.enum([
  "agent.report",
  "vm.state",
  "vm.power",
  "job.state",
  "host.state",
  "incident",
  "custom",
]);
export type TopicFamily = z.infer<typeof TopicFamily>;

/** One event before it is wrapped for the bus. `id` is deterministic: an event told twice has the same one. */
export const TopicEvent = z.strictObject({
  family: TopicFamily,
  topic: z
    .string()
    .check(z.regex(/^[a-z]+(\.[A-Za-z0-9_-]+)+$/, "a dotted topic"), z.maxLength(200)),
  id: z.string(),
  at: Instant,
  detail: z.record(z.string(), z.unknown()),
});
export type TopicEvent = z.infer<typeof TopicEvent>;

/** `detail` of the `agent.report` event: the whole report, gzip and base64, with the order given to it. */
export const AgentReportDetail = z.object({
  topic: z.string(),
  id: z.string(),
  hostId: z.string(),
  bootOrdinal: z.int(),
  seq: z.int(),
  digest: z.string(),
  receivedAt: Instant,
  report: z.string(),
});
export type AgentReportDetail = z.infer<typeof AgentReportDetail>;
