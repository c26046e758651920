import { request } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { type Front, startFront } from "../../../local/http/front.ts";
import type { Invoked } from "../../../local/lambda/function-pool.ts";
import type { ApiModel } from "../../../local/template/stack-model.ts";

const KEYS = ["GET /v1/vms/{vmId}", "POST /v1/vms", "$default"];
const api: ApiModel = {
  id: "api",
  stage: "$default",
  throttle: undefined,
  routes: KEYS.map((key) => ({ key, functionName: key, timeoutMs: 30_000 })),
};
const answer = (value: unknown): Invoked => ({
  ok: true,
  requestId: "r",
  payload: JSON.stringify(value),
});

let front: Front | undefined;
const accessLog: string[] = [];
afterEach(async () => {
  await front?.close(0);
  front = undefined;
  accessLog.length = 0;
});
const start = async (
  invoke: (functionName: string, event: string) => Promise<Invoked>,
  overrides: Partial<ApiModel> = {},
): Promise<string> => {
  front = await startFront({
    port: 0,
    accountId: "111111111111",
    api: { ...api, ...overrides },
    now: () => Date.parse("2026-01-02T03:04:05Z"),
    invoke,
    accessLog: (line) => accessLog.push(line),
  });
  return front.url;
};
/** The event of a request that is answered 200. */
const eventOf = async (path: string, init: RequestInit = {}) => {
  let event: Record<string, unknown> = {};
  const url = await start(async (_, text) => {
    event = JSON.parse(text);
    return answer({ statusCode: 200 });
  });
  await fetch(`${url}${path}`, init);
  return event;
};

describe("a request", () => {
  it("becomes an event of payload format 2.0", async () => {
    const event = await eventOf("/v1/vms/a%2Db?x=1&y=two%20words&x=3", {
      headers: { "X-One": "1", cookie: "a=b; c=d" },
    });
    expect(event).toMatchObject({
      version: "2.0",
      routeKey: "GET /v1/vms/{vmId}",
      rawPath: "/v1/vms/a-b",
      rawQueryString: "x=1&y=two%20words&x=3",
      queryStringParameters: { x: "1,3", y: "two words" },
      pathParameters: { vmId: "a-b" },
      cookies: ["a=b", "c=d"],
      headers: { "x-one": "1" },
      isBase64Encoded: false,
      requestContext: {
        accountId: "111111111111",
        apiId: "api",
        stage: "$default",
        routeKey: "GET /v1/vms/{vmId}",
        http: { method: "GET", path: "/v1/vms/a-b", protocol: "HTTP/1.1", sourceIp: "127.0.0.1" },
        time: "02/Jan/2026:03:04:05 +0000",
        timeEpoch: Date.parse("2026-01-02T03:04:05Z"),
      },
    });
    expect(event).not.toHaveProperty("body");
    expect(event["headers"]).not.toHaveProperty("cookie");
  });

  it("leaves out what it does not have", async () => {
    const event = await eventOf("/elsewhere");
    for (const absent of ["queryStringParameters", "pathParameters", "cookies", "body"])
      expect(event).not.toHaveProperty(absent);
    expect(event["rawQueryString"]).toBe("");
  });

  // As measured on an HTTP API: everything but text, JSON, XML and JavaScript.
  it.each([
    ["application/json", false],
    ["application/json; charset=utf-8", false],
    ["text/plain", false],
    ["application/xml", false],
    ["application/x-www-form-urlencoded", true],
    ["application/octet-stream", true],
    ["application/problem+json", true],
  ])("with a body of %s is base64: %s", async (type, encoded) => {
    const text = '{"name":"ü"}';
    const event = await eventOf("/v1/vms", {
      method: "POST",
      body: text,
      headers: { "content-type": type },
    });
    expect(event["isBase64Encoded"]).toBe(encoded);
    expect(event["body"]).toBe(encoded ? Buffer.from(text).toString("base64") : text);
  });

  it("with a compressed body is base64, byte for byte", async () => {
    const body = gzipSync("{}");
    const event = await eventOf("/v1/vms", {
      method: "POST",
      body,
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
    });
    expect(event["isBase64Encoded"]).toBe(true);
    expect(Buffer.from(String(event["body"]), "base64").equals(body)).toBe(true);
  });

  it("with a malformed path is refused", async () => {
    const url = await start(async () => answer({}));
    expect((await fetch(`${url}/v1/%ff`)).status).toBe(400);
  });

  it("over 10 MiB is refused without being kept", async () => {
    const url = new URL(await start(async () => answer({})));
    const sent = request({ port: url.port, host: url.hostname, method: "POST", path: "/v1/vms" });
    const status = new Promise((resolve, reject) => {
      sent.on("response", ({ statusCode }) => resolve(statusCode));
      sent.on("error", reject);
    });
    for (let at = 0; at < 11; at++) sent.write(Buffer.alloc(1_048_576));
    sent.end();
    expect(await status).toBe(413);
  });

  it("beyond the stage's rate is refused", async () => {
    const throttle = { requestsPerSecond: 1, burst: 2 };
    const url = await start(async () => answer({ statusCode: 204 }), { throttle });
    const statuses: number[] = [];
    for (let at = 0; at < 3; at++) statuses.push((await fetch(`${url}/`)).status);
    expect(statuses).toEqual([204, 204, 429]);
  });
});

