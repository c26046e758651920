/** The topic bus. An event has no order among others, so what failed of a request is sent again on its own. */
import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
} from "@aws-sdk/client-eventbridge";
import type { Bus, Clock } from "../app/ports.ts";
import { TOPIC_SOURCE, type TopicEvent } from "../model/topic.ts";
import { chunk } from "./chunk.ts";
import { calling, ServiceFailure } from "./service-failure.ts";

/** EventBridge's own limits; the bytes are of the whole request. */
const PUT_LIMITS = { entriesMax: 10, bytesMax: 256 * 1024 };
/** EventBridge counts a time as this many bytes. */
const TIME_BYTES = 14;
/** Entries fail one by one when throttled or on an internal error; the SDK retries requests, not entries. */
const PUT_ATTEMPTS_MAX = 4;
/** Doubles with each attempt, half of it random. */
const PUT_BACKOFF_MS = 50;

interface Deps {
  readonly events: EventBridgeClient;
  readonly busName: string;
  readonly clock: Clock;
}

export function eventbridgeBus(deps: Deps): Bus {
  return {
    put: async (events) => {
      const entries = events.map((event) => entryOf(event, deps.busName));
      for (const part of chunk(entries, PUT_LIMITS, bytesOf)) await putPart(deps, part);
    },
  };
}

/** What rules match on: `source`, `detail-type` = the family, and `detail.topic`, which a prefix subscribes to. */
function entryOf({ family, topic, id, at, account, detail }: TopicEvent, busName: string) {
  return {
    EventBusName: busName,
    Source: TOPIC_SOURCE,
    DetailType: family,
    Time: new Date(at),
    Detail: JSON.stringify({ ...detail, topic, id, at: new Date(at).toISOString(), account }),
  } satisfies PutEventsRequestEntry;
}

function bytesOf({ Source, DetailType, Detail }: ReturnType<typeof entryOf>): number {
  const texts = [Source, DetailType, Detail];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), TIME_BYTES);
}

async function putPart(
  { events, clock }: Deps,
  part: readonly PutEventsRequestEntry[],
): Promise<void> {
  const doing = `putting ${part.length} events on the bus`;
  let left = part;
  let refusal = "";
  for (let attempts = 1; attempts <= PUT_ATTEMPTS_MAX; attempts += 1) {
    const command = new PutEventsCommand({ Entries: [...left] });
    const answer = await calling(doing, () => events.send(command));
    if ((answer.FailedEntryCount ?? 0) === 0) return;
    const results = answer.Entries ?? [];
    left = left.filter((_, index) => results[index]?.ErrorCode !== undefined);
    const first = results.find(({ ErrorCode }) => ErrorCode !== undefined);
    refusal = `${left.length} refused: ${first?.ErrorCode}: ${first?.ErrorMessage}`;
    const waitMs = PUT_BACKOFF_MS * 2 ** attempts;
    await clock.sleep(Math.ceil(waitMs * (0.5 + Math.random() / 2)));
  }
  throw new ServiceFailure(doing, new Error(refusal), { transient: true });
}
