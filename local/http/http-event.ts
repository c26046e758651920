/** HTTP requests as events of payload format 2.0, and a function's answer as a response. */
import type { IncomingHttpHeaders } from "node:http";
import * as z from "zod/mini";
import type { Match } from "./route-table.ts";

export type FrontRequest = {
  readonly method: string;
  /** As it came, with its query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly sourceIp: string;
};

export interface EventContext {
  readonly requestId: string;
  readonly accountId: string;
  readonly apiId: string;
  readonly stage: string;
  readonly now: number;
}

/** The path with its escapes resolved, as an HTTP API matches and hands it over; undefined where it is malformed. */
export function decodedPath(target: string): string | undefined {
  try {
    return decodeURIComponent(target.split("?", 1)[0] ?? "");
  } catch {
    return undefined;
  }
}

export function httpEvent(
  context: EventContext,
  request: FrontRequest,
  { route, pathParameters }: Match,
): object {
  const queryAt = request.target.indexOf("?");
  const rawQueryString = queryAt < 0 ? "" : request.target.slice(queryAt + 1);
  const { cookie, ...headers } = request.headers;
  const rawPath = decodedPath(request.target) ?? "";
  const encoded = !isText(request.headers);
  const { body } = request;
  return {
    version: "2.0",
    routeKey: route.key,
    rawPath,
    rawQueryString,
    ...(cookie !== undefined && { cookies: cookie.split("; ") }),
    headers: flatHeaders(headers),
    ...(rawQueryString !== "" && { queryStringParameters: queryParameters(rawQueryString) }),
    requestContext: {
      accountId: context.accountId,
      apiId: context.apiId,
      domainName: request.headers.host ?? "",
      domainPrefix: context.apiId,
      http: {
        method: request.method,
        path: rawPath,
        protocol: "HTTP/1.1",
        sourceIp: request.sourceIp,
        userAgent: request.headers["user-agent"] ?? "",
      },
      requestId: context.requestId,
      routeKey: route.key,
      stage: context.stage,
      time: commonLogTime(context.now),
      timeEpoch: context.now,
    },
    ...(pathParameters && { pathParameters }),
    ...(body.length > 0 && { body: body.toString(encoded ? "base64" : "utf8") }),
    isBase64Encoded: body.length > 0 && encoded,
  };
}

/** What an HTTP API hands over as text; everything else, also without a content type or compressed, is base64. */
function isText(headers: IncomingHttpHeaders): boolean {
  if (headers["content-encoding"] !== undefined) return false;
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return type.startsWith("text/") || /^application\/(json|xml|javascript)$/.test(type);
}

function flatHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(",") : value;
  return flat;
}

/** A name given more than once has its values joined by commas. */
function queryParameters(query: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const before = parameters[name];
    parameters[name] = before === undefined ? value : `${before},${value}`;
  }
  return parameters;
}

/** `22/Nov/2025:08:13:05 +0000` */
function commonLogTime(now: number): string {
  const [, day, month, year, time] =
    /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(now).toUTCString()) ?? [];
  return `${day}/${month}/${year}:${time} +0000`;
}

export type FrontResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer | string;
};

const Answer = z.object({
  statusCode: z.coerce.number().check(z.gte(100), z.lte(599)),
  headers: z.nullish(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))),
  cookies: z.nullish(z.array(z.string())),
  body: z.nullish(z.string()),
  isBase64Encoded: z.nullish(z.boolean()),
});

/** What the gateway itself says. */
export function gatewayMessage(status: number, message: string): FrontResponse {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message }),
  };
}

/** An answer without a status code is itself the body, with 200; one that is malformed is a 500. */
export function frontResponse(payload: string): FrontResponse {
  const answer: unknown = JSON.parse(payload);
  if (typeof answer !== "object" || answer === null || !("statusCode" in answer))
    return { status: 200, headers: { "content-type": "application/json" }, body: payload };
  const parsed = Answer.safeParse(answer);
  if (!parsed.success) return gatewayMessage(500, "Internal Server Error");
  const { statusCode, headers, cookies, body, isBase64Encoded } = parsed.data;
  return {
    status: statusCode,
    headers: {
      "content-type": "text/plain;charset=UTF-8",
      ...Object.fromEntries(
        Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
      ),
      ...(cookies && { "set-cookie": cookies }),
    },
    body: isBase64Encoded ? Buffer.from(body ?? "", "base64") : (body ?? ""),
  };
}
