import { DescribeTimeToLiveCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DynamoDbEngine, startDynoxide } from "../../local/dynoxide.ts";
import { makeTables } from "../../local/make-tables.ts";
import type { TableModel } from "../../local/template/stack-model.ts";

const credentials = { accessKeyId: "k", secretAccessKey: "s" };
const region = "us-east-1";
const table = (sortName: string): TableModel => ({
  create: {
    TableName: "things",
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    AttributeDefinitions: ["id", "kind", sortName].map((AttributeName) => ({
      AttributeName,
      AttributeType: "S",
    })),
    GlobalSecondaryIndexes: [
      {
        IndexName: "byKind",
        KeySchema: [
          { AttributeName: "kind", KeyType: "HASH" },
          { AttributeName: sortName, KeyType: "RANGE" },
        ],
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
    ],
  },
  ttlAttribute: "expiresAt",
});

describe("making the tables", () => {
  let engine: DynamoDbEngine;
  beforeAll(async () => {
    engine = await startDynoxide({ file: undefined, onLine: () => {} });
    await make(table("age"));
  });
  afterAll(() => engine.stop());
  const make = (model: TableModel) =>
    makeTables({ endpoint: engine.endpoint, region, credentials, tables: [model] });

  it("sets the time to live", async () => {
    const client = new DynamoDBClient({ endpoint: engine.endpoint, region, credentials });
    const described = await client.send(new DescribeTimeToLiveCommand({ TableName: "things" }));
    client.destroy();
    expect(described.TimeToLiveDescription).toMatchObject({ AttributeName: "expiresAt" });
  });

  it("leaves a table that is there as it is", async () => {
    await expect(make(table("age"))).resolves.toBeUndefined();
  });

  it("refuses a table that is there with other keys or indexes", async () => {
    await expect(make(table("size"))).rejects.toThrow(
      "table things is there with other keys or indexes",
    );
  });

  it("says which engine does not answer", async () => {
    const endpoint = "http://127.0.0.1:1";
    await expect(
      makeTables({ endpoint, region, credentials, tables: [table("age")] }),
    ).rejects.toThrow(/^the DynamoDB engine at http:\/\/127\.0\.0\.1:1 does not work: .+/);
  });
});
