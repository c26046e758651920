import "../support/function-environment.ts";

import type { SQSEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { eventRecorder } from "../../functions/events.ts";
import { T0, vmId } from "../support/a-record.ts";
import { aWorld } from "../support/memory-world.ts";

const envelope = (n: number) =>
  JSON.stringify({
    version: "0",
    id: `bus-${n}`,
    "detail-type": "vm.state",
    source: "vmsync",
    time: "2027-01-15T08:00:00Z",
    detail: {
      topic: `vm.state.${vmId}`,
      id: `${vmId}.${n}.0`,
      at: new Date(T0 + n).toISOString(),
      account: "acme",
      vmId,
    },
  });
const batchOf = (...bodies: readonly string[]): SQSEvent => ({
  Records: bodies.map((body, n) => ({
    messageId: `m${n}`,
    receiptHandle: `h${n}`,
    body,
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "0",
      SenderId: "events",
      ApproximateFirstReceiveTimestamp: "0",
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:eu-west-1:000000000000:events",
    awsRegion: "eu-west-1",
  })),
});

describe("events from the bus", () => {
  it("are recorded, once each, and their messages done", async () => {
    const { deps } = aWorld();
    const handler = eventRecorder(deps);
    const done = { batchItemFailures: [] };
    expect(await handler(batchOf(envelope(2), envelope(1), envelope(2)))).toEqual(done);
    expect(await handler(batchOf(envelope(1)))).toEqual(done);
    const read = await deps.events.feed({}, { limit: 10 });
    expect(read).toMatchObject({ items: [{ id: `${vmId}.1.0` }, { id: `${vmId}.2.0` }] });
  });

  it("that are none of ours hold nobody up, and their messages are kept", async () => {
    const { deps, memory } = aWorld();
    const failed = await eventRecorder(deps)(batchOf("{", envelope(1), '{"source":"aws.ec2"}'));
    expect(failed).toEqual({
      batchItemFailures: [{ itemIdentifier: "m0" }, { itemIdentifier: "m2" }],
    });
    expect(await deps.events.feed({}, { limit: 10 })).toMatchObject({ items: [{}] });
    expect(memory.telemetry.counts.get("eventsMalformed")).toBe(2);
  });

  it("come again, all of them, when the log cannot be written", async () => {
    const { deps } = aWorld();
    const append = async () => {
      throw new Error("throttled");
    };
    const handler = eventRecorder({ ...deps, events: { ...deps.events, append } });
    await expect(handler(batchOf(envelope(1)))).rejects.toThrow("throttled");
  });
});
