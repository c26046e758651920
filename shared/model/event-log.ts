/** How the log of events is laid out: what is in one page, which streams an event is part of, in which order. */
import { eventSubject, type TopicEvent } from "./topic.ts";

/**
 * Events of one page. Each costs its own item and at most a page in the streams of its account, VM and host: with the page
 * of all and the shard's head 98 actions, and DynamoDB takes 100 in one transaction.
 */
export const PAGE_EVENTS_MAX = 24;

/** The streams of an event: of all, and of each that it is about. */
export function streamsOf(event: TopicEvent): readonly string[] {
  const { vmId, hostId } = eventSubject(event);
  return [
    ALL_STREAM,
    ...(event.account === undefined ? [] : [`account#${event.account}`]),
    ...(vmId === undefined ? [] : [`vm#${vmId}`]),
    ...(hostId === undefined ? [] : [`host#${hostId}`]),
  ];
}
export const ALL_STREAM = "all";

/** The narrowest stream that holds everything a filter lets through. */
export function streamFor(filter: {
  readonly account?: string | undefined;
  readonly vmId?: string | undefined;
  readonly hostId?: string | undefined;
}): string {
  if (filter.vmId !== undefined) return `vm#${filter.vmId}`;
  if (filter.hostId !== undefined) return `host#${filter.hostId}`;
  if (filter.account !== undefined) return `account#${filter.account}`;
  return ALL_STREAM;
}

/** Oldest first; those of one moment as their ids say, which count up in one apartment's turn (`<vm>.<version>.<n>`). */
export function byAge(one: TopicEvent, other: TopicEvent): number {
  return one.at - other.at || BY_NUMBER.compare(one.id, other.id);
}
/** Made once: making one costs more than many comparisons. */
const BY_NUMBER = new Intl.Collator("en", { numeric: true });

/** Events of distinct ids, oldest first, in parts that one page each takes. */
export function pagesOf(events: readonly TopicEvent[]): readonly (readonly TopicEvent[])[] {
  const distinct = [...new Map(events.map((event) => [event.id, event])).values()].sort(byAge);
  return Array.from({ length: Math.ceil(distinct.length / PAGE_EVENTS_MAX) }, (_, n) =>
    distinct.slice(n * PAGE_EVENTS_MAX, (n + 1) * PAGE_EVENTS_MAX),
  );
}
