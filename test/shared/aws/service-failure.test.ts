import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { expect, test } from "vitest";
import { calling, ServiceFailure } from "../../../shared/aws/service-failure.ts";
import { freePort } from "../../support/free-port.ts";
import { scriptedAws } from "../../support/scripted-aws.ts";

async function failureOf(call: () => Promise<unknown>): Promise<ServiceFailure> {
  const failure: unknown = await calling("listing", call).catch((error: unknown) => error);
  if (failure instanceof ServiceFailure) return failure;
  throw new Error("did not fail as a service");
}

test("a service that is not there is worth a later try", async () => {
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint, region: "x", credentials, maxAttempts: 1 });
  const failure = await failureOf(() => client.send(new ListTablesCommand({})));
  expect(failure.transient).toBe(true);
});

test.each([
  { status: 500, type: "InternalServerError", transient: true },
  { status: 503, type: "ServiceUnavailable", transient: true },
  { status: 429, type: "Whatever", transient: true },
  { status: 400, type: "ThrottlingException", transient: true },
  { status: 400, type: "ValidationException", transient: false },
  { status: 403, type: "AccessDeniedException", transient: false },
])("an answer of $status $type is transient: $transient", async ({ status, type, transient }) => {
  const aws = await scriptedAws([{ status, body: { __type: type, message: "no" } }]);
  const client = new DynamoDBClient(aws.config);
  const failure = await failureOf(() => client.send(new ListTablesCommand({})));
  await aws.close();
  expect(failure.transient).toBe(transient);
});

test("says what was being done, keeps the cause, and is not wrapped twice", async () => {
  const bug = new TypeError("a bug");
  const failure = await failureOf(() => calling("reading", () => Promise.reject(bug)));
  expect(failure.message).toBe("reading");
  expect(failure.cause).toBe(bug);
  expect(failure.transient).toBe(false);
});
