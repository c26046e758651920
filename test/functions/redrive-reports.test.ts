import "../support/function-environment.ts";

import type { SQSEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { reportRedriver } from "../../functions/redrive-reports.ts";
import { ingestReport } from "../../shared/app/ingest-report.ts";
import { aHostInSession, aReport, listed, okValue } from "../support/joined-host.ts";
import { aWorld } from "../support/memory-world.ts";

const batchOf = (...bodies: readonly unknown[]): SQSEvent => ({
  Records: bodies.map((body, n) => ({
    messageId: `m${n}`,
    receiptHandle: `h${n}`,
    body: JSON.stringify(body),
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "0",
      SenderId: "events",
      ApproximateFirstReceiveTimestamp: "0",
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:eu-west-1:000000000000:reports-failed",
    awsRegion: "eu-west-1",
  })),
});

describe("the redrive of reports", () => {
  it("works off what failed and what was not delivered, and keeps what it cannot", async () => {
    const world = aWorld();
    const caller = await aHostInSession(world);
    okValue(await ingestReport(world.deps, { caller, report: aReport() }));
    const { topic, id, detail } = world.memory.bus.events.at(-1) ?? {};
    const event = { source: "vmsync", detail: { ...detail, topic, id } };
    const failed = { version: "1.0", requestPayload: event };
    const answer = await reportRedriver(world.deps)(
      batchOf(event, { detail: "no report" }, failed),
    );
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "m1" }] });
    expect(world.taken().map(({ to }) => to)).toContain(listed(1).vmId);
    expect(world.memory.telemetry.entries.at(-1)).toMatchObject({ message: "a report stays" });
  });
});
