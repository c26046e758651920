import { describe, expect, it } from "vitest";
import { callCounter } from "../../local/call-counter.ts";

describe("counting calls", () => {
  it("adds up by function and over all, until it is reset", () => {
    const counter = callCounter();
    counter.invoked("a");
    counter.invoked("a");
    counter.called("a", { "dynamodb:GetItem": 2 });
    counter.called("b", { "dynamodb:GetItem": 1, "sqs:SendMessage": 1 });
    counter.denied("b: sqs:SendMessage on q");
    const denied = ["b: sqs:SendMessage on q"];
    expect(counter.read()).toEqual({
      aws: { "dynamodb:GetItem": 3, "sqs:SendMessage": 1 },
      awsByFunction: {
        a: { "dynamodb:GetItem": 2 },
        b: { "dynamodb:GetItem": 1, "sqs:SendMessage": 1 },
      },
      invocations: { a: 2 },
      denied,
    });
    counter.reset();
    expect(counter.read()).toEqual({ aws: {}, awsByFunction: {}, invocations: {}, denied });
  });
});
