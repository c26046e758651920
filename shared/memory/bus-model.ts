/**
 * EventBridge as one pure model: events in, deliveries to the targets of the rules that match, until acknowledged.
 * Same shape as the queue model: `apply` answers and says what changes, `evolve` (bus-state.ts) changes.
 *
 * B1 A delivery is durable from the answer to `putEvents` until it is acknowledged or given up: at least once, no order.
 * B2 A failed delivery is tried again with back-off until its target's retries or age are used up; then it goes to the
 *    target's dead-letter queue if it has one, itself a delivery that is retried until done.
 * B3 A taken delivery is leased: not acknowledged in time, it is due again.
 * B4 A schedule fires once for all intervals that passed, and its time is kept: a restart neither skips nor repeats one.
 *    Its first interval begins when the rule is first seen.
 *
 * Not here: what an archive keeps and until where a replay came (whoever runs the model stores that), cross-account buses, input paths and transformers, cron (refused by name: bus-rules.ts).
 */
import { type Archived, archivedOf, type Replay, replayOf } from "./bus-archive.ts";
import {
  checkRequest,
  type EntryError,
  type Envelope,
  envelopeOf,
  isoSeconds,
  type PutEntry,
} from "./bus-entries.ts";
import { type Rule, type TargetSpec, targetKind } from "./bus-rules.ts";
import type { BusChange, BusState, Delivery } from "./bus-state.ts";
import { matches } from "./event-pattern.ts";

export interface BusDeps {
  readonly region: string;
  readonly accountId: string;
  readonly eventId: () => string;
}

export type BusRequest =
  | { readonly action: "putEvents"; readonly entries: readonly PutEntry[] }
  /** Makes the deliveries of events that an archive kept. */
  | { readonly action: "replay"; readonly replay: Replay; readonly archived: readonly Archived[] }
  /** Makes the deliveries of the schedules that are due. */
  | { readonly action: "fireSchedules" }
  | { readonly action: "take"; readonly max: number; readonly leaseMs: number }
  | { readonly action: "acknowledge"; readonly id: string }
  | { readonly action: "fail"; readonly id: string; readonly error: EntryError };

export type PutResult = { readonly eventId: string } | { readonly error: EntryError };

export type BusResponse =
  | { readonly kind: "invalid"; readonly message: string }
  | { readonly kind: "put"; readonly results: readonly PutResult[] }
  | { readonly kind: "taken"; readonly deliveries: readonly Delivery[] }
  | { readonly kind: "done" }
  /** What became of a failed delivery; `gone`: it was acknowledged or given up before. */
  | {
      readonly kind: "failed";
      readonly outcome: "retried" | "deadLettered" | "dropped" | "gone";
    };

export type BusApplied = { readonly response: BusResponse; readonly changes: readonly BusChange[] };

export const DEFAULT_BUS = "default";
/** EventBridge's retry policy where the target has none. */
export const RETRIES_MAX = 185;
export const EVENT_AGE_SECONDS_MAX = 86_400;
/** Doubling from one second up to a bound at which 185 retries take just under 24 hours. */
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 485_000;

export function apply(
  deps: BusDeps,
  state: BusState,
  now: number,
  request: BusRequest,
): BusApplied {
  switch (request.action) {
    case "putEvents":
      return putEvents({ deps, state, now }, request.entries);
    case "replay":
      return replayEvents({ deps, state, now }, request);
    case "fireSchedules":
      return fireSchedules({ deps, state, now });
    case "take":
      return take({ deps, state, now }, request);
    case "acknowledge":
      return done([{ kind: "deliveryRemoved", id: request.id }]);
    case "fail":
      return fail({ deps, state, now }, request);
    default:
      return request satisfies never;
  }
}

/** When there is next a delivery to take or a schedule to fire; undefined if only an event can change that. */
export function nextDueAt(state: BusState): number | undefined {
  let next = state.due.first()?.dueAt;
  for (const { trigger, spec } of state.rules) {
    if (trigger.kind !== "rate" || !spec.enabled) continue;
    const firesAt = (state.firedAt.get(spec.arn) ?? 0) + trigger.intervalMs;
    next = Math.min(next ?? firesAt, firesAt);
  }
  return next;
}

type Context = { readonly deps: BusDeps; readonly state: BusState; readonly now: number };

/** An entry for a bus that does not exist gets an id and goes nowhere: recorded so. */
function putEvents({ deps, state, now }: Context, entries: readonly PutEntry[]): BusApplied {
  const message = checkRequest(entries);
  if (message !== undefined) return { response: { kind: "invalid", message }, changes: [] };
  const changes: BusChange[] = [];
  const results = entries.map((entry): PutResult => {
    const id = deps.eventId();
    const made = envelopeOf(entry, { id, account: deps.accountId, region: deps.region, now });
    if ("error" in made) return made;
    const busName = entry.busName ?? DEFAULT_BUS;
    const put = { busName, eventId: id, at: now, event: made.event };
    for (const archived of archivedOf(state.archives, put))
      changes.push({ kind: "eventArchived", archived });
    for (const rule of state.rules) {
      const { trigger, spec } = rule;
      if (!spec.enabled || spec.busName !== busName) continue;
      if (trigger.kind !== "pattern" || !matches(trigger.pattern, made.event)) continue;
      pushDeliveries({ state, now, changes }, { rule, event: made.event, eventId: id });
    }
    return { eventId: id };
  });
  return { response: { kind: "put", results }, changes };
}

