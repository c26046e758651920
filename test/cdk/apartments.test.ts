import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { stackTemplate } from "../support/template.ts";

const template = stackTemplate();

/** The one resource of a type with these properties, and its logical id. */
function only(type: string, properties: Record<string, unknown>) {
  const found = Object.entries(template.findResources(type, { Properties: properties }));
  const [first] = found;
  if (found.length !== 1 || first === undefined) throw new Error(`${found.length} ${type}`);
  return { id: first[0], properties: first[1]["Properties"] };
}

const queues = [
  { queue: "vmsync-apartments.fifo", consumer: "vmsync-apartment", batchesMax: 50 },
  { queue: "vmsync-apartments-dead.fifo", consumer: "vmsync-dead-letters", batchesMax: 2 },
];

describe.each(queues)("the queue $queue", ({ queue, consumer, batchesMax }) => {
  const made = only("AWS::SQS::Queue", { QueueName: queue });
  const lambda = only("AWS::Lambda::Function", { FunctionName: consumer });
  const mapping = only("AWS::Lambda::EventSourceMapping", {
    EventSourceArn: { "Fn::GetAtt": [made.id, "Arn"] },
  });

  it("is FIFO, with limits and de-duplication by group", () => {
    expect(made.properties).toMatchObject({
      FifoQueue: true,
      DeduplicationScope: "messageGroup",
      FifoThroughputLimit: "perMessageGroupId",
    });
    expect(made.properties.ContentBasedDeduplication).toBeUndefined();
  });

  it("hides a message for six times its consumer's time-out", () => {
    expect(made.properties.VisibilityTimeout).toBe(6 * lambda.properties.Timeout);
  });

  it("is consumed in batches of ten, without a window, message by message, with its concurrency limited on the mapping", () => {
    expect(mapping.properties).toEqual({
      EventSourceArn: { "Fn::GetAtt": [made.id, "Arn"] },
      FunctionName: { Ref: lambda.id },
      BatchSize: 10,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      ScalingConfig: { MaximumConcurrency: batchesMax },
    });
    expect(lambda.properties.ReservedConcurrentExecutions).toBeUndefined();
  });
});

describe("the apartments", () => {
  it("may send messages to themselves for as long as jobs take: Lambda must not end such a chain", () => {
    for (const FunctionName of ["vmsync-apartment", "vmsync-dead-letters"])
      template.hasResourceProperties("AWS::Lambda::Function", {
        FunctionName,
        RecursiveLoop: "Allow",
      });
    template.resourcePropertiesCountIs("AWS::Lambda::Function", { RecursiveLoop: "Allow" }, 2);
  });

  it("give a message up only after as many receives as SQS allows, to a FIFO dead-letter queue", () => {
    const dead = only("AWS::SQS::Queue", { QueueName: "vmsync-apartments-dead.fifo" });
    template.hasResourceProperties("AWS::SQS::Queue", {
      QueueName: "vmsync-apartments.fifo",
      RedrivePolicy: {
        deadLetterTargetArn: { "Fn::GetAtt": [dead.id, "Arn"] },
        maxReceiveCount: 1000,
      },
    });
  });

  it("are reached over TLS only", () => {
    template.hasResourceProperties("AWS::SQS::QueuePolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: "Deny",
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          }),
        ]),
      },
    });
  });
});
