/**
 * The bus model, running in memory under the given clock. What is put is kept for whoever looks (`events`), and makes
 * the deliveries that the rules say, which a simulation takes and acknowledges.
 */
import type { Bus } from "../app/ports.ts";
import { readChangesBy } from "../model/read-changes.ts";
import { TOPIC_SOURCE, TopicEvent } from "../model/topic.ts";
import { apply, type BusRequest, type BusResponse, nextDueAt } from "./bus-model.ts";
import type { RuleSpec } from "./bus-rules.ts";
import { emptyBusState, evolve } from "./bus-state.ts";
import type { Keeping } from "./memory-table.ts";

export interface MemoryBus {
  readonly bus: Bus;
  /** All that was put, oldest first. */
  readonly events: readonly TopicEvent[];
  readonly request: (request: BusRequest) => BusResponse;
  readonly nextDueAt: () => number | undefined;
  /** Grows with whatever changes it: until then `nextDueAt` answers the same. */
  readonly revision: () => number;
}

interface Deps {
  readonly clock: { readonly now: () => number };
  /** On the bus `vmsync`. */
  readonly rules: readonly RuleSpec[];
  readonly keeping?: Keeping | undefined;
}

export const MEMORY_BUS_NAME = "vmsync";

const read = readChangesBy(TopicEvent);

export function memoryBus({ clock, rules, keeping = "checked" }: Deps): MemoryBus {
  const state = emptyBusState(rules);
  const events: TopicEvent[] = [];
  let ids = 0;
  let revision = 0;
  const deps = {
    region: "memory",
    accountId: "000000000000",
    eventId: () => {
      ids += 1;
      return `event-${ids}`;
    },
  };
  const request = (asked: BusRequest): BusResponse => {
    const { response, changes } = apply(deps, state, clock.now(), asked);
    evolve(state, changes);
    revision += changes.length;
    return response;
  };
  const putOne = (event: TopicEvent): void => {
    const response = request({ action: "putEvents", entries: [entryOf(event)] });
    if (response.kind === "invalid") throw new Error(`putting ${event.id}: ${response.message}`);
    if (response.kind !== "put") throw new Error(`putting ${event.id}: answered ${response.kind}`);
    const [result] = response.results;
    if (result !== undefined && "error" in result)
      throw new Error(`putting ${event.id}: ${result.error.message}`);
    events.push(keeping === "checked" ? read(event, undefined) : event);
  };
  return {
    bus: { put: async (all) => all.forEach(putOne) },
    events,
    request,
    nextDueAt: () => nextDueAt(state),
    revision: () => revision,
  };
}

/** The envelope of the real bus (`shared/aws/eventbridge-bus.ts`); the contract suite holds the two together. */
function entryOf({ family, topic, id, at, account, detail }: TopicEvent) {
  const isoAt = new Date(at).toISOString();
  return {
    busName: MEMORY_BUS_NAME,
    source: TOPIC_SOURCE,
    detailType: family,
    time: at,
    detail: JSON.stringify({ ...detail, topic, id, at: isoAt, account }),
  };
}
