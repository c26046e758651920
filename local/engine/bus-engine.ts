/**
 * The bus model running: `putEvents` from the wire, deliveries for whoever invokes the functions.
 *
 * How to consume: `take` what is due, invoke each destination, then `acknowledge` or `fail` it; when `take` answers
 * nothing, wait for `watch` or `nextDueAt`. A crash at any point delivers again (B1, B3). What goes to a queue is sent from
 * here: an event's own queue at once, within `putEvents`, and only what that refuses becomes a delivery; the rest within `take`.
 */
import { randomUUID } from "node:crypto";
import type { Archive, ArchiveSpec } from "../../shared/memory/bus-archive.ts";
import type { EntryError, PutEntry } from "../../shared/memory/bus-entries.ts";
import {
  apply,
  type BusRequest,
  type BusResponse,
  nextDueAt,
  type PutResult,
} from "../../shared/memory/bus-model.ts";
import type { RuleSpec } from "../../shared/memory/bus-rules.ts";
import {
  type BusChange,
  type Delivery,
  emptyBusState,
  evolve,
} from "../../shared/memory/bus-state.ts";
import { type ArchiveRows, archiveRows } from "../store/archive-rows.ts";
import { busRows } from "../store/bus-rows.ts";
import type { Store } from "../store/open-store.ts";
import type { EngineClock } from "./clock.ts";
import type { QueueEngine } from "./queue-engine.ts";
import { openReplays, type Replays } from "./replays.ts";

export type PutOutcome =
  | { readonly kind: "put"; readonly results: readonly PutResult[] }
  | { readonly kind: "invalid"; readonly message: string };

export type FailOutcome = Extract<BusResponse, { readonly kind: "failed" }>["outcome"];

export interface BusEngine {
  /** Resolves when the deliveries it made are on disk. */
  readonly putEvents: (entries: readonly PutEntry[]) => Promise<PutOutcome>;
  /** At most `max` deliveries that are due, leased for `leaseMs` (longer than an invocation may take); fires schedules first. */
  readonly take: (options: {
    readonly max: number;
    readonly leaseMs: number;
  }) => Promise<readonly Delivery[]>;
  readonly acknowledge: (id: string) => Promise<void>;
  /** Tried again later, dead-lettered or dropped, by the target's policy. */
  readonly fail: (id: string, error: EntryError) => Promise<FailOutcome>;
  /** Calls the listener when there may be something to take; answers how to end it. */
  readonly watch: (listener: () => void) => () => void;
  /** When there will be something to take without a new event; undefined: never. */
  readonly nextDueAt: () => number | undefined;
  readonly replays: Replays;
}

export interface BusEngineProps {
  readonly store: Store;
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  readonly rules: readonly RuleSpec[];
  readonly archives?: readonly ArchiveSpec[];
  /** Where the dead-letter queues, and those of targets, are. */
  readonly queues: QueueEngine;
  readonly eventId?: (() => string) | undefined;
}

const DAY_MS = 86_400_000;
const PRUNE_EVERY_MS = 3_600_000;

