/** The calls to DynamoDB among those of `engine-calls.ts`. */
import {
  BatchGetCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { APPEND } from "./aws-calls.ts";
import type { EngineStart, Read } from "./engine-protocol.ts";

const WAKE_SHARDS = 8;

/** Of one VM and its jobs: its items are nobody else's, but for its host's. */
export function dynamoCalls(documents: DynamoDBDocumentClient, start: EngineStart, lane: string) {
  const { apartments, jobs, hosts, tokens } = start.tables;
  const id = `vm-${lane}`;
  const writes = itemWrites(start, lane);
  const appends = logAppends(start, lane);
  let gets = 0;
  const places = {
    apartment: () => ({ TableName: apartments, Key: { id } }),
    job: () => ({ TableName: jobs, Key: { id: writes.jobId() } }),
    host: () => ({ TableName: hosts, Key: { hostId: start.hostId, item: "host" } }),
    token: () => ({ TableName: tokens, Key: { id: start.tokenId } }),
  };
  const nextGet = (reads: readonly Read[]) => {
    gets += 1;
    const place = places[reads[gets % reads.length] ?? "apartment"]();
    return { ...place, ConsistentRead: true };
  };
  return {
    ...hostCalls(documents, start, lane),
    [APPEND]: () => documents.send(new TransactWriteCommand(appends.next())),
    "dynamodb:PutItem": () => documents.send(new PutCommand(writes.nextPut())),
    "dynamodb:UpdateItem": () => documents.send(new UpdateCommand(writes.nextUpdate())),
    "dynamodb:GetItem": (reads: readonly Read[]) => documents.send(new GetCommand(nextGet(reads))),
    "dynamodb:BatchGetItem": () =>
      documents.send(
        new BatchGetCommand({
          RequestItems: {
            [apartments]: { Keys: [{ id }], ConsistentRead: true },
            [jobs]: { Keys: [{ id: writes.jobId() }], ConsistentRead: true },
          },
        }),
      ),
  };
}

/** Puts and updates of one VM and its jobs, each conditional on the one before: a new job in its indexes, then its commits. */
function itemWrites({ tables, samples: { commits, job } }: EngineStart, lane: string) {
  const id = `vm-${lane}`;
  const cycle = 1 + commits.length;
  let puts = 0;
  let version = 0;
  let revision = 0;
  const jobId = () => `job-${lane}-${Math.floor(Math.max(0, puts - 1) / cycle)}`;
  const putJob = () => ({
    TableName: tables.jobs,
    Item: { ...job, id: jobId(), vmId: id, unsentShard: puts % WAKE_SHARDS, createdAt: Date.now() },
    ConditionExpression: "attribute_not_exists(#id)",
    ExpressionAttributeNames: { "#id": "id" },
  });
  const commit = () => {
    version += 1;
    return {
      TableName: tables.apartments,
      Item: { ...commits[((puts - 1) % cycle) - 1], id, version },
      ConditionExpression: "attribute_not_exists(#version) OR #version = :before",
      ExpressionAttributeNames: { "#version": "version" },
      ExpressionAttributeValues: { ":before": version - 1 },
    };
  };
  return {
    jobId,
    nextPut: () => {
      puts += 1;
      return (puts - 1) % cycle === 0 ? putJob() : commit();
    },
    nextUpdate: () => {
      revision += 1;
      return {
        TableName: tables.jobs,
        Key: { id: jobId() },
        UpdateExpression: "SET #record = :record, #revision = :revision REMOVE #unsentShard",
        ConditionExpression: "attribute_not_exists(#revision) OR #revision < :revision",
        ExpressionAttributeNames: {
          "#record": "record",
          "#revision": "revision",
          "#unsentShard": "unsentShard",
        },
        ExpressionAttributeValues: { ":record": job["record"], ":revision": revision },
      };
    },
  };
}

/** Events and their pages, each of them new, and the head that moves on. */
function logAppends(
  { tables: { events: TableName }, samples: { append } }: EngineStart,
  lane: string,
) {
  let page = 0;
  const head = {
    TableName,
    Key: { stream: `head-${lane}`, page: 0 },
    UpdateExpression: "SET #last = :next",
    ConditionExpression: "attribute_not_exists(#last) OR #last = :last",
    ExpressionAttributeNames: { "#last": "last" },
  };
  const onlyOnce = {
    ConditionExpression: "attribute_not_exists(#stream)",
    ExpressionAttributeNames: { "#stream": "stream" },
  };
  return {
    next: () => {
      page += 1;
      return {
        TransactItems: [
          { Update: { ...head, ExpressionAttributeValues: { ":next": page, ":last": page - 1 } } },
          ...append.map((item) => ({
            Put: {
              TableName,
              Item: { ...item, stream: `${item["stream"]}-${lane}`, page },
              ...("record" in item && onlyOnce),
            },
          })),
        ],
      };
    },
  };
}

function hostCalls(
  documents: DynamoDBDocumentClient,
  { tables: { hosts: TableName }, hostId }: EngineStart,
  lane: string,
) {
  let taken = 0;
  return {
    "dynamodb:Query": () =>
      documents.send(
        new QueryCommand({
          TableName,
          IndexName: "placeable",
          KeyConditionExpression: "#placement = :up",
          ExpressionAttributeNames: { "#placement": "placement" },
          ExpressionAttributeValues: { ":up": "up" },
        }),
      ),
    /** Room is taken and given back by turns. */
    "dynamodb:TransactWriteItems": () => {
      taken = taken === 1 ? -1 : 1;
      const reservation = { hostId, item: `vm#${lane}`, held: taken === 1, need: { cpus: 1 } };
      return documents.send(
        new TransactWriteCommand({
          TransactItems: [
            { Put: { TableName, Item: reservation } },
            {
              Update: {
                TableName,
                Key: { hostId, item: "host" },
                UpdateExpression:
                  "SET #reserved.#cpus = #reserved.#cpus + :cpus, #freeCpus = #freeCpus - :cpus",
                ConditionExpression: "attribute_exists(#hostId)",
                ExpressionAttributeNames: {
                  "#reserved": "reserved",
                  "#cpus": "cpus",
                  "#freeCpus": "freeCpus",
                  "#hostId": "hostId",
                },
                ExpressionAttributeValues: { ":cpus": taken },
              },
            },
          ],
        }),
      );
    },
  };
}
