/**
 * The lost wake-up, from outside: a job that knows that it listens is found by whoever asks who does; what was told to a topic
 * since has woken the job, or is on its way for no longer than faults can keep it.
 */
import type { AnyApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { JobId } from "../../shared/model/ids.ts";
import { type Interest, isHeard, type Topic } from "../../shared/model/interest.ts";
import type { TopicEvent } from "../../shared/model/topic.ts";
import { endsOf } from "./job-effects.ts";
import type { Broken } from "./violation.ts";

/** Far longer than the longest row of late messages, failed batches and dead workers. */
const ON_ITS_WAY_MS_MAX = 100 * 60_000;

export interface Listeners {
  readonly committed: (before: AnyApartmentRecord, next: AnyApartmentRecord) => void;
  readonly told: (event: TopicEvent) => void;
  /** Whoever dispatches events has asked who listens under these prefixes. */
  readonly found: (prefixes: readonly string[], interests: readonly Interest[]) => void;
}

type Known = { readonly id: string; readonly topic: Topic; readonly since: number };
type Told = { readonly event: TopicEvent; readonly at: number };

export function listeners(now: () => number, broken: Broken): Listeners {
  const known = new Map<JobId, Known>();
  const told: Told[] = [];
  return {
    told: (event) => {
      told.push({ event, at: now() });
    },
    found: (prefixes, interests) => {
      const ids = new Set<string>(interests.map(({ id }) => id));
      for (const [jobId, { id, topic }] of known)
        if (prefixes.includes(topic.prefix) && !ids.has(id))
          broken("wake_up", `${jobId} knows that it listens, and is not found`);
    },
    committed: ({ active }, next) => {
      if (active?.waitFor.kind === "listening" && next.active?.jobId === active.jobId) {
        const { id } = active.waitFor;
        const topic = active.topics?.find((each) => each.id === id)?.topic;
        if (topic !== undefined && next.active.waitFor.kind !== "listening")
          known.set(active.jobId, { id, topic, since: now() });
      }
      for (const { jobId, error } of endsOf(next)) {
        const job = known.get(jobId);
        known.delete(jobId);
        if (job === undefined || error?.code !== "timed_out") continue;
        const missed = told.find(
          ({ event, at }) =>
            at >= job.since && at <= now() - ON_ITS_WAY_MS_MAX && isHeard(job.topic, event),
        );
        if (missed !== undefined)
          broken("wake_up", `${jobId} listened, and did not hear of ${missed.event.id}`);
      }
    },
  };
}
