import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterEach, expect, test } from "vitest";
import {
  batchGetItems,
  documentClient,
  putItem,
  queryItems,
  updateItem,
} from "../../../shared/aws/documents.ts";
import { type ScriptedAnswer, type ScriptedAws, scriptedAws } from "../../support/scripted-aws.ts";

let aws: ScriptedAws;
afterEach(() => aws.close());

/** As functions have it. */
async function scripted(body: unknown) {
  const answer: ScriptedAnswer = { status: 200, body };
  aws = await scriptedAws([answer]);
  return documentClient(new DynamoDBClient({ ...aws.config, cacheMiddleware: true }));
}

test("values go out as the service has them; what is undefined stays away, at any depth", async () => {
  const documents = await scripted({});
  await documents.send(
    putItem({
      TableName: "t",
      Item: { id: "a", gone: undefined, record: { n: 1, gone: undefined, list: ["x", true] } },
    }),
  );
  expect(aws.requests).toEqual([
    {
      TableName: "t",
      Item: {
        id: { S: "a" },
        record: { M: { n: { N: "1" }, list: { L: [{ S: "x" }, { BOOL: true }] } } },
      },
    },
  ]);
});

test("what comes back is plain, and undefined where there is nothing", async () => {
  const documents = await scripted({ Attributes: { id: { S: "a" } }, Items: [{ n: { N: "1" } }] });
  const update = { TableName: "t", Key: { id: "a" } };
  expect(await documents.send(updateItem(update))).toEqual({ Attributes: { id: "a" } });
  const found = await documents.send(queryItems({ TableName: "t" }));
  expect(found).toEqual({ Items: [{ n: 1 }], LastEvaluatedKey: undefined });
});

test("keys that a batch left out can be asked for again as they are", async () => {
  const left = { t: { Keys: [{ id: { S: "b" } }], ConsistentRead: true } };
  const documents = await scripted({
    Responses: { t: [{ id: { S: "a" } }] },
    UnprocessedKeys: left,
  });
  const wanted = { t: { Keys: [{ id: "a" }, { id: "b" }], ConsistentRead: true } };
  const { found, unprocessed } = await documents.send(batchGetItems(wanted));
  expect(found).toEqual({ t: [{ id: "a" }] });
  await documents.send(batchGetItems(unprocessed));
  expect(aws.requests.at(-1)).toEqual({ RequestItems: left });
});

test("calls of one kind side by side are each their own", async () => {
  const documents = await scripted({});
  const ids = ["a", "b", "c", "d"];
  await Promise.all(
    ids.map((id) => documents.send(putItem({ TableName: `of-${id}`, Item: { id } }))),
  );
  const sent = aws.requests.toSorted((one, other) =>
    JSON.stringify(one).localeCompare(JSON.stringify(other)),
  );
  expect(sent).toEqual(ids.map((id) => ({ TableName: `of-${id}`, Item: { id: { S: id } } })));
});
