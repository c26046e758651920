import { existsSync } from "node:fs";
import { join } from "node:path";
import { CfnResource, type Stack } from "aws-cdk-lib";
import { CfnEventSourceMapping } from "aws-cdk-lib/aws-lambda";
import { CfnQueue, Queue } from "aws-cdk-lib/aws-sqs";
import { afterAll, describe, expect, it } from "vitest";
import { readTemplate } from "../../../local/template/read-template.ts";
import type { StackModel } from "../../../local/template/stack-model.ts";
import { type TinyStack, tinyStack } from "../../support/tiny-stack.ts";

const site = {
  region: "us-east-1",
  accountId: "111111111111",
  stackName: "tiny",
  queueUrlOf: (name: string) => `http://queues/${name}`,
};
const made: TinyStack[] = [];
afterAll(() => {
  for (const { remove } of made) remove();
});
const read = (change?: (stack: Stack) => void): StackModel => {
  const tiny = tinyStack(change);
  made.push(tiny);
  return readTemplate(tiny.synthesised, site);
};
const arn = (service: string, rest: string) => `arn:aws:${service}:us-east-1:111111111111:${rest}`;

describe("reading a template", () => {
  const model = read();

  it("finds the tables with keys, indexes and time to live", () => {
    expect(model.tables).toEqual([
      {
        ttlAttribute: "expiresAt",
        create: {
          TableName: "things",
          BillingMode: "PAY_PER_REQUEST",
          KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
          AttributeDefinitions: expect.arrayContaining([
            { AttributeName: "age", AttributeType: "N" },
          ]),
          GlobalSecondaryIndexes: [
            {
              IndexName: "byAge",
              KeySchema: [
                { AttributeName: "kind", KeyType: "HASH" },
                { AttributeName: "age", KeyType: "RANGE" },
              ],
              Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["name"] },
            },
          ],
        },
      },
    ]);
  });

  it("finds the queues with their redrive", () => {
    expect(model.queues).toContainEqual({
      name: "work.fifo",
      attributes: {
        FifoQueue: "true",
        VisibilityTimeout: "60",
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: arn("sqs", "dead.fifo"),
          maxReceiveCount: 3,
        }),
      },
    });
    expect(model.queues.map(({ name }) => name).sort()).toEqual([
      "dead.fifo",
      "failed",
      "undelivered",
      "work.fifo",
    ]);
  });

  it("finds the functions with code, limits, environment, permissions and asynchronous policy", () => {
    expect(model.functions).toEqual([
      {
        name: "worker",
        arn: arn("lambda", "function:worker"),
        codeFolder: expect.any(String),
        handler: "source.handler",
        timeoutMs: 10_000,
        memoryMiB: 256,
        environment: { QUEUE_URL: "http://queues/work.fifo", TABLE: "things" },
        reservedConcurrency: undefined,
        permissions: expect.arrayContaining([
          expect.objectContaining({
            Effect: "Allow",
            Action: expect.arrayContaining(["sqs:ReceiveMessage"]),
            Resource: arn("sqs", "work.fifo"),
          }),
        ]),
        asynchronous: { retriesMax: 1, eventAgeMsMax: 21_600_000, onFailureQueue: "failed" },
      },
    ]);
    expect(existsSync(join(model.functions[0]?.codeFolder ?? "", "source.mjs"))).toBe(true);
  });

  it("finds the mappings, the rules with their targets, and the routes", () => {
    expect(model.mappings).toEqual([
      {
        functionName: "worker",
        queueName: "work.fifo",
        batchMessagesMax: 5,
        windowMs: 0,
        reportsItemFailures: true,
        batchesMax: 3,
      },
    ]);
    expect(model.rules).toMatchObject([
      {
        name: "news-rule",
        busName: "news",
        arn: arn("events", "rule/news/news-rule"),
        enabled: true,
        pattern: { source: ["here"] },
        targets: [
          {
            arn: arn("lambda", "function:worker"),
            retriesMax: 4,
            deadLetterArn: arn("sqs", "undelivered"),
          },
        ],
      },
      { name: "each-minute", busName: "default", scheduleExpression: "rate(1 minute)" },
    ]);
    expect(model.archives).toEqual([
      {
        name: "old-news",
        arn: arn("events", "archive/old-news"),
        busName: "news",
        pattern: { source: ["here"] },
        retentionDays: undefined,
      },
    ]);
    expect(model.api).toMatchObject({
      stage: "$default",
      throttle: undefined,
      routes: [{ key: "GET /things/{id}", functionName: "worker", timeoutMs: 30_000 }],
    });
  });

  it("finds the window of a mapping, and refuses what Lambda refuses of one", () => {
    const mapped = (props: object, fifo: boolean) => (stack: Stack) => {
      const name = fifo ? "more.fifo" : "more";
      const queue = new Queue(stack, "More", { queueName: name, ...(fifo && { fifo }) });
      new CfnEventSourceMapping(stack, "Mapping", {
        functionName: "worker",
        eventSourceArn: queue.queueArn,
        ...props,
      });
    };
    const window = { batchSize: 24, maximumBatchingWindowInSeconds: 2 };
    expect(read(mapped(window, false)).mappings).toContainEqual(
      expect.objectContaining({ queueName: "more", batchMessagesMax: 24, windowMs: 2_000 }),
    );
    expect(() => read(mapped(window, true))).toThrow("a FIFO queue has no batching window");
    expect(() => read(mapped({ batchSize: 24 }, false))).toThrow("need a window");
  });

  it("T1 stops at a resource of a type that is not known, naming it", () => {
    const unknown = (stack: Stack) => {
      new CfnResource(stack, "Other", { type: "AWS::SNS::Topic" });
    };
    expect(() => read(unknown)).toThrow(
      "Other: not supported locally: resource type AWS::SNS::Topic",
    );
  });

  it("T2 stops at a property that is not known, naming it", () => {
    const unknown = (stack: Stack) => {
      new CfnQueue(stack, "Other", { queueName: "other", kmsMasterKeyId: "alias/aws/sqs" });
    };
    expect(() => read(unknown)).toThrow("Other: not supported locally: KmsMasterKeyId");
  });
});
