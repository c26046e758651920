/**
 * The calls to AWS that start jobs make, made by plain SDK clients with nothing of ours around them: items as large, the same
 * kinds of conditions, indexes and message groups.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import type { EngineStart } from "./engine-protocol.ts";

/** One of each a thread, as a function has. */
export type Clients = {
  readonly documents: DynamoDBDocumentClient;
  readonly sqs: SQSClient;
  readonly events: EventBridgeClient;
};

export interface Caller {
  /** Makes one call, `service:Action`. Throws on a call that no program is here for. */
  readonly call: (name: string) => Promise<unknown>;
}

const REGION = "us-east-1";
const MESSAGE = JSON.stringify({
  v: 1,
  logicalId: "x".repeat(60),
  body: { text: "x".repeat(180) },
});
const EVENT_DETAIL = JSON.stringify({
  topic: "custom.bench",
  id: "x".repeat(40),
  text: "x".repeat(160),
});

export function engineClients({ dynamoDb, aws, credentials }: EngineStart): Clients {
  const region = REGION;
  return {
    documents: DynamoDBDocumentClient.from(
      new DynamoDBClient({ endpoint: dynamoDb, credentials, region }),
    ),
    sqs: new SQSClient({ endpoint: aws, credentials, region }),
    events: new EventBridgeClient({ endpoint: aws, credentials, region }),
  };
}

/** The calls of one VM's jobs: its items are nobody else's, but for its host's. */
export function engineCaller(clients: Clients, start: EngineStart, lane: string): Caller {
  const calls = {
    ...dynamoCalls(clients, start, lane),
    ...queueCalls(clients, start, lane),
    ...busCalls(clients, start),
  };
  const byName = new Map<string, () => Promise<unknown>>(Object.entries(calls));
  return {
    call: (name) => {
      const found = byName.get(name);
      if (found === undefined) throw new Error(`no program makes the call ${name}`);
      return found();
    },
  };
}

function dynamoCalls({ documents }: Clients, start: EngineStart, lane: string) {
  const { apartments, jobs } = start.tables;
  const id = `vm-${lane}`;
  const writes = itemWrites(start, lane);
  return {
    ...hostCalls(documents, start, lane),
    "dynamodb:PutItem": () => documents.send(new PutCommand(writes.nextPut())),
    "dynamodb:UpdateItem": () => documents.send(new UpdateCommand(writes.nextUpdate())),
    "dynamodb:GetItem": () =>
      documents.send(new GetCommand({ TableName: apartments, Key: { id }, ConsistentRead: true })),
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

const WAKE_SHARDS = 8;

/** Puts and updates of one VM and its jobs, each conditional on the one before. */
function itemWrites({ tables, samples, shape }: EngineStart, lane: string) {
  const { wakeShard: _, wakeAt: __, ...apartment } = samples.apartment;
  const { expiresAt: ___, ...job } = samples.job;
  const id = `vm-${lane}`;
  let puts = 0;
  let version = 0;
  let revision = 0;
  let states = 0;
  const jobId = () => `job-${lane}-${Math.floor(Math.max(0, puts - 1) / shape.puts)}`;
  const putJob = () => ({
    TableName: tables.jobs,
    Item: { ...job, id: jobId(), vmId: id, unsentShard: puts % WAKE_SHARDS, createdAt: Date.now() },
    ConditionExpression: "attribute_not_exists(#id)",
    ExpressionAttributeNames: { "#id": "id" },
  });
  const commit = () => {
    version += 1;
    const at = (puts - 1) % shape.puts;
    if (shape.stateCommits.includes(at)) states += 1;
    const due = shape.dueCommits.includes(at)
      ? { wakeShard: version % WAKE_SHARDS, wakeAt: Date.now() }
      : {};
    return {
      TableName: tables.apartments,
      Item: { ...apartment, id, version, state: `state-${states}`, ...due },
      ConditionExpression: "attribute_not_exists(#version) OR #version = :before",
      ExpressionAttributeNames: { "#version": "version" },
      ExpressionAttributeValues: { ":before": version - 1 },
    };
  };
  return {
    jobId,
    nextPut: () => {
      puts += 1;
      return (puts - 1) % shape.puts === 0 ? putJob() : commit();
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

function queueCalls(
  { sqs }: Clients,
  { apartmentQueueUrl, commandQueueUrl }: EngineStart,
  lane: string,
) {
  let sent = 0;
  let receipts: readonly string[] = [];
  const message = () => {
    sent += 1;
    const MessageDeduplicationId = `${lane}-${sent}`;
    return { MessageBody: MESSAGE, MessageGroupId: lane, MessageDeduplicationId };
  };
  return {
    "sqs:SendMessage": () =>
      sqs.send(new SendMessageCommand({ QueueUrl: commandQueueUrl, ...message() })),
    "sqs:SendMessageBatch": () =>
      sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: apartmentQueueUrl,
          Entries: [{ Id: "0", ...message() }],
        }),
      ),
    "sqs:ReceiveMessage": async () => {
      const wanted = { QueueUrl: commandQueueUrl, MaxNumberOfMessages: 10 };
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(wanted));
      receipts = Messages.flatMap(({ ReceiptHandle }) => ReceiptHandle ?? []);
    },
    "sqs:DeleteMessageBatch": async () => {
      const Entries = receipts.map((ReceiptHandle, at) => ({ Id: String(at), ReceiptHandle }));
      if (Entries.length > 0)
        await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: commandQueueUrl, Entries }));
      receipts = [];
    },
  };
}

function busCalls({ events }: Clients, { busName }: EngineStart) {
  const entry = {
    EventBusName: busName,
    Source: "vmsync",
    DetailType: "custom", // no rule hands it to a function
    Detail: EVENT_DETAIL,
  };
  return { "events:PutEvents": () => events.send(new PutEventsCommand({ Entries: [entry] })) };
}
