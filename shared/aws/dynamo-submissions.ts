/**
 * Accepting work: one transaction over the idempotency item, the job, and a new VM with its XML.
 *
 * All or nothing. A transaction carries a token of its own, so an SDK retry after a lost answer is answered as the first
 * try was; a plain conditional put would take its own first write for another's.
 */
import type { Accepted, Submission, Submissions } from "../app/ports.ts";
import { IdempotencyRow } from "../model/rows.ts";
import { getItem, putItem, type Row, type TransactAction, updateItem } from "./documents.ts";
import { apartmentItem } from "./dynamo-apartment-store.ts";
import { conditional, type Dynamo, transact } from "./dynamo-call.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { jobItem, ttlSeconds } from "./job-row.ts";
import { calling } from "./service-failure.ts";

type Key = { readonly account: string; readonly key: string };
/** What a failed condition of an action means. */
type Step = {
  readonly part: "idempotency" | "job" | "vm" | "domain";
  readonly action: TransactAction;
};

export function dynamoSubmissions(dynamo: Dynamo): Submissions {
  const { documents, tables } = dynamo;
  return {
    accept: async (submission) => {
      const steps = stepsOf(tables, submission);
      if (steps.length === 0) throw new Error("a submission without anything to accept");
      const only = steps.length === 1 ? steps[0]?.action.Put : undefined;
      // A job alone is named by an id that is never made twice: found there, it is this very one.
      if (submission.job !== undefined && only !== undefined) {
        const doing = `accepting job ${submission.job.id}`;
        await conditional(dynamo, doing, () => documents.send(putItem(only)));
        return { status: "accepted" };
      }
      const doing = `accepting job ${submission.job?.id ?? "none"}, VM ${submission.vm?.record.id ?? "none"}`;
      const outcome = await transact(
        dynamo,
        doing,
        steps.map((step) => step.action),
      );
      if (outcome.held) return { status: "accepted" };
      return refusal(dynamo, { submission, steps, failed: outcome.failed });
    },
    recall: async (query) => {
      const key = keyOf(query);
      const get = getItem({
        TableName: tables.idempotency,
        Key: { key },
        ConsistentRead: true,
      });
      const answer = await calling(`recalling key ${key}`, () => documents.send(get));
      if (answer.Item === undefined) return undefined;
      const row = parseRow(IdempotencyRow, answer.Item, { table: tables.idempotency, key });
      return row.expiresAtMs <= query.now ? undefined : answerOf(row, query.requestHash);
    },
    settle: async ({ requestHash, ...query }) => {
      const key = keyOf(query);
      const update = updateItem({
        TableName: tables.idempotency,
        Key: { key },
        UpdateExpression: "SET #done = :done",
        ConditionExpression: "#requestHash = :requestHash",
        ExpressionAttributeNames: names("done", "requestHash"),
        ExpressionAttributeValues: values({ done: true, requestHash }),
      });
      await conditional(dynamo, `settling key ${key}`, () => documents.send(update));
    },
  };
}

/** An account's name holds no `#`, so no two pairs make one key. */
function keyOf({ account, key }: Key): string {
  return `${account}#${key}`;
}

function answerOf(row: IdempotencyRow, requestHash: string): Accepted {
  if (row.requestHash !== requestHash) return { status: "idempotency_conflict" };
  const { jobId, vmId, seed, done } = row;
  return { status: "replayed", jobId, vmId, seed, done };
}

function stepsOf(tables: Dynamo["tables"], submission: Submission): readonly Step[] {
  const steps: Step[] = [];
  const { job, vm, seed, idempotency, now } = submission;
  if (idempotency !== undefined) {
    const put = {
      TableName: tables.idempotency,
      Item: {
        key: keyOf(idempotency),
        requestHash: idempotency.requestHash,
        jobId: job?.id,
        vmId: vm?.record.id,
        seed,
        expiresAtMs: idempotency.expiresAt,
        expiresAt: ttlSeconds(idempotency.expiresAt),
      },
      ConditionExpression: "attribute_not_exists(#key) OR #expiresAtMs <= :now",
      ExpressionAttributeNames: names("key", "expiresAtMs"),
      ExpressionAttributeValues: values({ now }),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
    };
    steps.push({ part: "idempotency", action: { Put: put } });
  }
  if (job !== undefined)
    steps.push({ part: "job", action: putNew(tables.jobs, { item: jobItem(job), key: "id" }) });
  if (vm !== undefined) {
    const item = apartmentItem(vm.record);
    steps.push({ part: "vm", action: putNew(tables.apartments, { item, key: "id" }) });
  }
  if (vm?.domainXml !== undefined) {
    const version = vm.record.vm.domainXmlVersion;
    if (version === undefined) throw new Error(`VM ${vm.record.id}: domain XML without a version`);
    const item = { vmId: vm.record.id, version, xml: vm.domainXml };
    steps.push({ part: "domain", action: putNew(tables.domains, { item, key: "vmId" }) });
  }
  return steps;
}

function putNew(
  table: string,
  { item, key }: { readonly item: Row; readonly key: string },
): TransactAction {
  return {
    Put: {
      TableName: table,
      Item: item,
      ConditionExpression: `attribute_not_exists(#${key})`,
      ExpressionAttributeNames: names(key),
    },
  };
}

type Refused = {
  readonly submission: Submission;
  readonly steps: readonly Step[];
  readonly failed: readonly ({ readonly stored: Row | undefined } | undefined)[];
};

/** The key speaks first: what it made explains why the rest is there already. */
function refusal({ tables }: Dynamo, { submission, steps, failed }: Refused): Accepted {
  const failedPart = (part: Step["part"]) => failed[steps.findIndex((step) => step.part === part)];
  const used = failedPart("idempotency");
  const { idempotency } = submission;
  if (used !== undefined && idempotency !== undefined) {
    const address = { table: tables.idempotency, key: keyOf(idempotency) };
    return answerOf(parseRow(IdempotencyRow, used.stored, address), idempotency.requestHash);
  }
  if (failedPart("vm") !== undefined) return { status: "vm_exists" };
  throw new Error(
    `job ${submission.job?.id ?? "none"}: exists already, and not by this key; VM ${submission.vm?.record.id ?? "none"}`,
  );
}
