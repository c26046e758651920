/** Bad input against the running stack: each gets the contract's problem document, and nothing is other than before. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { PROBLEMS, ProblemDocument } from "../../shared/model/problem.ts";
import { TokenMade } from "../../shared/model/user-api.ts";
import {
  type AgentScene,
  aReportOf,
  aResultOf,
  BAD_AGENT_REQUESTS,
} from "../support/bad-agent-requests.ts";
import { BAD_USER_REQUESTS, type BadUserRequest, type Who } from "../support/bad-user-requests.ts";
import { type RunningStack, runningStack } from "../support/running-stack.ts";
import { aSigningHost, sendWire, signedBy, type WireRequest } from "../support/signing-host.ts";

const QUICK = { startMs: 5, shutdownMs: 5, powerOffMs: 5 };
/** Nothing is heard but what a test says, and no silence is noticed. */
const QUIET = [
  "reportIntervalSeconds=3600",
  "hostDisconnectedAfterSeconds=7200",
  "hostDownAfterSeconds=8000",
];
const PATIENT = { timeout: 20_000 };
const STRANGER_VM = "99999999-9999-4999-8999-999999999999";

const Identity = z.object({
  rootKeys: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
});
const Incidents = z.object({ items: z.array(z.object({ id: z.string(), kind: z.string() })) });
const Fields = z.object({ errors: z.array(z.object({ path: z.string(), message: z.string() })) });

