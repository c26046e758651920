import "../support/function-environment.ts";

import { generateKeyPairSync } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { agentsApi } from "../../functions/ingest.ts";
import { registerHost, renewJoinToken } from "../../shared/app/register-host.ts";
import { rawPublicKey } from "../../shared/http/ed25519.ts";
import { REPORT_VMS_MAX, ReportAnswer, SessionAnswer } from "../../shared/model/agent-protocol.ts";
import { HostId } from "../../shared/model/ids.ts";
import { bootId, T0 } from "../support/a-record.ts";
import { anEvent, aRequestTo } from "../support/http-event.ts";
import { aHostInSession, aJoinedHost, aReport, listed, okValue } from "../support/joined-host.ts";
import { aWorld, counting } from "../support/memory-world.ts";
import { NOW_SECONDS, signedRequest } from "../support/signed-request.ts";

const newKey = () => generateKeyPairSync("ed25519").privateKey;

/** `host-a` in a session, over a function that has just started. */
async function aFleet() {
  const world = aWorld();
  const host = await aHostInSession(world);
  const handler = agentsApi(world.deps);
  const ask = async (event: APIGatewayProxyEventV2) => {
    const response = await handler(event);
    return { status: response.statusCode, json: JSON.parse(response.body ?? "null"), response };
  };
  const state = () =>
    structuredClone([
      world.memory.tables.hosts.all(),
      world.memory.tables.heartbeats.all(),
      world.memory.bus.events,
      world.memory.tables.incidents.all(),
    ]);
  return { world, host, ask, state };
}

describe("an agent's way in", () => {
  it("is join, session, report, results", async () => {
    const world = aWorld();
    const handler = agentsApi(world.deps);
    const hostId = HostId.parse("host-a");
    const { joinToken } = okValue(await registerHost(world.deps, { id: hostId }));
    const privateKey = newKey();
    const body = { joinToken, publicKey: rawPublicKey(privateKey) };
    const joined = await handler(aRequestTo("joinHost", { params: { hostId }, body }));
    expect(joined).toMatchObject({ statusCode: 200 });
    const signer = { hostId, privateKey };

    const opened = await handler(
      signedRequest(signer, "openSession", { body: { agentVersion: "1", bootId } }),
    );
    expect(SessionAnswer.parse(JSON.parse(opened.body ?? "")).bootOrdinal).toBe(1);

    const reported = await handler(signedRequest(signer, "report"));
    expect(reported.statusCode).toBe(202);
    expect(ReportAnswer.parse(JSON.parse(reported.body ?? "")).nextReportInSeconds).toBe(60);

    const results = {
      bootId,
      results: [
        { seq: 2, commandId: "c", vmId: listed(1).vmId, epoch: 1, status: "done", power: "on" },
      ],
    };
    const taken = await handler(signedRequest(signer, "results", { body: results }));
    expect(taken).toMatchObject({ statusCode: 202 });
    expect(world.taken()).toMatchObject([{ to: listed(1).vmId }]);
  });

  it("is refused without a join token, and hears the server's time", async () => {
    const { ask, state } = await aFleet();
    const before = state();
    const { status, json } = await ask(
      aRequestTo("joinHost", {
        params: { hostId: "host-a" },
        body: { joinToken: "x".repeat(43), publicKey: rawPublicKey(newKey()) },
      }),
    );
    expect(status).toBe(401);
    expect(json).toMatchObject({ code: "unauthenticated", now: "2027-01-15T08:00:00.000Z" });
    expect(state()).toEqual(before);
  });
});

