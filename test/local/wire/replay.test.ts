import {
  DescribeReplayCommand,
  PutEventsCommand,
  StartReplayCommand,
} from "@aws-sdk/client-eventbridge";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ACCOUNT_ID, REGION, type WireStack, wireStack } from "../wire-stack.ts";

const arn = (service: string, rest: string) => `arn:aws:${service}:${REGION}:${ACCOUNT_ID}:${rest}`;
const busArn = arn("events", "event-bus/vmsync");
const archive = { name: "kept", arn: arn("events", "archive/kept"), busName: "vmsync" };
const rule = {
  ...{ name: "r", busName: "vmsync", arn: arn("events", "rule/vmsync/r"), enabled: true },
  pattern: { source: ["vmsync"] },
  targets: [{ id: "t", arn: arn("lambda", "function:f") }],
};

describe("replays on the wire", () => {
  let stack: WireStack;
  beforeEach(async () => {
    stack = await wireStack([rule], [archive]);
  });
  afterEach(() => stack.close());

  const start = (overrides: object = {}) =>
    stack.events.send(
      new StartReplayCommand({
        ReplayName: "again",
        EventSourceArn: archive.arn,
        EventStartTime: new Date(0),
        EventEndTime: new Date(stack.clock.now() + 1_000),
        Destination: { Arn: busArn },
        ...overrides,
      }),
    );

  it("are started and described by an unmodified client", async () => {
    const entry = { Source: "vmsync", DetailType: "t", Detail: "{}", EventBusName: busArn };
    await stack.events.send(new PutEventsCommand({ Entries: [entry] }));
    const started = await start({ Destination: { Arn: busArn, FilterArns: [rule.arn] } });
    expect(started).toMatchObject({ ReplayArn: arn("events", "replay/again"), State: "STARTING" });
    const described = () => stack.events.send(new DescribeReplayCommand({ ReplayName: "again" }));
    await expect.poll(async () => (await described()).State).toBe("COMPLETED");
    expect(await described()).toMatchObject({
      EventSourceArn: archive.arn,
      EventStartTime: new Date(0),
      ReplayEndTime: expect.any(Date),
    });
    expect(await stack.bus.take({ max: 10, leaseMs: 1_000 })).toHaveLength(2);
  });

  it("are refused as AWS does, by name", async () => {
    await expect(start({ EventSourceArn: arn("events", "archive/no") })).rejects.toMatchObject({
      name: "ValidationException",
    });
    await start();
    await expect(start()).rejects.toMatchObject({ name: "ResourceAlreadyExistsException" });
    const unknown = stack.events.send(new DescribeReplayCommand({ ReplayName: "no" }));
    await expect(unknown).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });
});
