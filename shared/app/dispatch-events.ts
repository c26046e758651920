/**
 * Wakes the jobs that listen to what was told.
 *
 * Who listens is read consistently and after the event was told, and a job triggers what it wants to hear of only once it is
 * registered (`core/listen.ts`): so it is found here. What is sent twice is one message by its logical id (A3); what comes to
 * a job that listens no more is nothing to it.
 *
 * A custom event is its account's own: it wakes that account's jobs and no other.
 */
import { LogicalId } from "../model/ids.ts";
import { type Interest, isHeard, prefixesOf } from "../model/interest.ts";
import type { TopicEvent } from "../model/topic.ts";
import type { Ports } from "./ports.ts";

/** Of the hash in a logical id, which has no room for every event's own: 128 bits. */
const HASH_DIGITS = 32;

export async function dispatchEvents(
  deps: Pick<Ports, "interests" | "apartmentQueue" | "names" | "telemetry">,
  events: readonly TopicEvent[],
): Promise<void> {
  const interests = await deps.interests.under(events.flatMap(({ topic }) => prefixesOf(topic)));
  if (interests.length === 0) return;
  const messages = events.flatMap((event) =>
    interests
      .filter((interest) => isFor(interest, event))
      .map(({ id, to }) => {
        const { topic, id: eventId, at, detail } = event;
        const name = deps.names.hash(eventId).slice(0, HASH_DIGITS);
        return {
          to,
          message: {
            v: 1 as const,
            logicalId: LogicalId.parse(`topic:${id}:${name}`),
            body: { kind: "topic" as const, id, event: { topic, id: eventId, at, detail } },
          },
        };
      }),
  );
  await deps.apartmentQueue.send(messages);
  deps.telemetry.count("eventsDispatched", messages.length);
}

function isFor(interest: Interest, event: TopicEvent): boolean {
  const foreign = event.family === "custom" && event.account !== interest.account;
  return !foreign && isHeard(interest.topic, event);
}
