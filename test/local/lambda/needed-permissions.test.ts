import { describe, expect, it } from "vitest";
import { neededPermissions } from "../../../local/lambda/needed-permissions.ts";

const needs = (call: string, body: object | string) =>
  neededPermissions(call, typeof body === "string" ? body : JSON.stringify(body)).map(
    ({ action, resource }) => `${action} ${resource}`,
  );

describe("the permissions that a call needs", () => {
  it.each([
    ["dynamodb:UpdateItem", { TableName: "jobs" }, ["dynamodb:UpdateItem table/jobs"]],
    [
      "dynamodb:PutItem",
      { Item: { TableName: { S: '"TableName":"users"' } }, TableName: "jobs" },
      ["dynamodb:PutItem table/jobs"],
    ],
    [
      "dynamodb:Query",
      { TableName: "jobs", IndexName: "byVm" },
      ["dynamodb:Query table/jobs/index/byVm"],
    ],
    [
      "dynamodb:BatchGetItem",
      { RequestItems: { jobs: {}, hosts: {} } },
      ["dynamodb:BatchGetItem table/jobs", "dynamodb:BatchGetItem table/hosts"],
    ],
    [
      "dynamodb:TransactWriteItems",
      {
        TransactItems: [
          { Put: { TableName: "jobs" } },
          { Update: { TableName: "hosts" } },
          { ConditionCheck: { TableName: "hosts" } },
        ],
      },
      [
        "dynamodb:PutItem table/jobs",
        "dynamodb:UpdateItem table/hosts",
        "dynamodb:ConditionCheckItem table/hosts",
      ],
    ],
    [
      "sqs:SendMessageBatch",
      { QueueUrl: "http://here/1/q.fifo", Entries: [] },
      ["sqs:SendMessage q.fifo"],
    ],
    ["sqs:CreateQueue", { QueueName: "new.fifo" }, ["sqs:CreateQueue new.fifo"]],
    [
      "events:PutEvents",
      { Entries: [{ EventBusName: "b", Detail: '{"EventBusName":"no"}' }, { EventBusName: "c" }] },
      ["events:PutEvents event-bus/b", "events:PutEvents event-bus/c"],
    ],
    [
      "sts:AssumeRole",
      "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr",
      ["sts:AssumeRole arn:aws:iam::1:role/r"],
    ],
    ["sqs:ListQueues", {}, ["sqs:ListQueues *"]],
    ["other:Thing", {}, ["other:Thing *"]],
  ])("of %s %j", (call, body, expected) => {
    expect(needs(call, body)).toEqual(expected);
  });
});
