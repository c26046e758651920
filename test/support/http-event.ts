/** Events as an HTTP API hands them to a function (payload format 2.0). */
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { type Operation, ROUTES } from "../../shared/model/routes.ts";

type Parts = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, bytes as they are (base64), a string as it is. */
  readonly body?: object | string | Uint8Array | undefined;
};

/** A request to an operation. */
export function aRequestTo(operation: Operation, parts: Parts = {}): APIGatewayProxyEventV2 {
  const { method, path } = ROUTES[operation];
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parts.params?.[name] ?? "");
  return anEvent({ ...parts, method, path: filled, routeKey: `${method} ${path}` });
}

/** Any request; without a `routeKey` it is one that no route took. */
export function anEvent(
  parts: Parts & { readonly method: string; readonly path: string; readonly routeKey?: string },
): APIGatewayProxyEventV2 {
  const { body } = parts;
  const isBytes = body instanceof Uint8Array;
  const text = isBytes ? Buffer.from(body).toString("base64") : textOf(body);
  return {
    version: "2.0",
    routeKey: parts.routeKey ?? "$default",
    rawPath: parts.path,
    rawQueryString: new URLSearchParams(parts.query).toString(),
    headers: {
      ...(text === undefined ? {} : { "content-type": "application/json" }),
      ...parts.headers,
    },
    ...(parts.query === undefined ? {} : { queryStringParameters: parts.query }),
    ...(parts.params === undefined ? {} : { pathParameters: parts.params }),
    requestContext: {
      accountId: "000000000000",
      apiId: "api",
      domainName: "api.example",
      domainPrefix: "api",
      http: {
        method: parts.method,
        path: parts.path,
        protocol: "HTTP/1.1",
        sourceIp: "192.0.2.1",
        userAgent: "test",
      },
      requestId: "request-1",
      routeKey: parts.routeKey ?? "$default",
      stage: "$default",
      time: "01/Jan/2026:00:00:00 +0000",
      timeEpoch: 1_767_225_600_000,
    },
    ...(text === undefined ? {} : { body: text }),
    isBase64Encoded: isBytes,
  };
}

function textOf(body: object | string | undefined): string | undefined {
  return typeof body === "object" ? JSON.stringify(body) : body;
}
