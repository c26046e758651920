import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { PAGE_EVENTS_MAX } from "../../shared/model/event-log.ts";
import { EVENT_SHARDS } from "../../shared/model/tables.ts";
import { stackTemplate } from "../support/template.ts";

const template = stackTemplate();
const idOf = (type: string, properties: Record<string, unknown>): string => {
  const [id, ...more] = Object.keys(template.findResources(type, { Properties: properties }));
  if (id === undefined || more.length > 0) throw new Error(`not one ${type}`);
  return id;
};
const queueId = (name: string) => idOf("AWS::SQS::Queue", { QueueName: `vmsync-${name}` });
const arnOf = (id: string) => ({ "Fn::GetAtt": [id, "Arn"] });

describe("events", () => {
  it("but for reports go to one queue, and what it does not take to another", () => {
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: { source: ["vmsync"], "detail-type": [{ "anything-but": ["agent.report"] }] },
      Targets: [
        Match.objectLike({
          Arn: arnOf(queueId("events")),
          DeadLetterConfig: { Arn: arnOf(queueId("events-undelivered")) },
        }),
      ],
    });
  });

  it.each(["events", "events-undelivered"])(
    "of the queue %s are recorded a page at a time, by as many writers as the log has shards",
    (name) => {
      template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
        EventSourceArn: arnOf(queueId(name)),
        BatchSize: PAGE_EVENTS_MAX,
        MaximumBatchingWindowInSeconds: 1,
        ScalingConfig: { MaximumConcurrency: EVENT_SHARDS },
        FunctionResponseTypes: ["ReportBatchItemFailures"],
      });
    },
  );

  it("are archived for a month, to be told again", () => {
    const bus = idOf("AWS::Events::EventBus", { Name: "vmsync" });
    template.hasResourceProperties("AWS::Events::Archive", {
      ArchiveName: "vmsync-events",
      SourceArn: arnOf(bus),
      EventPattern: { source: ["vmsync"], "detail-type": [{ "anything-but": ["agent.report"] }] },
      RetentionDays: 30,
    });
  });

  it("are hidden for longer than their function may run and its batch may be open", () => {
    const [, queue] = Object.entries(
      template.findResources("AWS::SQS::Queue", { Properties: { QueueName: "vmsync-events" } }),
    )[0] ?? [undefined, undefined];
    const [, lambda] = Object.entries(
      template.findResources("AWS::Lambda::Function", {
        Properties: { FunctionName: "vmsync-events" },
      }),
    )[0] ?? [undefined, undefined];
    expect(queue?.["Properties"].VisibilityTimeout).toBe(6 * lambda?.["Properties"].Timeout + 1);
    expect(queue?.["Properties"].RedrivePolicy).toMatchObject({
      deadLetterTargetArn: arnOf(queueId("events-dead")),
    });
  });
});
