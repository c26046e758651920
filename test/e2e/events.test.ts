/** What happens is told: through bus, queue and log to the feed and the VM's history. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  DescribeReplayCommand,
  EventBridgeClient,
  StartReplayCommand,
} from "@aws-sdk/client-eventbridge";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Client,
  clientOf,
  type RunningHost,
  type RunningStack,
  runningStack,
} from "../support/running-stack.ts";

const PATIENT = { timeout: 20_000, interval: 100 };
const QUICK = { startMs: 5, shutdownMs: 5, powerOffMs: 5 };

type Told = {
  readonly id: string;
  readonly type: string;
  readonly topic: string;
  readonly detail: Readonly<Record<string, unknown>>;
};

describe("events, from bus to feed", () => {
  let running: RunningStack;
  let host: RunningHost;
  beforeAll(async () => {
    running = await runningStack();
    host = await running.addHost("host-a", QUICK);
  });
  afterAll(() => running.stop());

  const itemsOf = (body: unknown): readonly Told[] => Object(body).items;
  const history = async (client: Client, vmId: string) =>
    itemsOf((await client.call("GET", `/v1/vms/${vmId}/history`)).body);
  const states = (events: readonly Told[]) =>
    events.flatMap(({ type, detail }) => (type === "vm.state" ? [detail["to"]] : []));

  it("a VM's history tells its states with their causes, its jobs and what was observed, newest first", async () => {
    const { client } = running;
    const vm = await client.createVm({ name: "told" });
    const job = await client.run(vm.id, "start");
    await expect
      .poll(async () => states(await history(client, vm.id)), PATIENT)
      .toEqual(["Running", "Starting"]);
    const events = await history(client, vm.id);
    const to = (type: string, key: string) =>
      events.filter((event) => event.type === type).map(({ detail }) => detail[key]);
    expect(to("vm.state", "cause")).toEqual(["job", "job"]);
    expect(to("vm.state", "jobId")).toEqual([job.id, job.id]);
    expect(to("job.state", "status")).toEqual(["succeeded", "running"]);
    expect(to("job.state", "type")).toEqual(["vm.start", "vm.start"]);
    expect(to("vm.power", "to")).toEqual(["on"]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    host.hypervisor.behindTheBack.powerOff(vm.id);
    const powers = async () =>
      (await history(client, vm.id)).filter(({ type }) => type === "vm.power").length;
    await expect.poll(powers, PATIENT).toBe(2);
  });

  it("a replay of the archive tells everything again, and changes nothing", async () => {
    const { client, stack } = running;
    const vm = await client.createVm({ name: "replayed" });
    await client.run(vm.id, "start");
    const ids = async () => (await history(client, vm.id)).map(({ id }) => id);
    await expect.poll(async () => states(await history(client, vm.id)), PATIENT).toHaveLength(2);
    const before = await ids();
    const identity = readFileSync(join(stack.dataFolder, "identity.json"), "utf8");
    const { rootKeys: credentials } = JSON.parse(identity);
    const endpoint = stack.awsEndpoints.sqs;
    const events = new EventBridgeClient({ endpoint, region: "us-east-1", credentials });
    stack.calls.reset();
    const arn = "arn:aws:events:us-east-1:000000000000";
    await events.send(
      new StartReplayCommand({
        ReplayName: "again",
        EventSourceArn: `${arn}:archive/vmsync-events`,
        EventStartTime: new Date(0),
        EventEndTime: new Date(Date.now() + 1_000),
        Destination: { Arn: `${arn}:event-bus/vmsync` },
      }),
    );
    const recorded = () => stack.calls.read().invocations["vmsync-events"] ?? 0;
    await expect.poll(recorded, PATIENT).toBeGreaterThan(0);
    await expect
      .poll(
        async () => (await events.send(new DescribeReplayCommand({ ReplayName: "again" }))).State,
      )
      .toBe("COMPLETED");
    events.destroy();
    expect(await ids()).toEqual(before);
  });

  it("a reader of the feed gets each event once, its own account's and no other", async () => {
    const { client, stack } = running;
    const made = await client.call("POST", "/v1/tokens", { account: "acme", role: "operator" });
    const operator = clientOf({ url: stack.url, token: Object(made.body).token });
    const mine = await operator.createVm({ name: "mine" });
    const other = await client.createVm({ name: "other" });
    await Promise.all([operator.run(mine.id, "start"), client.run(other.id, "start")]);
    const key = { "idempotency-key": "once" };
    const told = { topic: "custom.deploy.done", detail: { release: 7 } };
    const published = [
      await operator.call("POST", "/v1/events", told, key),
      await operator.call("POST", "/v1/events", told, key),
    ];
    expect(published.map(({ status }) => status)).toEqual([202, 202]);
    const read: Told[] = [];
    let after = "";
    const look = async () => {
      const { body } = await operator.call("GET", `/v1/events?limit=3${after}`);
      after = `&after=${Object(body).nextCursor}`;
      read.push(...itemsOf(body));
      const custom = read.filter(({ type }) => type === "custom");
      return { states: states(read), custom: custom.map(({ topic }) => topic) };
    };
    await expect
      .poll(look, PATIENT)
      .toEqual({ states: ["Starting", "Running"], custom: ["custom.deploy.done"] });
    const ids = read.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(read.filter(({ detail }) => detail["vmId"] === other.id)).toEqual([]);
    const found = await operator.call("GET", `/v1/vms/${other.id}/history`);
    expect(found.status).toBe(404);
  });
});
