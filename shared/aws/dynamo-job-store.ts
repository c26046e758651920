/**
 * The jobs' records.
 *
 * A7 is upheld by the condition of `project`: a higher revision, and no change after a terminal status.
 */
import type { JobFilter, JobStore } from "../app/ports.ts";
import type { JobEffect } from "../model/effect.ts";
import type { JobId } from "../model/ids.ts";
import { hasEnded, type JobRecord, JobStatus } from "../model/job.ts";
import { JOINERS_MAX, type Joiner } from "../model/join.ts";
import { jobMatches } from "../model/list-filters.ts";
import { CreatedRow, UnsentRow } from "../model/rows.ts";
import { getItem, putItem, queryItems, type Row, updateItem } from "./documents.ts";
import { batchGet } from "./dynamo-batch-get.ts";
import { conditional, type Dynamo } from "./dynamo-call.ts";
import { type IndexListing, listIndex } from "./dynamo-list.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { ALL_INDEX_SHARDS } from "./index-shard.ts";
import { jobItem, joinersOf, joinerText, ttlSeconds, unexpiredJobs } from "./job-row.ts";
import { calling } from "./service-failure.ts";

export function dynamoJobStore(dynamo: Dynamo): JobStore {
  const { documents, tables } = dynamo;
  return {
    read: async (id) => {
      const get = getItem({ TableName: tables.jobs, Key: { id }, ConsistentRead: true });
      const answer = await calling(`reading job ${id}`, () => documents.send(get));
      return unexpiredJobs(dynamo, answer.Item === undefined ? [] : [answer.Item])[0];
    },
    create: async (job, joiner) => {
      const put = putItem({
        TableName: tables.jobs,
        Item: jobItem(job, joiner),
        ConditionExpression: "attribute_not_exists(#id)",
        ExpressionAttributeNames: names("id"),
      });
      const written = await conditional(dynamo, `recording job ${job.id}`, () =>
        documents.send(put),
      );
      return written.held ? "created" : "exists";
    },
    project: async (effect) => {
      const update = updateItem({ TableName: tables.jobs, ...projection(effect) });
      const doing = `projecting revision ${effect.revision} of job ${effect.jobId}`;
      const written = await conditional(dynamo, doing, () => documents.send(update));
      const row = written.held ? written.output.Attributes : written.stored;
      const joiners = joinersAtEnd(dynamo, effect, row);
      if (written.held) return { status: "projected", ...joiners };
      const there = unexpiredJobs(dynamo, row === undefined ? [] : [row]);
      return { status: there.length === 0 ? "missing" : "superseded", ...joiners };
    },
    addJoiner: (id, joiner) => addJoiner(dynamo, id, joiner),
    requestCancel: async (id, reason) => {
      const update = updateItem({ TableName: tables.jobs, ...cancelRequest(id, reason) });
      const written = await conditional(dynamo, `calling off job ${id}`, () =>
        documents.send(update),
      );
      const row = written.held ? written.output.Attributes : written.stored;
      return unexpiredJobs(dynamo, row === undefined ? [] : [row])[0];
    },
    list: (filter, page) => listIndex(dynamo, jobListing(dynamo, filter), page),
    unsent: (query) => unsent(dynamo, query),
  };
}

/** Of a job that is ended by this effect, or was before. */
function joinersAtEnd(dynamo: Dynamo, effect: JobEffect, row: Row | undefined) {
  if (!hasEnded(effect.status) || row === undefined) return {};
  const [job] = unexpiredJobs(dynamo, [row]);
  const joiners = job !== undefined && hasEnded(job.status) ? joinersOf(dynamo, row) : [];
  return joiners.length === 0 ? {} : { joiners };
}

