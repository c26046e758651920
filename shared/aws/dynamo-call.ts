/**
 * Calls to DynamoDB with their refusals read at the call: a failed condition is a value, a conflict with a transaction
 * in progress is tried again, anything else is a `ServiceFailure`.
 */
import { randomUUID } from "node:crypto";
import {
  type CancellationReason,
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
} from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Clock } from "../app/ports.ts";
import type { TableName } from "../model/tables.ts";
import { type Documents, type Row, type TransactAction, transactWrite } from "./documents.ts";
import { calling, ServiceFailure } from "./service-failure.ts";

/** What every DynamoDB adapter works with. */
export type Dynamo = {
  readonly documents: Documents;
  readonly tables: Readonly<Record<TableName, string>>;
  readonly clock: Clock;
};

/** The stored item comes with a failed condition if the call asked for it (`ReturnValuesOnConditionCheckFailure`). */
export type Written<T> =
  | { readonly held: true; readonly output: T }
  | { readonly held: false; readonly stored: Row | undefined };

/** One entry an action, in order; `undefined` where that action's condition held. */
export type Transacted =
  | { readonly held: true }
  | {
      readonly held: false;
      readonly failed: readonly ({ readonly stored: Row | undefined } | undefined)[];
    };

/** Two writers of one item (a host's sum, at most) get through within a few attempts; more is contention to be seen. */
const CONFLICT_ATTEMPTS_MAX = 8;
/** Doubles with each attempt, half of it random: 15 ms to 2 s. */
const CONFLICT_BACKOFF_MS = 15;
/** Longer than the longest that a transaction is seen to take. */
const CONFLICT_BACKOFF_MAX_MS = 2000;

/** A write of one item. */
export async function conditional<T>(
  { clock }: Pick<Dynamo, "clock">,
  doing: string,
  call: () => Promise<T>,
): Promise<Written<T>> {
  return untilNoConflict(clock, doing, async () => {
    try {
      return { held: true, output: await call() };
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException)
        return { held: false, stored: rowOf(error.Item) };
      if (error instanceof TransactionConflictException) return undefined;
      throw error;
    }
  });
}

/** A transaction. One token for all its attempts: what was done and not answered is not done again. */
export async function transact(
  { documents, clock }: Pick<Dynamo, "documents" | "clock">,
  doing: string,
  actions: readonly TransactAction[],
): Promise<Transacted> {
  const write = transactWrite(actions, randomUUID());
  return untilNoConflict(clock, doing, async () => {
    try {
      await documents.send(write);
      return { held: true };
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      return readReasons(error.CancellationReasons ?? [], error);
    }
  });
}

const LATER: ReadonlySet<string | undefined> = new Set([
  "TransactionConflict",
  "ThrottlingError",
  "ProvisionedThroughputExceeded",
]);

function readReasons(reasons: readonly CancellationReason[], error: Error): Transacted | undefined {
  if (reasons.some((reason) => LATER.has(reason.Code))) return undefined;
  const failed = reasons.map((reason) =>
    reason.Code === "ConditionalCheckFailed" ? { stored: rowOf(reason.Item) } : undefined,
  );
  if (!failed.some((each) => each !== undefined)) throw error;
  return { held: false, failed };
}

async function untilNoConflict<T>(
  clock: Clock,
  doing: string,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  for (let attempts = 1; attempts <= CONFLICT_ATTEMPTS_MAX; attempts += 1) {
    const outcome = await calling(doing, attempt);
    if (outcome !== undefined) return outcome;
    const waitMs = Math.min(CONFLICT_BACKOFF_MAX_MS, CONFLICT_BACKOFF_MS * 2 ** attempts);
    await clock.sleep(Math.ceil(waitMs * (0.5 + Math.random() / 2)));
  }
  const conflict = new Error(`still in conflict after ${CONFLICT_ATTEMPTS_MAX} attempts`);
  conflict.name = "TransactionConflictException";
  throw new ServiceFailure(doing, conflict);
}

// Items that come with an error have not been translated.
function rowOf(item: Parameters<typeof unmarshall>[0] | undefined): Row | undefined {
  return item === undefined ? undefined : unmarshall(item);
}
