/**
 * A job that listens to topics of the bus.
 *
 *  1. It listens before it triggers what it wants to hear of: `listen` is a step of its own, which ends when the
 *     registration is known to be seen by whoever dispatches events. So nothing told from then on is missed.
 *  2. What comes in is kept in the record, and told to the job when it waits for it: an event that overtakes the answer to
 *     the registration, or comes while the job does something else, is heard all the same.
 *  3. A message of an event is a hint: it counts only for a topic that the record says the job listens to. One that is
 *     lost costs the wait's deadline (A8), one that comes twice is told once while its id is remembered.
 *  4. Whoever ends a job ends its listening. A registration sent again late finds that it was removed.
 */
import type { ActiveJob } from "../model/apartment-record.ts";
import type { CommandId } from "../model/ids.ts";
import { isHeard, type Topic } from "../model/interest.ts";
import {
  EVENTS_KEPT_MAX,
  type HeardEvent,
  type Listening,
  TOPICS_MAX,
} from "../model/listening.ts";
import { amend, emit, nextName, type Turn } from "./turn.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Far beyond the longest wait; what is not removed by then was left behind by a bug. */
const INTEREST_DAYS = 90;

/** The turn that registers the interest, and the job that waits for that (1). */
export function beginListening(turn: Turn, active: ActiveJob, topic: Topic) {
  const { topics = [] } = active;
  if (topics.length >= TOPICS_MAX)
    throw new Error(`a job listens to ${TOPICS_MAX} topics and to no more`);
  const { turn: named, name: id } = nextName(turn);
  const { jobId, account } = active;
  const expiresAt = turn.inputs.now + INTEREST_DAYS * DAY_MS;
  return {
    turn: emit(named, {
      kind: "listen",
      interest: { id, topic, to: turn.record.id, jobId, account, expiresAt },
    }),
    active: { ...active, topics: [...topics, { id, topic, heard: [] }] },
    waitFor: { kind: "listening" as const, id },
  };
}

/** What a job that waits for a topic waits for, as it is shown. */
export function topicWait({ topics = [] }: ActiveJob) {
  if (topics.length === 0) throw new Error("a job waits for topics and listens to none");
  return { kind: "topic" as const, prefixes: topics.map(({ topic }) => topic.prefix) };
}

/** The turn that ends all listening of the active job (4). */
export function stopListening(turn: Turn): Turn {
  const { topics = [] } = turn.record.active ?? {};
  return topics.reduce(
    (next, { id, topic }) => emit(next, { kind: "unlisten", interest: { id, topic } }),
    turn,
  );
}

/** The turn with the event kept for the active job (2); the same, if it is nothing to it (3). */
export function keepEvent(turn: Turn, id: CommandId, event: HeardEvent): Turn {
  const { active } = turn.record;
  const listening = active?.topics?.find((each) => each.id === id);
  if (active === undefined || listening === undefined) return turn;
  const known = listening.heard.some((each) => each.id === event.id);
  if (known || listening.last === event.id || !isHeard(listening.topic, event)) return turn;
  // The newest few: a job that must see each looks at what they are about, or reads the feed.
  const heard = [...listening.heard, event].slice(-EVENTS_KEPT_MAX);
  return amend(turn, { active: withTopic(active, { ...listening, heard }) });
}

/** The oldest event that the active job waits for, and the turn without it; none, if it does not wait or nothing came. */
export function takeEvent(
  turn: Turn,
): { readonly turn: Turn; readonly event: HeardEvent } | undefined {
  const { active } = turn.record;
  if (active?.waitFor.kind !== "topic") return undefined;
  for (const listening of active.topics ?? []) {
    const [event, ...heard] = listening.heard;
    if (event === undefined) continue;
    const left = withTopic(active, { ...listening, heard, last: event.id });
    return { turn: amend(turn, { active: left }), event };
  }
  return undefined;
}

function withTopic(active: ActiveJob, changed: Listening): ActiveJob {
  const topics = active.topics?.map((each) => (each.id === changed.id ? changed : each));
  return { ...active, ...(topics && { topics }) };
}