describe("an answer", () => {
  const get = async (invoked: Invoked | Promise<Invoked>, overrides?: Partial<ApiModel>) =>
    fetch(`${await start(async () => invoked, overrides)}/v1/vms/1`);

  it("carries status, headers, cookies and body", async () => {
    const response = await get(
      answer({
        statusCode: 202,
        headers: { Location: "/v1/jobs/1", "content-type": "application/problem+json", n: 1 },
        cookies: ["a=1", "b=2"],
        body: '{"ü":1}',
      }),
    );
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe("/v1/jobs/1");
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("n")).toBe("1");
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await response.json()).toEqual({ ü: 1 });
  });

  it("in base64 is decoded", async () => {
    const body = Buffer.from([0, 255, 7]).toString("base64");
    const response = await get(answer({ statusCode: 200, body, isBase64Encoded: true }));
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([0, 255, 7]);
  });

  it("without a status is the body itself", async () => {
    const response = await get(answer({ a: 1 }));
    expect([response.status, await response.json()]).toEqual([200, { a: 1 }]);
  });

  const internal = [500, { message: "Internal Server Error" }];
  it.each([
    [
      "F2 of a function that threw",
      { ok: false, requestId: "r", error: { errorType: "E", errorMessage: "secret" } } as const,
    ],
    ["F2 that is no answer", answer({ statusCode: "soon" })],
    ["F2 with a body that is no text", answer({ statusCode: 200, body: { a: 1 } })],
  ])("%s is a 500 that says nothing", async (_, invoked) => {
    const response = await get(invoked);
    expect([response.status, await response.json()]).toEqual(internal);
  });

  it("F2 that does not come in time is a 503", async () => {
    const routes = [{ key: "$default", functionName: "slow", timeoutMs: 20 }];
    const response = await get(new Promise<Invoked>(() => {}), { routes });
    expect([response.status, await response.json()]).toEqual([
      503,
      { message: "Service Unavailable" },
    ]);
  });

  it("of no route and no default is a 404", async () => {
    const response = await get(answer({}), { routes: [] });
    expect([response.status, await response.json()]).toEqual([404, { message: "Not Found" }]);
  });

  it("is logged without headers", async () => {
    await get(answer({ statusCode: 200, body: "hi" }));
    await expect.poll(() => accessLog).toHaveLength(1);
    expect(JSON.parse(accessLog[0] ?? "")).toEqual({
      requestId: expect.any(String),
      at: "2026-01-02T03:04:05.000Z",
      route: "GET /v1/vms/{vmId}",
      path: "/v1/vms/1",
      status: 200,
      responseBytes: 2,
      latencyMs: 0,
    });
  });
});

describe("the front", () => {
  it("says which port is taken", async () => {
    const url = await start(async () => answer({}));
    const again = startFront({
      port: Number(new URL(url).port),
      accountId: "1",
      api,
      now: () => 0,
      invoke: async () => answer({}),
      accessLog: () => {},
    });
    await expect(again).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("ends what is still open when it is closed", async () => {
    const called = Promise.withResolvers<void>();
    const url = await start(() => {
      called.resolve();
      return new Promise<Invoked>(() => {});
    });
    const open = fetch(`${url}/v1/vms/1`);
    await called.promise;
    const ended = expect(open).rejects.toThrow();
    await front?.close(0);
    await ended;
  });
});
