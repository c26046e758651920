import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ControlPlane } from "../../agent/control-plane.ts";
import { httpControlPlane } from "../../agent/http-control-plane.ts";
import { rawPublicKey } from "../../shared/http/ed25519.ts";
import { verifyRequest } from "../../shared/http/message-signature.ts";
import { Report } from "../../shared/model/agent-protocol.ts";
import { HostId } from "../../shared/model/ids.ts";
import { BOOT, vmId } from "../support/agent/commands.ts";
import { type ManualTime, manualTime } from "../support/agent/manual-time.ts";

const HOST = HostId.parse("host-1");
const KEYS = generateKeyPairSync("ed25519");

type Seen = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
};
type Answer = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

let server: Server;
let seen: Seen[];
let answer: (request: Seen) => Answer;
let time: ManualTime;
let plane: ControlPlane;
let stop: AbortController;
beforeEach(async () => {
  seen = [];
  time = manualTime();
  stop = new AbortController();
  answer = () => ({
    status: 202,
    body: { leaseUntil: now(), nextReportInSeconds: 60, now: now() },
  });
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const received = { path: request.url ?? "", headers, body: Buffer.concat(chunks) };
    seen.push(received);
    const { status, body, headers: more } = answer(received);
    response.writeHead(status, { "content-type": "application/json", ...more });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  plane = planeAt(port());
});
afterEach(async () => {
  stop.abort();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function port(): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function planeAt(at: number): ControlPlane {
  return httpControlPlane({
    baseUrl: `http://127.0.0.1:${at}/`,
    hostId: HOST,
    privateKey: KEYS.privateKey,
    time,
    signal: stop.signal,
  });
}

function now(skewMs = 0): string {
  return new Date(time.wallNow() + skewMs).toISOString();
}

function aReport(vms: number): Report {
  return Report.parse({
    bootId: BOOT,
    seq: 1,
    kind: "periodic",
    complete: true,
    observedAt: now(),
    vms: Array.from({ length: vms }, (_, n) => ({ vmId: vmId(n), power: "on" })),
  });
}

function signatureOf(request: Seen | undefined, atMs: number) {
  return verifyRequest({
    method: "POST",
    path: request?.path ?? "",
    headers: request?.headers ?? {},
    body: request?.body ?? Buffer.alloc(0),
    keyId: HOST,
    publicKey: rawPublicKey(KEYS.publicKey),
    nowSeconds: Math.floor(atMs / 1000),
  });
}

function problem(status: number, code: string, more: object = {}): Answer {
  const body = { type: "about:blank", title: "", status, detail: "why", code, now: now(), ...more };
  return { status, body };
}

test("a report is posted to the host's own path, signed with its key, and its answer read", async () => {
  const said = await plane.report(aReport(1));
  expect(said).toMatchObject({ status: "answered", answer: { nextReportInSeconds: 60 } });
  expect(seen[0]?.path).toBe("/v1/agents/host-1/reports");
  expect(signatureOf(seen[0], time.wallNow())).toEqual({ ok: true });
  expect(JSON.parse(String(seen[0]?.body))).toEqual(aReport(1));
});

test("a large report is compressed, and what is signed is what was sent", async () => {
  await plane.report(aReport(2000));
  expect(seen[0]?.headers["content-encoding"]).toBe("gzip");
  expect(signatureOf(seen[0], time.wallNow())).toEqual({ ok: true });
  expect(JSON.parse(String(gunzipSync(seen[0]?.body ?? Buffer.alloc(0))))).toEqual(aReport(2000));
});

test("a join is not signed: its token speaks for it", async () => {
  answer = () => ({ status: 200, body: { now: now() } });
  const publicKey = rawPublicKey(KEYS.publicKey);
  const said = await plane.join({ joinToken: "t".repeat(20), publicKey });
  expect(said.status).toBe("answered");
  expect(seen[0]?.path).toBe("/v1/agents/host-1/join");
  expect(seen[0]?.headers["signature"]).toBeUndefined();
});

test("a clock that is an hour wrong is found out by the refusal, and the request signed again", async () => {
  const skewMs = 3_600_000;
  answer = (request) =>
    signatureOf(request, time.wallNow() + skewMs).ok
      ? { status: 202, body: { leaseUntil: now(), nextReportInSeconds: 60, now: now(skewMs) } }
      : problem(401, "unauthenticated", { now: now(skewMs) });
  expect((await plane.report(aReport(1))).status).toBe("answered");
  expect((await plane.report(aReport(1))).status).toBe("answered");
  expect(seen).toHaveLength(3);
});

test("a refused signature under the right time is refused at once", async () => {
  answer = () => problem(401, "unauthenticated");
  expect(await plane.report(aReport(1))).toEqual({
    status: "refused",
    code: "unauthenticated",
    detail: "why",
  });
  expect(seen).toHaveLength(1);
});

test.each<readonly [number, string, object]>([
  [409, "stale_boot", { status: "stale_boot" }],
  [400, "invalid_request", { status: "refused", code: "invalid_request" }],
  [413, "payload_too_large", { status: "refused", code: "payload_too_large" }],
  [404, "host_not_found", { status: "refused", code: "host_not_found" }],
  [429, "rate_limited", { status: "unavailable" }],
  [500, "internal", { status: "unavailable" }],
  [503, "unavailable", { status: "unavailable" }],
])("%i %s means %o", async (status, code, meaning) => {
  answer = () => problem(status, code);
  expect(await plane.report(aReport(1))).toMatchObject(meaning);
});

test.each([
  ["7", 7000],
  ["86400", 60_000],
  ["-1", 0],
  ["Wed, 01 Jan 2031 00:00:00 GMT", 0],
])("Retry-After: %s is a wait of %i ms", async (header, retryAfterMs) => {
  answer = () => ({ ...problem(503, "unavailable"), headers: { "retry-after": header } });
  expect(await plane.report(aReport(1))).toMatchObject({ retryAfterMs });
});

test.each<readonly [string, Answer]>([
  ["a gateway's own page", { status: 502, body: "<html>" }],
  ["a gateway's own refusal", { status: 404, body: { message: "Not Found" } }],
  ["an answer of another form", { status: 202, body: { hello: 1 } }],
  ["a redirect", { status: 307, body: "", headers: { location: "http://127.0.0.1:1/" } }],
])("%s is unavailable: the same may be said again", async (_, other) => {
  answer = () => other;
  expect(await plane.report(aReport(1))).toMatchObject({ status: "unavailable" });
});

test("nobody there is unavailable, with the reason", async () => {
  const gone = port();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(await planeAt(gone).report(aReport(1))).toMatchObject({
    status: "unavailable",
    detail: expect.stringContaining("ECONNREFUSED"),
  });
  server.listen(0);
});
