/**
 * The template's policies against what the functions really ask for: every route and every consumer is used, and nothing that was
 * asked would be denied. Local engines allow everything, so this is where a missing grant shows.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FUNCTION_NAMES } from "../../cdk/function-names.ts";
import { gzipCodec } from "../../shared/aws/system.ts";
import { ReportedVm } from "../../shared/model/agent-protocol.ts";
import { aReport } from "../support/joined-host.ts";
import { type RunningHost, type RunningStack, runningStack } from "../support/running-stack.ts";

const TEST_MS_MAX = 90_000;
const PATIENT = { timeout: 40_000, interval: 100 };
const QUICK = { startMs: 5, shutdownMs: 5, powerOffMs: 5 };

describe("the policies of the template", { timeout: TEST_MS_MAX }, () => {
  let running: RunningStack;
  let host: RunningHost;
  let silent: RunningHost;

  beforeAll(async () => {
    running = await runningStack({
      set: ["hostDisconnectedAfterSeconds=2", "reportIntervalSeconds=1"],
    });
    host = await running.addHost("host-a", QUICK);
    silent = await running.addHost("host-b", QUICK);
  });
  afterAll(() => running.stop());

  const get = (path: string) => running.client.call("GET", path);
  const hostState = async (hostId: string) => {
    const { body } = await get(`/v1/hosts/${hostId}`);
    return Object(body).state;
  };
  const silenceSeconds = async () => {
    const { body } = await get("/v1/hosts/host-b");
    return (Date.now() - Date.parse(Object(body).lastReportAt)) / 1_000;
  };
  const key = (text: string) => ({ "idempotency-key": text });
  const useTheApi = async () => {
    const { client } = running;
    const vm = await client.createVm({
      name: "one",
      spec: { cpus: 1, memoryMiB: 64, domainXml: "<domain/>" },
    });
    await client.run(vm.id, "start", { hostId: "host-a" });
    await client.call("PATCH", `/v1/vms/${vm.id}`, { name: "other" });
    await client.call("POST", `/v1/vms/${vm.id}/apartment`, { paused: true });
    await client.call("POST", `/v1/vms/${vm.id}/apartment`, { paused: false });
    for (const path of ["", `/${vm.id}`, `/${vm.id}/apartment`]) await get(`/v1/vms${path}`);
    await get("/v1/jobs");
    await client.call("POST", `/v1/vms/${vm.id}/apartment`, { paused: true });
    const waiting = await client.submit(vm.id, "stop");
    await client.call("POST", `/v1/jobs/${waiting.id}/cancel`, {}, key("cancel"));
    await client.ended(waiting.id);
    await client.call("POST", `/v1/vms/${vm.id}/apartment`, { paused: false });
    await get("/v1/hosts");
    await client.call("POST", "/v1/hosts/host-a/join-token", undefined, key("join"));
    await get("/v1/hosts/host-a/orphans");
    await client.call("POST", `/v1/hosts/host-a/orphans/${vm.id}/adopt`);
    const token = await client.call("POST", "/v1/tokens", { role: "viewer" }, key("token"));
    await get("/v1/tokens");
    await client.call("DELETE", `/v1/tokens/${Object(token.body).id}`);
    await get("/v1/health");
    const event = { topic: "custom.test", detail: {} };
    await client.call("POST", "/v1/events", event, key("event"));
    await get("/v1/events");
    await get(`/v1/vms/${vm.id}/history`);
    // Behind our back: reported, reconciled, observed.
    host.hypervisor.behindTheBack.powerOff(vm.id);
    const power = async () => (await client.vm(vm.id)).power.state;
    await expect.poll(power, PATIENT).toBe("off");
    await client.run(vm.id, "stop");
    const evacuation = await client.call("POST", "/v1/hosts/host-a/maintenance", { enabled: true });
    await client.ended(Object(evacuation.body).id);
    await client.call("POST", "/v1/hosts/host-a/maintenance", { enabled: false });
  };
  const sendByHand = async (queueName: string, MessageBody: string, fifo: object = {}) => {
    const { stack } = running;
    const identity = readFileSync(join(stack.dataFolder, "identity.json"), "utf8");
    const { rootKeys: credentials } = JSON.parse(identity);
    const endpoint = stack.awsEndpoints.sqs;
    const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials });
    const QueueUrl = `${endpoint}/000000000000/${queueName}`;
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...fifo }));
    sqs.destroy();
  };
  const redriveAReport = async () => {
    const vms = [{ vmId: "33333333-3333-4333-8333-333333333333", power: "on" }];
    const report = aReport({ seq: 1_000_000, vms: vms.map((vm) => ReportedVm.parse(vm)) });
    const detail = {
      ...{ topic: "agent.report.host-a", id: "by-hand", hostId: "host-a", digest: "by-hand" },
      ...{ bootOrdinal: 1, seq: report.seq, receivedAt: Date.now() },
      report: gzipCodec.pack(JSON.stringify(report)),
    };
    await sendByHand("vmsync-reports-undelivered", JSON.stringify({ detail }));
    const incidents = async () =>
      Object((await get("/v1/incidents?kind=orphan")).body).items.length;
    await expect.poll(incidents, PATIENT).toBeGreaterThan(0);
  };
  const resolveADeadLetter = async () => {
    await sendByHand("vmsync-apartments-dead.fifo", "not a message", {
      MessageGroupId: "none",
      MessageDeduplicationId: "1",
    });
    const incidents = async () =>
      Object((await get("/v1/incidents?state=open&kind=poison_message")).body).items;
    await expect.poll(incidents, PATIENT).toMatchObject([{ kind: "poison_message" }]);
    const [{ id }] = await incidents();
    await running.client.call("POST", `/v1/incidents/${id}/resolve`, {}, key("resolve"));
  };

  it("allow what the functions ask for, in every route and every consumer", async () => {
    await useTheApi();
    await resolveADeadLetter();
    await redriveAReport();
    await silent.stop();
    await expect.poll(silenceSeconds, PATIENT).toBeGreaterThan(2);
    // By its schedule it would first run after a minute.
    void running.stack.invoke("vmsync-sweeper", "{}");
    await expect.poll(() => hostState("host-b"), PATIENT).toBe("Disconnected");
    const fenced = await running.client.call("POST", "/v1/hosts/host-b/fenced");
    expect(fenced).toMatchObject({ status: 200, body: { state: "Fenced" } });
    const removed = await running.client.call("DELETE", "/v1/hosts/host-b");
    expect(removed.status).toBe(204);
    const { invocations, awsByFunction, denied } = running.stack.calls.read();
    // No route and no consumer leads to the first token's function.
    const used = FUNCTION_NAMES.filter((name) => name !== "first-token");
    expect(Object.keys(invocations).sort()).toEqual(used.map((name) => `vmsync-${name}`).sort());
    // A function that asked for nothing would have shown nothing: only health needs nobody.
    const idle = used.filter(
      (name) => Object.keys(awsByFunction[`vmsync-${name}`] ?? {}).length === 0,
    );
    expect(idle).toEqual(["api-system"]);
    expect(denied).toEqual([]);
  });
});
