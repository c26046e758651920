/** What an active job listens to, as its apartment's record holds it. */
import * as z from "zod/mini";
import { CommandId, Instant } from "./ids.ts";
import { Topic } from "./interest.ts";

/** Topics that one job listens to. With the events kept, of up to 4 KiB each, they take half of the record at most. */
export const TOPICS_MAX = 4;
/** Events of one topic that came while the job did something else. */
export const EVENTS_KEPT_MAX = 2;

/** An event as a job hears it. */
export const HeardEvent = z.strictObject({
  topic: z.string(),
  id: z.string(),
  at: Instant,
  detail: z.record(z.string(), z.unknown()),
});
export type HeardEvent = z.infer<typeof HeardEvent>;

export const Listening = z.strictObject({
  /** The interest's. */
  id: CommandId,
  topic: Topic,
  /** Not told to the job yet, oldest first. */
  heard: z.array(HeardEvent).check(z.maxLength(EVENTS_KEPT_MAX)),
  /** The event told last. */
  last: z.optional(z.string()),
});
export type Listening = z.infer<typeof Listening>;
