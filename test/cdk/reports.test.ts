import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { stackTemplate } from "../support/template.ts";

const template = stackTemplate();
const idOf = (type: string, properties: Record<string, unknown>): string => {
  const [id, ...more] = Object.keys(template.findResources(type, { Properties: properties }));
  if (id === undefined || more.length > 0) throw new Error(`not one ${type}`);
  return id;
};

describe("reports", () => {
  it("reach reconcile-host from the contract's bus by their family alone", () => {
    const bus = idOf("AWS::Events::EventBus", { Name: "vmsync" });
    const reconcile = idOf("AWS::Lambda::Function", { FunctionName: "vmsync-reconcile-host" });
    const undelivered = idOf("AWS::SQS::Queue", { QueueName: "vmsync-reports-undelivered" });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventBusName: { Ref: bus },
      EventPattern: { source: ["vmsync"], "detail-type": ["agent.report"] },
      Targets: [
        Match.objectLike({
          Arn: { "Fn::GetAtt": [reconcile, "Arn"] },
          DeadLetterConfig: { Arn: { "Fn::GetAtt": [undelivered, "Arn"] } },
        }),
      ],
    });
  });

  it("that fail three times are kept where somebody sees them", () => {
    const failed = idOf("AWS::SQS::Queue", { QueueName: "vmsync-reports-failed" });
    template.hasResourceProperties("AWS::Lambda::EventInvokeConfig", {
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: { "Fn::GetAtt": [failed, "Arn"] } } },
    });
  });

  it.each(["reports-failed", "reports-undelivered"])(
    "in %s are tried again, one at a time, until they are worked off",
    (name) => {
      const redrive = idOf("AWS::Lambda::Function", { FunctionName: "vmsync-redrive-reports" });
      const queue = idOf("AWS::SQS::Queue", {
        QueueName: `vmsync-${name}`,
        VisibilityTimeout: 360,
      });
      template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
        EventSourceArn: { "Fn::GetAtt": [queue, "Arn"] },
        FunctionName: { Ref: redrive },
        BatchSize: 1,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
      });
    },
  );

  it("go over a bus of the stage's name", () => {
    stackTemplate({ stage: "test" }).hasResourceProperties("AWS::Events::EventBus", {
      Name: "test",
    });
    expect(Object.keys(template.findResources("AWS::Events::EventBus"))).toHaveLength(1);
  });
});
