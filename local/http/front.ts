/**
 * The HTTP API on 127.0.0.1: requests in, events of payload format 2.0 to the functions behind the routes, answers out.
 *
 * F1 A body is at most 10 MiB, as API Gateway takes; more is refused without being kept.
 * F2 A function that throws or answers nonsense is a 500 that says nothing of why; one that takes too long a 503.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Invoked } from "../lambda/function-pool.ts";
import { requestBody } from "../request-body.ts";
import type { ApiModel } from "../template/stack-model.ts";
import {
  decodedPath,
  type FrontRequest,
  type FrontResponse,
  frontResponse,
  gatewayMessage,
  httpEvent,
} from "./http-event.ts";
import { rateLimit } from "./rate-limit.ts";
import { routeTable } from "./route-table.ts";

export interface FrontProps {
  /** 0: any free one. */
  readonly port: number;
  readonly accountId: string;
  readonly api: ApiModel;
  readonly now: () => number;
  readonly invoke: (functionName: string, event: string) => Promise<Invoked>;
  /** One JSON line a request. */
  readonly accessLog: (line: string) => void;
}

export interface Front {
  readonly url: string;
  /** Takes no new connections; ends the open ones when they have been answered, or after so long. */
  readonly close: (graceMs: number) => Promise<void>;
}

const BODY_BYTES_MAX = 10 * 1_048_576;
const HOST = "127.0.0.1";

/** Rejects with the error of `listen` where the port is taken. */
export async function startFront(props: FrontProps): Promise<Front> {
  const answer = answerer(props);
  const server = createServer((request, response) => {
    serve(props, answer, { request, response }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(props.port, HOST, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the front has no port");
  return {
    url: `http://${HOST}:${address.port}`,
    close: (graceMs) => closeWithin(server, graceMs),
  };
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };
type Answer = FrontResponse & { readonly routeKey: string };

async function serve(
  props: FrontProps,
  answer: (request: FrontRequest, requestId: string) => Promise<Answer>,
  { request, response }: Exchange,
): Promise<void> {
  const startedAt = props.now();
  const requestId = randomUUID();
  const { method = "GET", url = "/", headers } = request;
  const body = await requestBody(request, BODY_BYTES_MAX); // F1
  const sourceIp = request.socket.remoteAddress ?? "";
  const answered: Answer =
    body === undefined
      ? { ...gatewayMessage(413, "Request Entity Too Large"), routeKey: "-" }
      : await answer({ method, target: url, headers, body, sourceIp }, requestId);
  response
    .writeHead(answered.status, {
      ...answered.headers,
      "apigw-requestid": requestId,
      ...(body === undefined && { connection: "close" }),
    })
    .end(method === "HEAD" ? undefined : answered.body);
  props.accessLog(
    JSON.stringify({
      requestId,
      at: new Date(startedAt).toISOString(),
      route: answered.routeKey,
      path: url.split("?", 1)[0],
      status: answered.status,
      responseBytes: answered.body.length,
      latencyMs: props.now() - startedAt,
    }),
  );
}

function answerer(props: FrontProps) {
  const { api, accountId } = props;
  const routes = routeTable(api.routes);
  const limit = api.throttle && rateLimit(api.throttle);
  return async (request: FrontRequest, requestId: string): Promise<Answer> => {
    const now = props.now();
    if (limit?.take(now) === false)
      return { ...gatewayMessage(429, "Too Many Requests"), routeKey: "-" };
    const path = decodedPath(request.target);
    if (path === undefined) return { ...gatewayMessage(400, "Bad Request"), routeKey: "-" };
    const match = routes.match({ method: request.method, path });
    if (match === undefined) return { ...gatewayMessage(404, "Not Found"), routeKey: "-" };
    const context = { requestId, accountId, apiId: api.id, stage: api.stage, now };
    const { functionName, timeoutMs, key: routeKey } = match.route;
    const event = JSON.stringify(httpEvent(context, request, match));
    const invoked = await within(timeoutMs, props.invoke(functionName, event));
    if (invoked === undefined) return { ...gatewayMessage(503, "Service Unavailable"), routeKey }; // F2
    if (!invoked.ok) return { ...gatewayMessage(500, "Internal Server Error"), routeKey }; // F2
    return { ...frontResponse(invoked.payload), routeKey };
  };
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function closeWithin(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
