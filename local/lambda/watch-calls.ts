/**
 * Watches what a function asks of AWS, at the last place before the wire: how often, for budgets (retries of the SDK count, as
 * they are billed), and which permissions that needs.
 */
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { neededPermissions } from "./needed-permissions.ts";
import type { CallReport } from "./worker-protocol.ts";

/** By the prefix of `X-Amz-Target`. */
const SERVICES: Readonly<Record<string, string>> = {
  DynamoDB_20120810: "dynamodb",
  AmazonSQS: "sqs",
  AWSEvents: "events",
};

export interface CallWatch {
  /** What was asked since the last time; a need is told once. */
  readonly take: () => CallReport;
}

/**
 * Watches every HTTP request that this thread makes from now on. `onNeed`: a need came up that was not told yet. It is called as
 * the request goes out, so that what an invocation needs is known also if the invocation never ends.
 */
export function watchCalls(onNeed: () => void): CallWatch {
  const counts = new Map<string, number>();
  const needed = new Set<string>();
  let needs: CallReport["needs"][number][] = [];

  const note = (request: ClientRequest, body: string) => {
    const call = callName(request);
    if (call === undefined) return;
    counts.set(call, (counts.get(call) ?? 0) + 1);
    for (const need of neededPermissions(call, body)) {
      const key = `${need.action} ${need.resource}`;
      if (needed.has(key)) continue;
      needed.add(key);
      needs.push(need);
    }
    if (needs.length > 0) onNeed();
  };
  subscribe("http.client.request.created", (message) => {
    if (!hasRequest(message)) return;
    const { request } = message;
    const end = request.end.bind(request);
    // The SDK gives the whole body with the end.
    const watched = (...args: Parameters<typeof end>) => {
      note(request, textOf(args[0]));
      return end(...args);
    };
    Object.assign(request, { end: watched });
  });

  return {
    take: () => {
      const report = { counts: Object.fromEntries(counts), needs };
      counts.clear();
      needs = [];
      return report;
    },
  };
}

function callName(request: ClientRequest): string | undefined {
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

function textOf(body: unknown): string {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? Buffer.from(body).toString("utf8") : "";
}

function hasRequest(message: unknown): message is { readonly request: ClientRequest } {
  return typeof message === "object" && message !== null && "request" in message;
}