describe("a report", () => {
  it("is one write of the store and no read, when it is quiet and its host is known", async () => {
    const { world, host } = await aFleet();
    const calls = new Map<string, number>();
    const handler = agentsApi({ ...world.deps, hosts: counting(world.deps.hosts, calls) });
    await handler(signedRequest(host, "report", { body: aReport({ seq: 1 }) }));
    const digest = world.memory.bus.events.at(-1)?.detail["digest"];
    await world.deps.hosts.markApplied({
      hostId: host.hostId,
      bootOrdinal: 1,
      applied: { bootOrdinal: 1, seq: 1, at: T0, digest: String(digest) },
      settled: [{ digest: String(digest), seq: 1 }],
    });
    calls.clear();
    const { statusCode } = await handler(
      signedRequest(host, "report", { body: aReport({ seq: 2 }) }),
    );
    expect(statusCode).toBe(202);
    expect([...calls]).toEqual([["beat", 1]]);
  });

  it("may be packed: 2,000 VMs fit", async () => {
    const { ask, host } = await aFleet();
    const vms = Array.from({ length: REPORT_VMS_MAX }, (_, n) =>
      listed(n, { name: `a name of ${n}`.padEnd(64, "-"), detail: "running (booted)", epoch: n }),
    );
    const text = JSON.stringify(aReport({ vms }));
    expect(text.length).toBeGreaterThan(256 * 1024);
    const headers = { "content-encoding": "gzip" };
    const packed = signedRequest(host, "report", { body: gzipSync(text), headers });
    expect(await ask(packed)).toMatchObject({ status: 202 });
    expect(await ask(signedRequest(host, "report", { body: text }))).toMatchObject({
      status: 413,
      json: { code: "payload_too_large" },
    });
  });

  it("of an old key is refused, also by a function that remembers the key", async () => {
    const { ask, host, world } = await aFleet();
    expect(await ask(signedRequest(host, "report"))).toMatchObject({ status: 202 });
    const { joinToken } = okValue(await renewJoinToken(world.deps, host));
    const privateKey = newKey();
    const { hostId } = host;
    const body = { joinToken, publicKey: rawPublicKey(privateKey) };
    await ask(aRequestTo("joinHost", { params: { hostId }, body }));
    const before = world.memory.tables.heartbeats.all();
    for (let time = 0; time < 2; time += 1)
      expect(await ask(signedRequest(host, "report", { body: aReport({ seq: 2 }) }))).toMatchObject(
        {
          status: 401,
        },
      );
    expect(world.memory.tables.heartbeats.all()).toEqual(before);
    const session = { body: { agentVersion: "1", bootId } };
    expect(await ask(signedRequest({ hostId, privateKey }, "openSession", session))).toMatchObject({
      status: 200,
    });
  });
});

