/** Counts what a function asks of AWS, at the last place before the wire: retries of the SDK count, as they are billed. */
import type { ClientRequest } from "node:http";
import type { CallCounts } from "./worker-protocol.ts";

/** By the prefix of `X-Amz-Target`. */
const SERVICES: Readonly<Record<string, string>> = {
  DynamoDB_20120810: "dynamodb",
  AmazonSQS: "sqs",
  AWSEvents: "events",
};

const counts = new Map<string, number>();

export function countCall(request: Pick<ClientRequest, "getHeader">): void {
  const name = callName(request);
  if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** What was counted since the last time, by `service:Action`. */
export function takeCalls(): CallCounts {
  const taken = Object.fromEntries(counts);
  counts.clear();
  return taken;
}

function callName(request: Pick<ClientRequest, "getHeader">): string | undefined {
  const target = request.getHeader("x-amz-target");
  if (target !== undefined) {
    const [prefix = "", action] = String(target).split(".");
    return `${SERVICES[prefix] ?? prefix}:${action}`;
  }
  // STS speaks the query protocol: the action is in the body. Assuming a role is the one thing that functions ask of it.
  return /\bapi\/sts[#/]/.test(String(request.getHeader("user-agent")))
    ? "sts:AssumeRole"
    : undefined;
}
