import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterEach, expect, test } from "vitest";
import { documentClient } from "../../../shared/aws/documents.ts";
import { batchGet } from "../../../shared/aws/dynamo-batch-get.ts";
import { type ScriptedAws, scriptedAws } from "../../support/scripted-aws.ts";
import { testClock } from "../../support/test-clock.ts";

const keyOf = (id: string) => ({ id: { S: id } });
const unprocessed = (...ids: readonly string[]) => ({
  jobs: { Keys: ids.map(keyOf), ConsistentRead: true },
});
const answer = (responses: unknown, left: unknown = {}) => ({
  status: 200,
  body: { Responses: responses, UnprocessedKeys: left },
});
const wanted = { jobs: { keys: [{ id: "a" }, { id: "b" }, { id: "c" }], consistent: true } };

let aws: ScriptedAws;
afterEach(() => aws.close());

async function getFrom(answers: Parameters<typeof scriptedAws>[0]) {
  aws = await scriptedAws(answers);
  const documents = documentClient(new DynamoDBClient(aws.config));
  return batchGet({ documents, clock: testClock() }, "reading jobs", wanted);
}

test("keys that were left unprocessed are asked for again, and only those", async () => {
  const found = await getFrom([
    answer({ jobs: [keyOf("a")] }, unprocessed("b", "c")),
    answer({ jobs: [keyOf("b")] }, unprocessed("c")),
    answer({ jobs: [keyOf("c")] }),
  ]);
  expect(found.get("jobs")).toEqual([{ id: "a" }, { id: "b" }, { id: "c" }]);
  expect(aws.requests).toEqual([
    { RequestItems: unprocessed("a", "b", "c") },
    { RequestItems: unprocessed("b", "c") },
    { RequestItems: unprocessed("c") },
  ]);
});

test("gives up after a few attempts with a failure that is worth a later try", async () => {
  const failure = getFrom([answer({}, unprocessed("a"))]);
  await expect(failure).rejects.toMatchObject({
    ...{ name: "ServiceFailure", message: "reading jobs", transient: true },
  });
  expect(aws.requests).toHaveLength(6);
});

test("asks nothing where nothing is wanted", async () => {
  aws = await scriptedAws([]);
  const documents = documentClient(new DynamoDBClient(aws.config));
  const none = { jobs: { keys: [], consistent: true } };
  const found = await batchGet({ documents, clock: testClock() }, "reading jobs", none);
  expect(found.get("jobs")).toEqual([]);
  expect(aws.requests).toEqual([]);
});