describe("what is refused, and changes nothing", () => {
  type Case = readonly [
    string,
    (
      fleet: Awaited<ReturnType<typeof aFleet>>,
    ) => Promise<APIGatewayProxyEventV2> | APIGatewayProxyEventV2,
    number,
    string,
  ];
  const other = async ({ world }: Awaited<ReturnType<typeof aFleet>>) =>
    aJoinedHost(world, "host-b");
  const cases: readonly Case[] = [
    [
      "no signature",
      () => aRequestTo("report", { params: { hostId: "host-a" }, body: aReport() }),
      401,
      "unauthenticated",
    ],
    [
      "host B's valid signature on host A's path",
      async (fleet) => signedRequest(await other(fleet), "report", { host: "host-a" }),
      401,
      "unauthenticated",
    ],
    [
      "host B's key under host A's name",
      async (fleet) =>
        signedRequest({ hostId: "host-a", privateKey: (await other(fleet)).privateKey }, "report"),
      401,
      "unauthenticated",
    ],
    [
      "a signature of another route",
      ({ host }) => ({
        ...signedRequest(host, "results"),
        routeKey: "POST /v1/agents/{hostId}/reports",
        rawPath: "/v1/agents/host-a/reports",
      }),
      401,
      "unauthenticated",
    ],
    [
      "another body under a valid signature",
      ({ host }) => ({
        ...signedRequest(host, "report"),
        body: JSON.stringify(aReport({ vms: [] })),
        isBase64Encoded: false,
      }),
      401,
      "unauthenticated",
    ],
    [
      "a signature that is too old",
      ({ host }) => signedRequest(host, "report", { createdSeconds: NOW_SECONDS - 301 }),
      401,
      "unauthenticated",
    ],
    [
      "a signature from the future",
      ({ host }) => signedRequest(host, "report", { createdSeconds: NOW_SECONDS + 301 }),
      401,
      "unauthenticated",
    ],
    [
      "a host that there is not",
      () => signedRequest({ hostId: "host-z", privateKey: newKey() }, "report"),
      401,
      "unauthenticated",
    ],
    [
      "a name that is no host's",
      () => signedRequest({ hostId: "Host_Z", privateKey: newKey() }, "report"),
      401,
      "unauthenticated",
    ],
    [
      "malformed JSON",
      ({ host }) => signedRequest(host, "report", { body: '{"seq":' }),
      400,
      "invalid_request",
    ],
    [
      "JSON that is not UTF-8",
      ({ host }) => signedRequest(host, "report", { body: new Uint8Array([0x22, 0xff, 0x22]) }),
      400,
      "invalid_request",
    ],
    [
      "an unknown field",
      ({ host }) => signedRequest(host, "report", { body: { ...aReport(), colour: "red" } }),
      400,
      "invalid_request",
    ],
    [
      "an unknown field of a VM",
      ({ host }) =>
        signedRequest(host, "report", {
          body: { ...aReport(), vms: [{ ...listed(1), state: "up" }] },
        }),
      400,
      "invalid_request",
    ],
    [
      "a wrong id",
      ({ host }) =>
        signedRequest(host, "report", {
          body: { ...aReport(), vms: [{ vmId: "1", power: "on" }] },
        }),
      400,
      "invalid_request",
    ],
    [
      "the same VM twice",
      ({ host }) =>
        signedRequest(host, "report", { body: { ...aReport(), vms: [listed(1), listed(1)] } }),
      400,
      "invalid_request",
    ],
    [
      "2,001 VMs",
      ({ host }) =>
        signedRequest(host, "report", {
          body: {
            ...aReport(),
            vms: Array.from({ length: REPORT_VMS_MAX + 1 }, (_, n) => listed(n)),
          },
        }),
      400,
      "invalid_request",
    ],
    [
      "more than 256 KiB",
      ({ host }) => signedRequest(host, "report", { body: " ".repeat(256 * 1024 + 1) }),
      413,
      "payload_too_large",
    ],
    [
      "a megabyte and more, packed",
      ({ host }) =>
        signedRequest(host, "report", {
          body: gzipSync(" ".repeat(1024 * 1024 + 1)),
          headers: { "content-encoding": "gzip" },
        }),
      413,
      "payload_too_large",
    ],
    [
      "another media type",
      ({ host }) => signedRequest(host, "report", { headers: { "content-type": "text/plain" } }),
      415,
      "unsupported_media_type",
    ],
    [
      "a report of another boot",
      ({ host }) => signedRequest(host, "report", { body: { ...aReport(), bootId: "boot-9999" } }),
      409,
      "stale_boot",
    ],
    [
      "results of another boot",
      ({ host }) =>
        signedRequest(host, "results", {
          body: {
            bootId: "boot-9999",
            results: [{ seq: 1, commandId: "c", vmId: listed(1).vmId, epoch: 1, status: "done" }],
          },
        }),
      409,
      "stale_boot",
    ],
    [
      "eleven results",
      ({ host }) =>
        signedRequest(host, "results", {
          body: {
            bootId,
            results: Array.from({ length: 11 }, (_, n) => ({
              ...{ seq: n, commandId: `c${n}`, vmId: listed(1).vmId, epoch: 1, status: "done" },
            })),
          },
        }),
      400,
      "invalid_request",
    ],
  ];

  it.each(cases)("%s", async (_name, request, status, code) => {
    const fleet = await aFleet();
    const event = await request(fleet);
    const before = fleet.state();
    const answer = await fleet.ask(event);
    expect(answer).toMatchObject({
      status,
      json: { code, status, now: "2027-01-15T08:00:00.000Z" },
    });
    expect(fleet.state()).toEqual(before);
    expect(fleet.world.taken()).toEqual([]);
    expect(fleet.world.memory.telemetry.counts.get(`refused.agents.${code}`)).toBe(1);
  });

  it("a replayed report: it is answered, and changes nothing", async () => {
    const { ask, host, state, world } = await aFleet();
    const event = signedRequest(host, "report", { body: aReport({ seq: 7 }) });
    expect(await ask(event)).toMatchObject({ status: 202 });
    const before = state();
    expect(await ask(event)).toMatchObject({ status: 202 });
    const late = signedRequest(host, "report", { body: aReport({ seq: 6, vms: [] }) });
    expect(await ask(late)).toMatchObject({ status: 202 });
    expect(state()).toEqual(before);
    expect(world.memory.telemetry.counts.get("reportsReplayed")).toBe(2);
  });

  it("a route of another family", async () => {
    const { ask } = await aFleet();
    const event = anEvent({ method: "GET", path: "/v1/vms", routeKey: "GET /v1/vms" });
    expect(await ask(event)).toMatchObject({ status: 500, json: { code: "internal" } });
  });
});
