import { Match } from "aws-cdk-lib/assertions";
import { describe, it } from "vitest";
import { stackTemplate } from "../support/template.ts";

const template = stackTemplate();

describe("the sweeper", () => {
  const [sweeper] = Object.keys(
    template.findResources("AWS::Lambda::Function", {
      Properties: { FunctionName: "vmsync-sweeper" },
    }),
  );

  it("runs each minute, may take longer than that, and is not retried", () => {
    template.hasResourceProperties("AWS::Events::Rule", {
      ScheduleExpression: "rate(1 minute)",
      State: "ENABLED",
      Targets: [Match.objectLike({ Arn: { "Fn::GetAtt": [sweeper, "Arn"] } })],
    });
    template.hasResourceProperties("AWS::Lambda::EventInvokeConfig", {
      FunctionName: { Ref: sweeper },
      MaximumRetryAttempts: 0,
    });
    template.hasResourceProperties("AWS::Lambda::Function", {
      FunctionName: "vmsync-sweeper",
      Timeout: 75,
      ReservedConcurrentExecutions: Match.absent(),
    });
  });

  it("is missed when it does not run", () => {
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      AlarmName: "vmsync-sweeper-silent",
      ComparisonOperator: "LessThanThreshold",
      TreatMissingData: "breaching",
    });
  });
});
