/**
 * Where dynoxide 1.2.1 does otherwise than DynamoDB. The adapters rest on none of these; a test that fails here says that
 * a newer version has closed the gap, and its line in the documents can go.
 */
import {
  CreateTableCommand,
  type DynamoDBClient,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  TransactGetCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DynamoEngine } from "../support/dynamo-engine.ts";
import { startDynoxide } from "../support/dynoxide.ts";

describe("dynoxide", () => {
  let engine: DynamoEngine;
  let documents: DynamoDBDocumentClient;
  const TableName = "gaps";
  beforeEach(async () => {
    engine = await startDynoxide();
    documents = DynamoDBDocumentClient.from(engine.client);
    await createTable(engine.client, TableName);
  });
  afterEach(() => engine.stop());

  test("answers the key for ALL_OLD where an update creates the item (AWS: nothing)", async () => {
    const update = {
      ...{ TableName, Key: { id: "new" } },
      UpdateExpression: "SET #a = :a",
      ExpressionAttributeNames: { "#a": "a" },
      ExpressionAttributeValues: { ":a": 1 },
    };
    const old = await documents.send(new UpdateCommand({ ...update, ReturnValues: "ALL_OLD" }));
    expect(old.Attributes).toEqual({ id: "new" });
  });

  test("a failed condition on an item that is not there answers no item, as AWS does", async () => {
    const put = {
      ...{ TableName, Item: { id: "absent" } },
      ConditionExpression: "attribute_exists(#id)",
      ExpressionAttributeNames: { "#id": "id" },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
    };
    const failure: unknown = await documents.send(new PutCommand(put)).catch((error) => error);
    expect(failure).toMatchObject({ name: "ConditionalCheckFailedException" });
    expect(failure).not.toHaveProperty("Item.id");
  });

  test("takes a TTL and never deletes by it (AWS: within days), so readers filter", async () => {
    const TimeToLiveSpecification = { Enabled: true, AttributeName: "expiresAt" };
    await engine.client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
    await documents.send(new PutCommand({ TableName, Item: { id: "old", expiresAt: 1 } }));
    const read = await documents.send(new GetCommand({ TableName, Key: { id: "old" } }));
    expect(read.Item).toEqual({ id: "old", expiresAt: 1 });
  });

  test("pads a list that is set past its end (AWS: appends), so lists are only appended to", async () => {
    await documents.send(new PutCommand({ TableName, Item: { id: "list", list: ["a"] } }));
    const update = {
      ...{ TableName, Key: { id: "list" } },
      UpdateExpression: "SET #list[9] = :b",
      ExpressionAttributeNames: { "#list": "list" },
      ExpressionAttributeValues: { ":b": "b" },
    };
    const after = await documents.send(new UpdateCommand({ ...update, ReturnValues: "ALL_NEW" }));
    expect(after.Attributes?.["list"]).not.toEqual(["a", "b"]);
  });

  test("leaks the key into projections of TransactGetItems (AWS: only what was asked for)", async () => {
    await documents.send(new PutCommand({ TableName, Item: { id: "one", a: 1 } }));
    const get = { TableName, Key: { id: "one" } };
    const projected = {
      ...get,
      ProjectionExpression: "#a",
      ExpressionAttributeNames: { "#a": "a" },
    };
    const answer = await documents.send(
      new TransactGetCommand({ TransactItems: [{ Get: projected }] }),
    );
    expect(answer.Responses?.[0]?.Item).toEqual({ id: "one", a: 1 });
  });

  test("ends at an update whose text breaks off before a ✓ (AWS: ValidationException), so texts hold placeholders only", async () => {
    const update = {
      ...{ TableName, Key: { id: "one" } },
      UpdateExpression: "SET a = :a AND ✓",
      ExpressionAttributeValues: { ":a": 1 },
    };
    const failure: unknown = await documents
      .send(new UpdateCommand(update))
      .catch((error) => error);
    expect(failure).not.toMatchObject({ name: "ValidationException" });
    const read = documents.send(new GetCommand({ TableName, Key: { id: "one" } }));
    await expect(read).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/);
  });

  test("values and names outside ASCII are fine where they are placeholders", async () => {
    const put = {
      ...{ TableName, Item: { id: "größe ✓", größe: "起動 🚀" } },
      ConditionExpression: "attribute_not_exists(#size) OR #size = :size",
      ExpressionAttributeNames: { "#size": "größe" },
      ExpressionAttributeValues: { ":size": "起動 🚀" },
    };
    await documents.send(new PutCommand(put));
    await documents.send(new PutCommand(put));
    const read = await documents.send(new GetCommand({ TableName, Key: { id: "größe ✓" } }));
    expect(read.Item).toEqual(put.Item);
  });
});

async function createTable(client: DynamoDBClient, TableName: string): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    }),
  );
}
