/** Gives back what a process that ended had taken from a queue (M3 of event-source.ts). */
import type { QueueEngine } from "../engine/queue-engine.ts";
import type { Store } from "../store/open-store.ts";
import { queueRows } from "../store/queue-rows.ts";

export interface ReleaseProps {
  readonly store: Store;
  readonly queues: QueueEngine;
  /** Queues that only this stack's own functions consume. */
  readonly queueNames: readonly string[];
  readonly now: number;
}

/** Makes every message visible that is in flight; answers how many were. To be called before anything receives. */
export async function releaseInFlight(props: ReleaseProps): Promise<number> {
  const { queues, now } = props;
  const stored = queueRows(props.store.db).load(now);
  let released = 0;
  for (const queueName of props.queueNames) {
    for (const { delivery } of stored.queues.get(queueName)?.entries.values() ?? []) {
      if (delivery.visibleAt <= now || delivery.last === undefined) continue;
      const { receiptHandle } = delivery.last;
      const action = "changeMessageVisibility";
      await queues.request({ action, queueName, receiptHandle, visibilityTimeoutSeconds: 0 });
      released += 1;
    }
  }
  return released;
}
