/**
 * What the bus told: recorded, and told to the jobs that listen to it. Each is done once however often it is asked for, so a
 * batch of which one thing failed comes again whole.
 *
 * What does not parse is nobody's event; whoever keeps its message keeps it for a person.
 */
import { dispatchEvents } from "./dispatch-events.ts";
import { parseEvent } from "./parse-event.ts";
import type { Ports } from "./ports.ts";

export type EventMessage = {
  /** SQS's id. */
  readonly messageId: string;
  /** The event as the bus handed it over, JSON. */
  readonly body: string;
};

/** The ids of the messages that are no event. Throws when something of the others failed: all come again. */
export async function recordEvents(
  deps: Pick<Ports, "events" | "interests" | "apartmentQueue" | "names" | "telemetry">,
  messages: readonly EventMessage[],
): Promise<readonly string[]> {
  const parsed = messages.map(({ messageId, body }) => ({ messageId, ...parseEvent(body) }));
  const events = parsed.flatMap((each) => (each.ok ? [each.event] : []));
  const { listeners } = await deps.events.append(events);
  if (listeners === "perhaps") await dispatchEvents(deps, events);
  const malformed = parsed.filter((each) => !each.ok);
  for (const { messageId, reason } of malformed)
    deps.telemetry.log({ level: "error", message: "no event of ours", messageId, reason });
  if (malformed.length > 0) deps.telemetry.count("eventsMalformed", malformed.length);
  return malformed.map(({ messageId }) => messageId);
}
