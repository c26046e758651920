/** Who waits for events of which topics: what a job registers, and what the dispatcher of events asks. */
import * as z from "zod/mini";
import { AccountId, ApartmentId, CommandId, Instant, JobId } from "./ids.ts";
import { TOPIC_PARTS_MAX, type TopicEvent } from "./topic.ts";

/** A topic, or its first parts: whoever listens to `vm.state` hears `vm.state.<vmId>`, and not `vm.states.x`. */
export const TopicPrefix = z.string().check(
  z.regex(/^[a-z]+(\.[A-Za-z0-9_-]+)*$/, "a topic or its first parts"),
  z.maxLength(200),
  z.refine(
    (prefix) => prefix.split(".").length <= TOPIC_PARTS_MAX,
    `at most ${TOPIC_PARTS_MAX} parts`,
  ),
);

/** Fields of a match: it lies in the record of the job that waits, which stays small. */
const MATCH_FIELDS_MAX = 8;

/** What an event's detail must say at its top level, field by field. */
export const TopicMatch = z
  .record(
    z.string().check(z.maxLength(64)),
    z.union([z.string().check(z.maxLength(200)), z.number(), z.boolean(), z.null()]),
  )
  .check(
    z.refine(
      (match) => Object.keys(match).length <= MATCH_FIELDS_MAX,
      `at most ${MATCH_FIELDS_MAX} fields`,
    ),
  );
export type TopicMatch = z.infer<typeof TopicMatch>;

/** What a job wants to hear. */
export const Topic = z.strictObject({ prefix: TopicPrefix, match: z.optional(TopicMatch) });
export type Topic = z.infer<typeof Topic>;

/** A registration. Its name is never used again, so what was removed stays so, however late it is registered. */
export const Interest = z.strictObject({
  id: CommandId,
  topic: Topic,
  to: ApartmentId,
  jobId: JobId,
  /** Whose job it is. */
  account: AccountId,
  /** When it may be forgotten; nobody waits so long. */
  expiresAt: Instant,
});
export type Interest = z.infer<typeof Interest>;

/** Every prefix of a topic, itself included: what `TopicPrefix`es can say of it. */
export function prefixesOf(topic: string): readonly string[] {
  const parts = topic.split(".").slice(0, TOPIC_PARTS_MAX);
  return parts.map((_, n) => parts.slice(0, n + 1).join("."));
}

/** Whether an event is one that a topic is about. */
export function isHeard(
  { prefix, match = {} }: Topic,
  { topic, detail }: Pick<TopicEvent, "topic" | "detail">,
): boolean {
  if (topic !== prefix && !topic.startsWith(`${prefix}.`)) return false;
  return Object.entries(match).every(([field, wanted]) => detail[field] === wanted);
}
