/**
 * The bus model's state: rules (from the template, given at each start), and what is durable: deliveries not yet
 * acknowledged, and when each schedule last fired. `evolve` is the only thing that changes it.
 */
import { type Archive, type Archived, type ArchiveSpec, compileArchive } from "./bus-archive.ts";
import { compileRule, type Rule, type RuleSpec } from "./bus-rules.ts";
import { type DueHeap, type DueItem, dueHeap, NO_SLOT } from "./due-heap.ts";

/** One event on its way to one target. */
export type Delivery = {
  /** Event, bus, rule and target: the same hand-over has the same id. */
  readonly id: string;
  readonly ordinal: number;
  readonly ruleArn: string;
  /** A function's or a queue's; on the way to the dead-letter queue, that queue's. */
  readonly destination: {
    readonly kind: "function" | "queue" | "deadLetterQueue";
    readonly arn: string;
  };
  /** JSON text. */
  readonly payload: string;
  readonly createdAt: number;
  readonly failures: number;
  readonly nextAttemptAt: number;
  readonly retriesMax: number;
  readonly eventAgeSecondsMax: number;
  readonly deadLetterArn?: string | undefined;
  /** Why it goes to the dead-letter queue: the message attributes that EventBridge adds. */
  readonly deadLetterAttributes?: Readonly<Record<string, string>> | undefined;
};

export type BusChange =
  | { readonly kind: "deliveryPut"; readonly delivery: Delivery }
  | { readonly kind: "deliveryRemoved"; readonly id: string }
  /** Not stored: a lease dies with the process, and the delivery is made again (at least once). */
  | { readonly kind: "deliveryLeased"; readonly id: string; readonly until: number }
  /** For whoever keeps archives; nothing of it is in this state. */
  | { readonly kind: "eventArchived"; readonly archived: Archived }
  | { readonly kind: "scheduleFired"; readonly ruleArn: string; readonly at: number };

type Pending = DueItem & { delivery: Delivery };

export type BusState = {
  readonly rules: readonly Rule[];
  readonly archives: readonly Archive[];
  readonly pending: Map<string, Pending>;
  readonly due: DueHeap<Pending>;
  readonly firedAt: Map<string, number>;
  lastOrdinal: number;
};

/** Throws where a rule is not supported (`compileRule`), or a pattern is malformed. */
export function emptyBusState(
  rules: readonly RuleSpec[],
  archives: readonly ArchiveSpec[] = [],
): BusState {
  return {
    rules: rules.map(compileRule),
    archives: archives.map(compileArchive),
    pending: new Map(),
    due: dueHeap(),
    firedAt: new Map(),
    lastOrdinal: 0,
  };
}

/** Applies changes in order; those to a delivery that is gone do nothing. */
export function evolve(state: BusState, changes: readonly BusChange[]): void {
  for (const change of changes) evolveOne(state, change);
}

function evolveOne(state: BusState, change: BusChange): void {
  switch (change.kind) {
    case "deliveryPut":
      put(state, change.delivery);
      return;
    case "deliveryRemoved": {
      const pending = state.pending.get(change.id);
      if (pending) state.due.remove(pending);
      state.pending.delete(change.id);
      return;
    }
    case "deliveryLeased": {
      const pending = state.pending.get(change.id);
      if (pending) put(state, { ...pending.delivery, nextAttemptAt: change.until });
      return;
    }
    case "eventArchived":
      return;
    case "scheduleFired":
      state.firedAt.set(change.ruleArn, change.at);
      return;
    default:
      change satisfies never;
  }
}

function put(state: BusState, delivery: Delivery): void {
  const { id, ordinal, nextAttemptAt } = delivery;
  const pending = state.pending.get(id) ?? { delivery, dueAt: 0, tie: ordinal, slot: NO_SLOT };
  pending.delivery = delivery;
  pending.dueAt = nextAttemptAt;
  state.pending.set(id, pending);
  state.due.put(pending);
  state.lastOrdinal = Math.max(state.lastOrdinal, ordinal);
}
