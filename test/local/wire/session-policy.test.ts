import { describe, expect, it } from "vitest";
import {
  allows,
  parseSessionPolicy,
  type SessionPolicy,
} from "../../../local/wire/session-policy.ts";

const aPolicy = (...Statement: SessionPolicy["Statement"]): SessionPolicy => ({
  Version: "2012-10-17",
  Statement,
});
const queue = "arn:aws:sqs:us-east-1:111111111111:q";

describe("a session policy", () => {
  it("allows what a statement allows, without regard to the action's case", () => {
    const policy = aPolicy({ Effect: "Allow", Action: "SQS:receivemessage", Resource: [queue] });
    expect(allows(policy, { action: "sqs:ReceiveMessage", resource: queue })).toBe(true);
    expect(allows(policy, { action: "sqs:SendMessage", resource: queue })).toBe(false);
    expect(allows(policy, { action: "sqs:ReceiveMessage", resource: `${queue}2` })).toBe(false);
  });

  it("knows wildcards, and takes dots for dots", () => {
    const policy = aPolicy({
      Effect: "Allow",
      Action: "sqs:*",
      Resource: "arn:aws:sqs:*:q-?.fifo",
    });
    expect(allows(policy, { action: "sqs:A", resource: "arn:aws:sqs:x:1:q-1.fifo" })).toBe(true);
    expect(allows(policy, { action: "sqs:A", resource: "arn:aws:sqs:x:1:q-1xfifo" })).toBe(false);
  });

  it("lets a denial win", () => {
    const policy = aPolicy(
      { Effect: "Allow", Action: "sqs:*", Resource: "*" },
      { Effect: "Deny", Action: "sqs:PurgeQueue", Resource: queue },
    );
    expect(allows(policy, { action: "sqs:PurgeQueue", resource: queue })).toBe(false);
    expect(allows(policy, { action: "sqs:SendMessage", resource: queue })).toBe(true);
  });

  it.each([
    ["no JSON", "{"],
    [
      "a condition",
      JSON.stringify(aPolicy()).replace(
        "[]",
        '[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}]',
      ),
    ],
    ["another version", '{"Version":"2008-10-17","Statement":[]}'],
  ])("is not taken with %s", (_, text) => {
    expect(parseSessionPolicy(text)).toBeUndefined();
  });
});