/** Throws, naming it, where a rule is not supported. */
export function openBusEngine(props: BusEngineProps): BusEngine {
  const { store, clock, region, accountId, queues } = props;
  const deps = { region, accountId, eventId: props.eventId ?? randomUUID };
  const state = emptyBusState(props.rules, props.archives);
  const archive = archiveRows(store.db);
  const rows = busRows(store.db, archive);
  rows.load(state);
  const watchers = watching();
  const prune = pruner(state.archives, archive, clock);

  const commit = async (changes: readonly BusChange[], write?: () => void): Promise<void> => {
    evolve(state, changes);
    const durable = changes.some(({ kind }) => kind !== "deliveryLeased") || write !== undefined;
    const writeAll = () => {
      rows.write(changes);
      write?.();
      prune();
    };
    await (durable ? store.commit(writeAll) : store.settled());
    if (changes.some(({ kind }) => kind === "deliveryPut")) watchers.tell();
  };
  const request = async (asked: BusRequest): Promise<BusResponse> => {
    const { response, changes } = apply(deps, state, clock.now(), asked);
    await commit(changes);
    return response;
  };

  const acknowledge = async (id: string) => {
    await request({ action: "acknowledge", id });
  };
  const fail = async (id: string, error: EntryError): Promise<FailOutcome> => {
    const response = await request({ action: "fail", id, error });
    return response.kind === "failed" ? response.outcome : "gone";
  };
  const sendToQueue = async (delivery: Delivery) => {
    const error = await trySend(queues, delivery);
    await (error ? fail(delivery.id, error) : acknowledge(delivery.id));
  };

  /** What a queue takes at once is durable there, and needs no delivery here. */
  const sendAtOnce = async (changes: readonly BusChange[]): Promise<void> => {
    await Promise.all(
      changes.filter(isForQueue).map(async (change) => {
        if ((await trySend(queues, change.delivery)) !== undefined) await commit([change]);
      }),
    );
  };
  const notForQueues = (changes: readonly BusChange[]) =>
    changes.filter((change) => !isForQueue(change));

  return {
    putEvents: async (entries) => {
      const { response, changes } = apply(deps, state, clock.now(), {
        action: "putEvents",
        entries,
      });
      await Promise.all([commit(notForQueues(changes)), sendAtOnce(changes)]);
      if (response.kind === "put" || response.kind === "invalid") return response;
      throw new Error(`putEvents was answered ${response.kind}`);
    },
    take: async ({ max, leaseMs }) => {
      await request({ action: "fireSchedules" });
      const response = await request({ action: "take", max, leaseMs });
      const taken = response.kind === "taken" ? response.deliveries : [];
      const ofFunctions = ({ destination }: Delivery) => destination.kind === "function";
      await Promise.all(taken.filter((delivery) => !ofFunctions(delivery)).map(sendToQueue));
      return taken.filter(ofFunctions);
    },
    acknowledge,
    fail,
    watch: watchers.watch,
    nextDueAt: () => nextDueAt(state),
    replays: openReplays({
      clock,
      archives: state.archives,
      rows: archive,
      deliver: async (replay, archived, write) => {
        const asked = { action: "replay", replay, archived } as const;
        const { changes } = apply(deps, state, clock.now(), asked);
        await sendAtOnce(changes);
        await commit(notForQueues(changes), write);
      },
    }),
  };
}

function watching(): Pick<BusEngine, "watch"> & { readonly tell: () => void } {
  const listeners = new Set<() => void>();
  return {
    tell: () => {
      for (const listener of [...listeners]) listener();
    },
    watch: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

/** Forgets what archives keep no longer; looks once an hour. */
function pruner(archives: readonly Archive[], rows: ArchiveRows, clock: EngineClock): () => void {
  let prunedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.now();
    if (now - prunedAt < PRUNE_EVERY_MS) return;
    prunedAt = now;
    for (const { spec } of archives)
      if (spec.retentionDays !== undefined) rows.prune(spec.arn, now - spec.retentionDays * DAY_MS);
  };
}

function isForQueue(
  change: BusChange,
): change is Extract<BusChange, { readonly kind: "deliveryPut" }> {
  return change.kind === "deliveryPut" && change.delivery.destination.kind === "queue";
}

async function trySend(queues: QueueEngine, delivery: Delivery): Promise<EntryError | undefined> {
  const attributes = Object.entries(delivery.deadLetterAttributes ?? {}).map(([name, value]) => [
    name,
    { dataType: "String", stringValue: value || "-" },
  ]);
  const response = await queues.request({
    action: "sendMessage",
    queueName: delivery.destination.arn.slice(delivery.destination.arn.lastIndexOf(":") + 1),
    senderId: "events.amazonaws.com",
    entry: { body: delivery.payload, attributes: Object.fromEntries(attributes) },
  });
  return response.kind === "refused" ? response.error : undefined;
}
