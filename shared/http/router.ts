/**
 * From an event of API Gateway (HTTP API, payload format 2.0) to a handler, and from its answer to a response.
 *
 *  1. A handler sees only what its route's schemas let through, from somebody its route's gate let in.
 *  2. A function answers the routes of its family: all of them, and no other (`Endpoints`).
 *  3. Every refusal is a problem document. An exception is `unavailable` if something outside failed, else `internal`, and
 *     then the caller learns the request's id and no more.
 *  4. A refusal is counted, by family and code.
 *  5. A refusal of an agent carries `now`, as its successes do by their schemas: a clock that is off is set right by it.
 */
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import type * as z from "zod/mini";
import { type Answer, type Refusal, refuse } from "../model/problem.ts";
import {
  BODY_BYTES_MAX,
  type OperationOf,
  type ROUTES,
  type Route,
  type RouteAuth,
  type RouteFamily,
} from "../model/routes.ts";
import { bearerTokenOf } from "./bearer-token.ts";
import type { Exchange, Gate } from "./gate.ts";
import { type PartsOf, parseIdempotencyKey, parseRequest } from "./parse-request.ts";
import { type HttpResponse, problemResponse } from "./problem.ts";
import { bodyBytes, REPORT_UNPACKED_BYTES_MAX, readJson } from "./read-body.ts";
import { requestHash } from "./request-hash.ts";
import { isUnavailable } from "./unavailable.ts";

/** RFC 9110 §11.6.1: a 401 names the scheme that would help. */
const CHALLENGE = { "www-authenticate": "Bearer" };

/** What a handler is given: parsed parts, who asks, and what makes a POST repeatable. */
export type RequestTo<R extends Route, C> = PartsOf<R> & {
  readonly caller: C;
  readonly idempotencyKey?: string | undefined;
  /** SHA-256 (hex) of method, path and parsed body. */
  readonly requestHash: string;
  /** The caller's token, of which a repeatable secret is made; never stored, never logged. */
  readonly credential: string;
};

/** One of a route's successes with its body. */
export type ReplyTo<R extends Route> = {
  [S in keyof R["answers"] & number]: R["answers"][S] extends z.ZodMiniType
    ? {
        readonly status: S;
        readonly body: z.infer<R["answers"][S]>;
        readonly headers?: Readonly<Record<string, string>>;
      }
    : { readonly status: S; readonly body?: undefined; readonly headers?: undefined };
}[keyof R["answers"] & number];

export type Endpoint<R extends Route> = {
  readonly route: R;
  readonly answer: (exchange: Exchange) => Promise<Answer<Reply>>;
};
type Reply = {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

/** One endpoint for each operation of a family (2). */
export type Endpoints<F extends RouteFamily> = {
  readonly [O in OperationOf<F>]: Endpoint<(typeof ROUTES)[O]>;
};

/** Makes endpoints of the routes that a gate is good for. */
export function endpointBehind<A extends RouteAuth, C>(gate: Gate<A, C>) {
  return <R extends Route & { readonly auth: A }>(
    route: R,
    handle: (request: RequestTo<R, C>) => Promise<Answer<ReplyTo<R>>>,
  ): Endpoint<R> => ({
    route,
    answer: async (exchange) => {
      const admitted = await gate(exchange, route);
      if (!admitted.ok) return admitted;
      const request = readRequest(route, exchange, admitted.value);
      return request.ok ? await handle(request.value) : request;
    },
  });
}

/** The Lambda handler of a family. */
export function apiHandler<F extends RouteFamily>(
  family: F,
  endpoints: Endpoints<F>,
  deps: {
    readonly now: () => number;
    readonly log: (entry: {
      readonly level: "error";
      readonly message: string;
      readonly [field: string]: unknown;
    }) => void;
    readonly count: (metric: string) => void;
  },
): (event: APIGatewayProxyEventV2) => Promise<HttpResponse> {
  const byKey = new Map(
    Object.values<Endpoint<Route>>(endpoints).map((endpoint) => [
      `${endpoint.route.method} ${endpoint.route.path}`,
      endpoint,
    ]),
  );
  return async (event) => {
    const answer = await respond(event).catch((error: unknown) => {
      const requestId = event.requestContext.requestId;
      deps.log({
        level: "error",
        message: "request failed",
        route: event.routeKey,
        requestId,
        error,
      });
      return failure(error, requestId); // 3
    });
    if (answer.ok) return success(answer.value);
    deps.count(`refused.${family}.${answer.code}`); // 4
    return family === "agents"
      ? problemResponse({ ...answer, extra: { ...answer.extra, now: iso(deps.now()) } }) // 5
      : problemResponse(answer, answer.code === "unauthenticated" ? CHALLENGE : {});
  };

  async function respond(event: APIGatewayProxyEventV2): Promise<Answer<Reply>> {
    const endpoint = byKey.get(event.routeKey);
    if (endpoint === undefined)
      throw new Error(`the route ${event.routeKey} is not of the family ${family}`);
    const bytes = bodyBytes(event);
    if (!bytes.ok) return bytes;
    return await endpoint.answer({
      method: event.requestContext.http.method,
      path: event.rawPath,
      headers: event.headers,
      params: event.pathParameters ?? {},
      query: event.queryStringParameters ?? {},
      bytes: bytes.value,
      requestId: event.requestContext.requestId,
    });
  }
}

/** What the handler is given, or the first reason not to call it (1). */
function readRequest<R extends Route, C>(
  route: R,
  exchange: Exchange,
  caller: C,
): Answer<RequestTo<R, C>> {
  const takesBody = route.method === "POST" || route.method === "PATCH";
  const unpackedBytesMax = route.family === "agents" ? REPORT_UNPACKED_BYTES_MAX : BODY_BYTES_MAX;
  const json = takesBody
    ? readJson(exchange.bytes, exchange.headers, unpackedBytesMax)
    : ({ ok: true, value: undefined } as const);
  if (!json.ok) return json;
  const parts = parseRequest<R>(route, { ...exchange, body: json.value });
  if (!parts.ok) return parts;
  const key = parseIdempotencyKey(
    route.method === "POST" ? exchange.headers["idempotency-key"] : undefined,
  );
  if (!key.ok) return key;
  const hash = requestHash({ ...exchange, body: parts.value.body });
  return {
    ok: true,
    value: {
      ...parts.value,
      ...{ caller, idempotencyKey: key.value, requestHash: hash },
      credential: bearerTokenOf(exchange.headers["authorization"])?.text ?? "",
    },
  };
}

function success(reply: Reply): HttpResponse {
  const headers = { "cache-control": "no-store", ...reply.headers };
  return reply.body === undefined
    ? { statusCode: reply.status, headers }
    : {
        statusCode: reply.status,
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(reply.body),
      };
}

function failure(error: unknown, requestId: string): Refusal {
  return isUnavailable(error)
    ? refuse("unavailable", "something this depends on does not answer; try again")
    : refuse("internal", "an error on our side", { requestId });
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