describe("bad input", () => {
  let running: RunningStack;
  let scene: AgentScene;
  let tokens: Readonly<Record<Who, string>>;
  let places: Readonly<Record<string, string>>;
  let untouched: Awaited<ReturnType<typeof state>>;

  const { get, send, incidents } = {
    get: async (path: string) => (await running.client.call("GET", path)).body,
    send: (request: WireRequest) => sendWire(running.stack.url, request),
    incidents: async () => Incidents.parse(await get("/v1/incidents?state=open")).items,
  };
  /** All that is recorded, as the API tells it. */
  const state = () =>
    Promise.all(
      [
        ...["/v1/vms", "/v1/jobs", "/v1/hosts", "/v1/incidents", "/v1/tokens"],
        `/v1/vms/${scene.vmId}/apartment`,
      ].map(get),
    );

  beforeAll(async () => {
    running = await runningStack({ set: QUIET });
    const { client, stack } = running;
    await running.addHost("host-c", { ...QUICK, events: "untold" });
    const url = stack.url;
    const host = await aSigningHost({ url, client }, "host-a");
    const other = await aSigningHost({ url, client }, "host-b");
    const key = { "idempotency-key": "of-the-scene" };
    const made = await client.call(
      "POST",
      "/v1/vms",
      { name: "web", spec: { cpus: 1, memoryMiB: 64 } },
      key,
    );
    const { id: vmId } = z.object({ id: z.string() }).parse(made.body);
    scene = { host, other, vmId };
    const job = await client.run(vmId, "start");
    await client.run(vmId, "stop");
    const report = aReportOf(scene, { seq: 5, vms: [] });
    expect(await send(signedBy(host, "reports", report))).toMatchObject({ status: 202 });
    await sendToApartment({ body: "nobody's", group: "nobody" });
    const incident = await vi.waitFor(async () => {
      const [first] = await incidents();
      if (first === undefined) throw new Error("no incident was opened");
      return first.id;
    }, PATIENT);
    places = { vm: vmId, job: job.id, host: "host-a", incident };
    tokens = await makeTokens();
    untouched = await state();
  });
  afterAll(() => running.stop());

  async function makeTokens(): Promise<Readonly<Record<Who, string>>> {
    const make = async (body: object) =>
      TokenMade.parse((await running.client.call("POST", "/v1/tokens", body)).body);
    const deleted = await make({ role: "admin" });
    await running.client.call("DELETE", `/v1/tokens/${deleted.id}`);
    return {
      admin: running.stack.adminToken,
      operator: (await make({ role: "operator" })).token,
      viewer: (await make({ role: "viewer" })).token,
      stranger: (await make({ role: "operator", account: "elsewhere" })).token,
      deleted: deleted.token,
    };
  }

  /** A message on the apartments' real queue, as a stranger to this system would put it there. */
  async function sendToApartment(message: { readonly body: string; readonly group: string }) {
    const { dataFolder, awsEndpoints } = running.stack;
    const file = readFileSync(join(dataFolder, "identity.json"), "utf8");
    const { rootKeys: credentials } = Identity.parse(JSON.parse(file));
    const endpoint = awsEndpoints.sqs;
    const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials });
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: `${endpoint}/000000000000/vmsync-apartments.fifo`,
        MessageBody: message.body,
        MessageGroupId: message.group,
        MessageDeduplicationId: crypto.randomUUID(),
      }),
    );
    sqs.destroy();
  }

  const placed = (text: string) =>
    text.replaceAll(/\{(vm|job|host|incident)\}/g, (_, name: string) => places[name] ?? "");
  const wire = ({ who = "admin", method, path, json, raw, headers }: BadUserRequest) => {
    const body = json === undefined ? raw : placed(JSON.stringify(json));
    return {
      ...{ method, path: placed(path) },
      headers: {
        authorization: `Bearer ${tokens[who]}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    };
  };
  /** The contract's answer, and a state that is what it was. */
  const expectRefused = async (
    request: WireRequest,
    { code, names }: Pick<BadUserRequest, "code" | "names">,
  ) => {
    const { status, headers, body } = await send(request);
    const problem = ProblemDocument.parse(body);
    expect(problem).toMatchObject({
      ...PROBLEMS[code],
      code,
      type: `urn:vmsync:problem:${code}`,
    });
    expect(status).toBe(PROBLEMS[code].status);
    expect(headers.get("content-type")).toBe("application/problem+json");
    if (names !== undefined)
      expect(Fields.parse(problem).errors.map(({ path }) => path)).toContain(names);
    expect(await state()).toEqual(untouched);
    return { headers, problem };
  };

  it.each(Object.entries(BAD_USER_REQUESTS))("from a user: %s", async (_, bad) => {
    const { headers } = await expectRefused(wire(bad), bad);
    expect(headers.get("allow")).toBe(bad.allow ?? null);
    expect(headers.get("www-authenticate")).toBe(bad.code === "unauthenticated" ? "Bearer" : null);
  });

  it.each(Object.entries(BAD_AGENT_REQUESTS))("from an agent: %s", async (_, bad) => {
    const { problem } = await expectRefused(bad.request(scene), bad);
    // An agent whose clock is wrong sets it right by this.
    expect(Math.abs(Date.parse(String(problem["now"])) - Date.now())).toBeLessThan(60_000);
  });

  it("tells strangers nothing of which VMs there are", async () => {
    const headers = { authorization: `Bearer ${tokens.stranger}` };
    for (const path of ["/v1/vms", "/v1/jobs", "/v1/incidents"])
      expect((await send({ method: "GET", path, headers })).body).toEqual({ items: [] });
  });

  it.each(["vms", "jobs", "hosts", "incidents", "tokens"])(
    "goes on from a cursor of %s that somebody made up, as from any other",
    async (list) => {
      const cursors = [{ id: "x" }, { id: "~", at: 0 }, { id: "é", at: Number.MAX_SAFE_INTEGER }];
      for (const cursor of cursors) {
        const text = Buffer.from(JSON.stringify(cursor), "latin1").toString("base64url");
        const { status } = await running.client.call("GET", `/v1/${list}?cursor=${text}`);
        expect(status).toBe(200);
      }
    },
  );

  it.each([
    ["replayed", 5],
    ["late", 4],
  ])("accepts a report that is %s, and does not believe it", async (_, seq) => {
    const told = await send(signedBy(scene.host, "reports", aReportOf(scene, { seq })));
    expect(told.status).toBe(202);
    expect(await state()).toEqual(untouched);
  });

  it("takes results of commands that were never sent as nothing", async () => {
    const before = await running.client.vm(scene.vmId);
    const told = await send(signedBy(scene.host, "results", aResultOf(scene)));
    expect(told.status).toBe(202);
    // Behind it in the same group: when this has ended, that has been looked at.
    expect(await running.client.run(scene.vmId, "stop")).toMatchObject({ status: "succeeded" });
    const { version: _v, updatedAt: _u, ...same } = before;
    expect(await running.client.vm(scene.vmId)).toMatchObject(same);
  });

  it("opens one incident for a host that tells of a VM that is not there", async () => {
    const before = await incidents();
    for (const commandId of ["one", "two"]) {
      const results = aResultOf(scene, { vmId: STRANGER_VM, commandId });
      expect((await send(signedBy(scene.host, "results", results))).status).toBe(202);
    }
    await expect.poll(incidents, PATIENT).toHaveLength(before.length + 1);
    expect((await incidents())[0]).toMatchObject({ kind: "poison_message" });
  });

  it("opens one incident a VM for messages that are none, and blocks no one", async () => {
    const before = await incidents();
    const other = await running.client.createVm({ name: "other" });
    await sendToApartment({ body: "not JSON", group: scene.vmId });
    await sendToApartment({ body: '{"v":2,"kind":"start"}', group: scene.vmId });
    await sendToApartment({ body: '{"v":1}', group: "no-vm" });
    expect(await running.client.run(other.id, "start")).toMatchObject({ status: "succeeded" });
    expect(await running.client.run(scene.vmId, "start")).toMatchObject({ status: "succeeded" });
    await expect.poll(incidents, PATIENT).toHaveLength(before.length + 2);
    expect(new Set((await incidents()).map(({ kind }) => kind))).toEqual(
      new Set(["poison_message"]),
    );
  });
});