function replayEvents(
  { state, now }: Context,
  { replay, archived }: Extract<BusRequest, { readonly action: "replay" }>,
): BusApplied {
  const changes: BusChange[] = [];
  for (const each of archived) {
    const { event, rules } = replayOf(state.rules, each, replay);
    // Of an id of its own: the event's first delivery may be on its way still.
    const eventId = `${replay.name}/${each.eventId}`;
    for (const rule of rules) pushDeliveries({ state, now, changes }, { rule, event, eventId });
  }
  return done(changes);
}

function fireSchedules({ deps, state, now }: Context): BusApplied {
  const changes: BusChange[] = [];
  for (const rule of state.rules) {
    const { trigger, spec } = rule;
    if (trigger.kind !== "rate" || !spec.enabled) continue;
    const ruleArn = spec.arn;
    const firedAt = state.firedAt.get(ruleArn);
    if (firedAt === undefined) {
      changes.push({ kind: "scheduleFired", ruleArn, at: now }); // B4: first seen
      continue;
    }
    const intervals = Math.floor((now - firedAt) / trigger.intervalMs);
    if (intervals < 1) continue;
    const at = firedAt + intervals * trigger.intervalMs; // B4
    changes.push({ kind: "scheduleFired", ruleArn, at });
    const eventId = deps.eventId();
    const event = {
      version: "0",
      id: eventId,
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: deps.accountId,
      time: isoSeconds(at),
      region: deps.region,
      resources: [ruleArn],
      detail: {},
    };
    pushDeliveries({ state, now, changes }, { rule, event, eventId });
  }
  return done(changes);
}

type Draft = { readonly state: BusState; readonly now: number; readonly changes: BusChange[] };
type Fired = { readonly rule: Rule; readonly event: Envelope; readonly eventId: string };

function pushDeliveries({ state, now, changes }: Draft, { rule, event, eventId }: Fired): void {
  for (const target of rule.spec.targets) {
    const delivery: Delivery = {
      id: `${eventId}/${rule.spec.busName}/${rule.spec.name}/${target.id}`,
      ordinal: state.lastOrdinal + 1 + changes.length,
      ruleArn: rule.spec.arn,
      destination: { kind: targetKind(target) ?? "function", arn: target.arn },
      payload: target.input ?? JSON.stringify(event),
      createdAt: now,
      failures: 0,
      nextAttemptAt: now,
      ...policyOf(target),
    };
    changes.push({ kind: "deliveryPut", delivery });
  }
}

function policyOf({ retriesMax, eventAgeSecondsMax, deadLetterArn }: TargetSpec) {
  return {
    retriesMax: retriesMax ?? RETRIES_MAX,
    eventAgeSecondsMax: eventAgeSecondsMax ?? EVENT_AGE_SECONDS_MAX,
    deadLetterArn,
  };
}

function take(
  { state, now }: Context,
  { max, leaseMs }: { readonly max: number; readonly leaseMs: number },
): BusApplied {
  const deliveries: Delivery[] = [];
  for (const pending of state.due.inOrder()) {
    if (pending.dueAt > now || deliveries.length === max) break;
    deliveries.push(pending.delivery);
  }
  const changes = deliveries.map(
    ({ id }): BusChange => ({ kind: "deliveryLeased", id, until: now + leaseMs }),
  ); // B3
  return { response: { kind: "taken", deliveries }, changes };
}

function fail(
  { state, now }: Context,
  { id, error }: { readonly id: string; readonly error: EntryError },
): BusApplied {
  const delivery = state.pending.get(id)?.delivery;
  if (delivery === undefined) return failed("gone", []);
  const failures = delivery.failures + 1;
  const backoffMs = Math.min(BACKOFF_FIRST_MS * 2 ** (failures - 1), BACKOFF_MAX_MS);
  const nextAttemptAt = now + backoffMs;
  const dead = delivery.destination.kind === "deadLetterQueue";
  // What is dead already has no age left: only the count bounds it.
  const tooOld = !dead && nextAttemptAt > delivery.createdAt + delivery.eventAgeSecondsMax * 1_000;
  if (failures <= (dead ? RETRIES_MAX : delivery.retriesMax) && !tooOld) {
    return failed("retried", [
      { kind: "deliveryPut", delivery: { ...delivery, failures, nextAttemptAt } },
    ]);
  }
  if (dead || delivery.deadLetterArn === undefined)
    return failed("dropped", [{ kind: "deliveryRemoved", id }]);
  const deadLetterAttributes = {
    RULE_ARN: delivery.ruleArn,
    TARGET_ARN: delivery.destination.arn,
    ERROR_CODE: error.code,
    ERROR_MESSAGE: error.message,
    EXHAUSTED_RETRY_CONDITION: tooOld ? "MaximumEventAgeInSeconds" : "MaximumRetryAttempts",
    RETRY_ATTEMPTS: String(failures - 1),
  };
  const destination = { kind: "deadLetterQueue", arn: delivery.deadLetterArn } as const;
  const next: Delivery = {
    ...delivery,
    destination,
    deadLetterAttributes,
    failures: 0,
    nextAttemptAt: now,
  };
  return failed("deadLettered", [{ kind: "deliveryPut", delivery: next }]);
}

type FailOutcome = Extract<BusResponse, { readonly kind: "failed" }>["outcome"];

function failed(outcome: FailOutcome, changes: readonly BusChange[]): BusApplied {
  return { response: { kind: "failed", outcome }, changes };
}

function done(changes: readonly BusChange[]): BusApplied {
  return { response: { kind: "done" }, changes };
}