async function addJoiner(dynamo: Dynamo, id: JobId, joiner: Joiner) {
  const text = joinerText(joiner);
  const update = updateItem({
    TableName: dynamo.tables.jobs,
    Key: { id },
    UpdateExpression: "ADD #joiners :joiners",
    ConditionExpression: `attribute_exists(#id) AND ${NOT_TERMINAL} AND (attribute_not_exists(#joiners) OR size(#joiners) < :max OR contains(#joiners, :joiner))`,
    ExpressionAttributeNames: names("id", "joiners", "record", "status"),
    ExpressionAttributeValues: values({
      ...TERMINAL_VALUES,
      joiners: new Set([text]),
      joiner: text,
      max: JOINERS_MAX,
    }),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  const written = await conditional(dynamo, `joining job ${id}`, () =>
    dynamo.documents.send(update),
  );
  if (written.held) return "joined";
  const [job] = unexpiredJobs(dynamo, written.stored === undefined ? [] : [written.stored]);
  if (job === undefined) return "missing";
  return hasEnded(job.status) ? "ended" : "full";
}

const TERMINAL = JobStatus.options.filter(hasEnded);
const TERMINAL_NAMES = TERMINAL.map((_, index) => `:terminal${index}`);
const NOT_TERMINAL = `NOT (#record.#status IN (${TERMINAL_NAMES.join(", ")}))`;
const TERMINAL_VALUES = Object.fromEntries(
  TERMINAL.map((status, index) => [`terminal${index}`, status]),
);

/** One update of the effect's own attributes; what the effect does not name stays as it is. */
function projection(effect: JobEffect) {
  const own = {
    revision: effect.revision,
    status: effect.status,
    attempts: effect.attempts,
    hostId: effect.hostId,
    progress: effect.progress,
    result: effect.result,
    error: effect.error,
    startedAt: effect.startedAt,
    finishedAt: effect.finishedAt,
    expiresAt: effect.expiresAt,
  };
  const set = Object.entries(own).filter(([, value]) => value !== undefined);
  const assignments = set.map(([name]) => `#record.#${name} = :${name}`);
  const ttl = effect.expiresAt === undefined ? {} : { ttl: ttlSeconds(effect.expiresAt) };
  if (effect.expiresAt !== undefined) assignments.push("#expiresAt = :ttl");
  return {
    Key: { id: effect.jobId },
    UpdateExpression: `SET ${assignments.join(", ")}, #record.#journal = list_append(#record.#journal, :journal) REMOVE #unsentShard`,
    ConditionExpression: `#record.#revision < :revision AND ${NOT_TERMINAL}`,
    ExpressionAttributeNames: names(
      "record",
      "journal",
      "unsentShard",
      ...set.map(([name]) => name),
    ),
    ExpressionAttributeValues: values({
      ...Object.fromEntries(set),
      ...TERMINAL_VALUES,
      ...ttl,
      journal: effect.journal,
    }),
    ...(hasEnded(effect.status) ? { ReturnValues: "ALL_NEW" as const } : {}),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  };
}

function cancelRequest(id: JobId, reason: string | undefined) {
  const first = "#record.#cancelReason = if_not_exists(#record.#cancelReason, :reason)";
  const named = reason === undefined ? [] : ["cancelReason"];
  return {
    Key: { id },
    UpdateExpression: `SET #record.#cancelRequested = :yes${reason === undefined ? "" : `, ${first}`}`,
    ConditionExpression: `attribute_exists(#id) AND ${NOT_TERMINAL}`,
    ExpressionAttributeNames: names("id", "record", "status", "cancelRequested", ...named),
    ExpressionAttributeValues: values({
      yes: true,
      ...TERMINAL_VALUES,
      ...(reason === undefined ? {} : { reason }),
    }),
    ReturnValues: "ALL_NEW" as const,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  };
}

async function unsent(
  { documents, tables }: Dynamo,
  { before, limit }: { readonly before: number; readonly limit: number },
) {
  const ofShard = async (shard: number) => {
    const query = queryItems({
      TableName: tables.jobs,
      IndexName: "unsent",
      KeyConditionExpression: "#unsentShard = :shard AND #createdAt <= :before",
      ExpressionAttributeNames: names("unsentShard", "createdAt"),
      ExpressionAttributeValues: values({ shard, before }),
      Limit: limit,
    });
    const doing = `looking for unsent jobs in shard ${shard}`;
    const answer = await calling(doing, () => documents.send(query));
    return (answer.Items ?? []).map((row) =>
      parseRow(UnsentRow, row, { table: tables.jobs, key: `unsent ${shard}` }),
    );
  };
  const shards = await Promise.all(ALL_INDEX_SHARDS.map(ofShard));
  return shards
    .flat()
    .toSorted((one, other) => one.createdAt - other.createdAt)
    .slice(0, limit)
    .map(({ id, apartmentId }) => ({ jobId: id, to: apartmentId }));
}

function jobListing(dynamo: Dynamo, filter: JobFilter): IndexListing<JobRecord> {
  const table = dynamo.tables.jobs;
  return {
    table,
    ...narrowestIndex(filter),
    order: "descending",
    positionOf: (row) => {
      const address = { table, key: "of a listing index" };
      const { id, createdAt } = parseRow(CreatedRow, row, address);
      return { id, at: createdAt };
    },
    keyOf: ({ id, at }) => ({ id, createdAt: at ?? 0 }),
    fetch: async (ids) => {
      const keys = ids.map((id) => ({ id }));
      const found = await batchGet(dynamo, "listing jobs", {
        [table]: { keys, consistent: false },
      });
      const jobs = unexpiredJobs(dynamo, found.get(table) ?? []);
      return new Map(jobs.map((job) => [job.id, job]));
    },
    matches: (job) => jobMatches(job, filter),
  };
}

function narrowestIndex({ vmId, account }: JobFilter) {
  if (vmId !== undefined) return { index: "byVm", partition: { attribute: "vmId", value: vmId } };
  if (account !== undefined)
    return { index: "byAccount", partition: { attribute: "account", value: account } };
  return { index: "byKind", partition: { attribute: "kind", value: "job" } };
}
