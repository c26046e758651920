/** Topic events on the bus (contract, "Topics"). */
import * as z from "zod/mini";
import { byteLength } from "./byte-length.ts";
import { AccountId, HostId, Instant, JobId, VmId } from "./ids.ts";

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

/** Dotted: each prefix of whole parts is a subtree that a rule or a job can listen to. */
export const TopicName = z
  .string()
  .check(z.regex(/^[a-z]+(\.[A-Za-z0-9_-]+)+$/, "a dotted topic"), z.maxLength(200));

/** One event before it is wrapped for the bus. `id` is deterministic: an event told twice has the same one. */
export const TopicEvent = z.strictObject({
  family: TopicFamily,
  topic: TopicName,
  id: z.string().check(z.minLength(1), z.maxLength(256)),
  at: Instant,
  /** Whose it is; absent for what only admins see. Said by who puts it, never by the detail. */
  account: z.optional(AccountId),
  detail: z.record(z.string(), z.unknown()),
});
export type TopicEvent = z.infer<typeof TopicEvent>;

/**
 * Parts of a topic that a user makes up. Whoever dispatches looks for who waits on each prefix of it.
 */
export const TOPIC_PARTS_MAX = 8;
/** An event may lie in the record of a job that waits for it (`shared/core/listen.ts`), which stays small. */
export const CUSTOM_DETAIL_BYTES_MAX = 4 * 1024;

/** A topic that users publish to. */
export const CustomTopic = TopicName.check(
  z.regex(/^custom\./, "beginning with custom."),
  z.refine(
    (topic) => topic.split(".").length <= TOPIC_PARTS_MAX,
    `at most ${TOPIC_PARTS_MAX} parts`,
  ),
);
export const CustomDetail = z
  .record(z.string(), z.unknown())
  .check(
    z.refine(
      (detail) => byteLength(JSON.stringify(detail)) <= CUSTOM_DETAIL_BYTES_MAX,
      `at most ${CUSTOM_DETAIL_BYTES_MAX} bytes`,
    ),
  );

/** `Event` of the feed and of histories. */
export const Event = z.strictObject({
  id: z.string(),
  type: TopicFamily,
  topic: z.string(),
  at: z.iso.datetime(),
  account: z.optional(AccountId),
  vmId: z.optional(VmId),
  hostId: z.optional(HostId),
  jobId: z.optional(JobId),
  detail: z.record(z.string(), z.unknown()),
});
export type Event = z.infer<typeof Event>;

/** The event as the bus hands it over: `detail` also says what the event says of itself. */
export const BusEvent = z.object({
  source: z.literal(TOPIC_SOURCE),
  "detail-type": TopicFamily,
  detail: z.looseObject({
    topic: TopicName,
    id: TopicEvent.shape.id,
    at: z.iso.datetime(),
    account: z.optional(AccountId),
  }),
});

const Subject = z.object({
  vmId: z.catch(z.optional(VmId), undefined),
  hostId: z.catch(z.optional(HostId), undefined),
  jobId: z.catch(z.optional(JobId), undefined),
});

/** What an event is about. Of a custom event nobody knows: its detail is a user's own, and may name others' VMs. */
export function eventSubject({
  family,
  detail,
}: Pick<TopicEvent, "family" | "detail">): z.infer<typeof Subject> {
  return family === "custom" ? {} : Subject.parse(detail);
}

/** `detail` of the `agent.report` event: the whole report, gzip and base64, with the order given to it. */
export const AgentReportDetail = z.object({
  topic: z.string(),
  id: z.string(),
  hostId: z.string(),
  bootOrdinal: z.int(),
  seq: z.int(),
  digest: z.string(),
  receivedAt: Instant,
  /** The host had been called silent: what nobody could ask it about is looked at now. */
  returns: z.optional(z.literal(true)),
  report: z.string(),
});
export type AgentReportDetail = z.infer<typeof AgentReportDetail>;

/** The event of a report, as the bus hands it over. */
export const ReportEvent = z.object({ detail: AgentReportDetail });

/** What Lambda keeps of one that its function failed on for good: an on-failure destination's record. */
export const FailedReport = z.object({ requestPayload: ReportEvent });
