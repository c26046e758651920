import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterEach, expect, test } from "vitest";
import { documentClient, putItem } from "../../../shared/aws/documents.ts";
import { conditional, transact } from "../../../shared/aws/dynamo-call.ts";
import { type ScriptedAnswer, type ScriptedAws, scriptedAws } from "../../support/scripted-aws.ts";
import { testClock } from "../../support/test-clock.ts";

const refusal = (type: string, more: object = {}): ScriptedAnswer => ({
  status: 400,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: type, ...more },
});
const cancelled = (...codes: readonly string[]) =>
  refusal("TransactionCanceledException", {
    CancellationReasons: codes.map((Code) =>
      Code === "ConditionalCheckFailed" ? { Code, Item: { id: { S: "stored" } } } : { Code },
    ),
  });
const done: ScriptedAnswer = { status: 200, body: {} };
const put = { TableName: "jobs", Item: { id: "a" } };

let aws: ScriptedAws;
afterEach(() => aws.close());

async function scripted(answers: readonly ScriptedAnswer[]) {
  aws = await scriptedAws(answers);
  return { documents: documentClient(new DynamoDBClient(aws.config)), clock: testClock() };
}
const transactOn = async (answers: readonly ScriptedAnswer[]) =>
  transact(await scripted(answers), "writing", [{ Put: put }, { Put: put }]);
const putOn = async (answers: readonly ScriptedAnswer[]) => {
  const { documents, clock } = await scripted(answers);
  return conditional({ clock }, "writing", () => documents.send(putItem(put)));
};

test("a transaction in conflict with another is tried again under the same token", async () => {
  const conflict = cancelled("None", "TransactionConflict");
  expect(await transactOn([conflict, conflict, done])).toEqual({ held: true });
  expect(aws.requests).toHaveLength(3);
  const [first] = aws.requests;
  expect(first).toMatchObject({ ClientRequestToken: expect.any(String) });
  expect(new Set(aws.requests.map((request) => JSON.stringify(request))).size).toBe(1);
});

test("a failed condition says which action failed, with what is stored", async () => {
  const outcome = await transactOn([cancelled("None", "ConditionalCheckFailed")]);
  expect(outcome).toEqual({ held: false, failed: [undefined, { stored: { id: "stored" } }] });
});

test("a condition that failed beside a conflict is asked again: it may have failed for what the other one did", async () => {
  const mixed = cancelled("ConditionalCheckFailed", "TransactionConflict");
  expect(await transactOn([mixed, done])).toEqual({ held: true });
});

test("a transaction that is not valid is a bug, not a refusal", async () => {
  const invalid = transactOn([cancelled("ValidationError", "None")]);
  await expect(invalid).rejects.toMatchObject({ name: "ServiceFailure", transient: false });
  expect(aws.requests).toHaveLength(1);
});

test("a write in conflict with a transaction is tried again, and in the end worth a later try", async () => {
  const conflict = refusal("TransactionConflictException");
  expect(await putOn([conflict, done])).toMatchObject({ held: true });
  await aws.close();
  const failure = putOn([conflict]);
  await expect(failure).rejects.toMatchObject({ name: "ServiceFailure", transient: true });
  expect(aws.requests).toHaveLength(8);
});

test("a failed condition of a write comes with what is stored", async () => {
  const failed = refusal("ConditionalCheckFailedException", { Item: { id: { S: "stored" } } });
  expect(await putOn([failed])).toEqual({ held: false, stored: { id: "stored" } });
});

test("throttling is worth a later try, missing rights are not", async () => {
  const throttled = putOn([refusal("ProvisionedThroughputExceededException")]);
  await expect(throttled).rejects.toMatchObject({ message: "writing", transient: true });
  await aws.close();
  const denied = putOn([refusal("AccessDeniedException")]);
  await expect(denied).rejects.toMatchObject({ message: "writing", transient: false });
});
