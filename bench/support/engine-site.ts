/** Tables and queues beside the stack's own, in the same engines, for the calls that are made with nothing of ours between. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CreateQueueCommand, DeleteQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod/mini";
import { TABLES, type TableShape } from "../../shared/model/tables.ts";
import type { EngineStart } from "./engine-protocol.ts";
import { itemOf, type Sampled, STAGE, takeSamples } from "./engine-samples.ts";
import type { Site } from "./site.ts";

const REGION = "us-east-1";
const ALONE = "bench-alone";

const Identity = z.object({
  rootKeys: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
});

export interface EngineSite {
  /** One for each thread. */
  readonly starts: readonly EngineStart[];
  readonly close: () => Promise<void>;
}

export async function makeEngineSite(
  { stack, ...site }: Pick<Site, "stack" | "vmIds" | "load" | "quiet">,
  { threads, jobs }: { readonly threads: number; readonly jobs: Sampled },
): Promise<EngineSite> {
  const file = await readFile(join(stack.dataFolder, "identity.json"), "utf8");
  const { rootKeys: credentials } = Identity.parse(JSON.parse(file));
  const { dynamoDb, sqs: aws } = stack.awsEndpoints;
  const place = { region: REGION, credentials };
  const documents = DynamoDBDocumentClient.from(
    new DynamoDBClient({ ...place, endpoint: dynamoDb }),
  );
  const sqs = new SQSClient({ ...place, endpoint: aws });
  const shared = {
    ...{ dynamoDb, aws, credentials, busName: STAGE },
    tables: {
      apartments: await makeTable(documents, "apartments"),
      jobs: await makeTable(documents, "jobs"),
      hosts: await makeTable(documents, "hosts"),
      events: await makeTable(documents, "events"),
      tokens: await makeTable(documents, "tokens"),
    },
    samples: await takeSamples(documents, site, jobs),
    apartmentQueueUrl: await makeQueue(sqs, `${ALONE}-apartments`),
  };
  const tokenId = await copyToken(documents, shared.tables.tokens);
  const hostIds = await copyHosts(documents, shared.tables.hosts);
  const starts: EngineStart[] = [];
  for (let thread = 0; thread < threads; thread += 1) {
    const commandQueueUrl = await makeQueue(sqs, `${ALONE}-host-${thread}`);
    const hostId = hostIds[thread % hostIds.length] ?? "";
    starts.push({ ...shared, commandQueueUrl, hostId, tokenId, thread });
  }
  return {
    starts,
    close: async () => {
      const queues = [shared.apartmentQueueUrl, ...starts.map((each) => each.commandQueueUrl)];
      for (const QueueUrl of queues) await sqs.send(new DeleteQueueCommand({ QueueUrl }));
      sqs.destroy();
      documents.destroy();
    },
  };
}

/** The stack's hosts with what placement reads of them; answers their ids. */
async function copyHosts(
  documents: DynamoDBDocumentClient,
  into: string,
): Promise<readonly string[]> {
  const from = `${STAGE}-hosts`;
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: from,
      IndexName: "placeable",
      KeyConditionExpression: "#placement = :up",
      ExpressionAttributeNames: { "#placement": "placement" },
      ExpressionAttributeValues: { ":up": "up" },
    }),
  );
  const hostIds = Items.map((item) => String(item["hostId"]));
  for (const hostId of hostIds) {
    const Item = await itemOf(documents, "hosts", { hostId, item: "host" });
    await documents.send(new PutCommand({ TableName: into, Item }));
  }
  return hostIds;
}

/** The admin's; answers its id. */
async function copyToken(documents: DynamoDBDocumentClient, into: string): Promise<string> {
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: `${STAGE}-tokens`,
      IndexName: "byKind",
      KeyConditionExpression: "#kind = :token",
      ExpressionAttributeNames: { "#kind": "kind" },
      ExpressionAttributeValues: { ":token": "token" },
      Limit: 1,
    }),
  );
  const id = String(Items[0]?.["id"]);
  const Item = await itemOf(documents, "tokens", { id });
  await documents.send(new PutCommand({ TableName: into, Item }));
  return id;
}

/** With the keys and indexes of the stack's own. */
async function makeTable(
  documents: DynamoDBDocumentClient,
  name: keyof EngineStart["tables"],
): Promise<string> {
  const shape: TableShape = TABLES[name];
  const TableName = `${ALONE}-${name}`;
  const indexes = Object.entries(shape.indexes);
  const keys = [shape, ...Object.values(shape.indexes)].flatMap(({ partition, sort }) =>
    sort === undefined ? [partition] : [partition, sort],
  );
  const types = new Map(keys.map((key) => [key.name, key.type]));
  await documents.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [...types].map(([AttributeName, AttributeType]) => ({
        AttributeName,
        AttributeType,
      })),
      KeySchema: keySchema(shape),
      ...(indexes.length > 0 && {
        GlobalSecondaryIndexes: indexes.map(([IndexName, index]) => ({
          IndexName,
          KeySchema: keySchema(index),
          Projection:
            index.include.length === 0
              ? { ProjectionType: "KEYS_ONLY" as const }
              : { ProjectionType: "INCLUDE" as const, NonKeyAttributes: [...index.include] },
        })),
      }),
    }),
  );
  return TableName;
}

function keySchema({ partition, sort }: Pick<TableShape, "partition" | "sort">) {
  const hash = { AttributeName: partition.name, KeyType: "HASH" as const };
  return sort === undefined
    ? [hash]
    : [hash, { AttributeName: sort.name, KeyType: "RANGE" as const }];
}

async function makeQueue(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({
      QueueName: `${name}.fifo`,
      Attributes: {
        FifoQueue: "true",
        DeduplicationScope: "messageGroup",
        FifoThroughputLimit: "perMessageGroupId",
      },
    }),
  );
  if (QueueUrl === undefined) throw new Error(`queue ${name} has no URL`);
  return QueueUrl;
}
