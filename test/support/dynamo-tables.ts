/** The tables of `shared/model/tables.ts`, made on an engine. */
import { CreateTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { TABLES, type TableName, type TableShape } from "../../shared/model/tables.ts";

let generation = 0;

/** A fresh, empty set; its names by table. */
export async function createTables(
  client: DynamoDBClient,
): Promise<Readonly<Record<TableName, string>>> {
  generation += 1;
  const prefix = `t${process.pid}-${generation}-`;
  const create = (name: TableName) => createTable(client, `${prefix}${name}`, TABLES[name]);
  const [apartments, domains, jobs, idempotency, hosts, incidents, events, interests, tokens] =
    await Promise.all([
      create("apartments"),
      create("domains"),
      create("jobs"),
      create("idempotency"),
      create("hosts"),
      create("incidents"),
      create("events"),
      create("interests"),
      create("tokens"),
    ]);
  return { apartments, domains, jobs, idempotency, hosts, incidents, events, interests, tokens };
}

async function createTable(
  client: DynamoDBClient,
  name: string,
  { partition, sort, indexes }: TableShape,
): Promise<string> {
  const keys = [partition, ...(sort ? [sort] : [])];
  const all = [
    ...keys,
    ...Object.values(indexes).flatMap((index) => [index.partition, index.sort]),
  ];
  const types = new Map(all.map((key) => [key.name, key.type]));
  const secondary = Object.entries(indexes).map(([IndexName, index]) => ({
    IndexName,
    KeySchema: keySchema(index.partition.name, index.sort.name),
    Projection:
      index.include.length === 0
        ? { ProjectionType: "KEYS_ONLY" as const }
        : { ProjectionType: "INCLUDE" as const, NonKeyAttributes: [...index.include] },
  }));
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: keySchema(partition.name, sort?.name),
      AttributeDefinitions: [...types].map(([AttributeName, AttributeType]) => ({
        AttributeName,
        AttributeType,
      })),
      ...(secondary.length === 0 ? {} : { GlobalSecondaryIndexes: secondary }),
    }),
  );
  return name;
}

function keySchema(partition: string, sort: string | undefined) {
  const hash = { AttributeName: partition, KeyType: "HASH" as const };
  return sort === undefined ? [hash] : [hash, { AttributeName: sort, KeyType: "RANGE" as const }];
}
