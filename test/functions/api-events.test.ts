import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { eventsApi } from "../../functions/api-events.ts";
import { AccountId } from "../../shared/model/ids.ts";
import { TopicEvent } from "../../shared/model/topic.ts";
import { aRecord, hostId, T0, vmId } from "../support/a-record.ts";
import { aCaller } from "../support/api-caller.ts";
import { aWorld } from "../support/memory-world.ts";

const otherVmId = "22222222-2222-4222-8222-222222222222";

const anEvent = (n: number, overrides: Partial<TopicEvent> = {}): TopicEvent =>
  TopicEvent.parse({
    family: "vm.state",
    topic: `vm.state.${vmId}`,
    id: `${vmId}.${n}.0`,
    at: T0 + n * 1_000,
    account: "acme",
    detail: { vmId, from: "Stopped", to: "Starting", cause: "job" },
    ...overrides,
  });
const hostEvent = (n: number) =>
  anEvent(n, {
    family: "host.state",
    topic: `host.state.${hostId}`,
    id: `${hostId}.${n}`,
    account: undefined,
    detail: { hostId, from: "Up", to: "Down" },
  });
const others = (n: number) =>
  anEvent(n, {
    id: `other.${n}`,
    account: AccountId.parse("umbrella"),
    detail: { vmId: otherVmId },
  });

async function anApi(events: readonly TopicEvent[] = []) {
  const world = aWorld();
  await world.deps.events.append(events);
  const handler = eventsApi(world.deps);
  const as = (role: "viewer" | "operator" | "admin", account?: string) =>
    aCaller(world, handler, { role, ...(account && { account }) });
  return { world, as };
}
// biome-ignore lint/suspicious/noExplicitAny: the JSON of an answer.
const idsOf = ({ json }: { readonly json: any }) => json.items.map(({ id }: { id: string }) => id);

describe("the feed", () => {
  const all = [anEvent(1), hostEvent(2), others(3), anEvent(4)];

  it("gives events oldest first, and goes on from its cursor", async () => {
    const { as, world } = await anApi(all);
    const admin = await as("admin");
    const first = await admin("listEvents", { query: { limit: "3" } });
    expect(idsOf(first)).toEqual([`${vmId}.1.0`, `${hostId}.2`, "other.3"]);
    expect(first.json.items[0]).toEqual({
      id: `${vmId}.1.0`,
      type: "vm.state",
      topic: `vm.state.${vmId}`,
      at: "2027-01-15T08:00:01.000Z",
      account: "acme",
      vmId,
      detail: { vmId, from: "Stopped", to: "Starting", cause: "job" },
    });
    const after = first.json.nextCursor;
    const second = await admin("listEvents", { query: { after } });
    expect(idsOf(second)).toEqual([`${vmId}.4.0`]);
    await world.deps.events.append([anEvent(0)]);
    const third = await admin("listEvents", { query: { after: second.json.nextCursor } });
    expect(idsOf(third)).toEqual([`${vmId}.0.0`]);
  });

  it("shows an account its own events, and hosts' to admins only", async () => {
    const { as } = await anApi(all);
    const viewer = await as("viewer");
    expect(idsOf(await viewer("listEvents"))).toEqual([`${vmId}.1.0`, `${vmId}.4.0`]);
    expect(idsOf(await viewer("listEvents", { query: { vmId: otherVmId } }))).toEqual([]);
    expect(idsOf(await viewer("listEvents", { query: { hostId } }))).toEqual([]);
    const admin = await as("admin", "ops");
    expect(idsOf(await admin("listEvents", { query: { hostId } }))).toEqual([`${hostId}.2`]);
    const byType = await admin("listEvents", { query: { type: "vm.state", vmId } });
    expect(idsOf(byType)).toEqual([`${vmId}.1.0`, `${vmId}.4.0`]);
  });

  it.each([
    { after: "nonsense" },
    { type: "vm.weather" },
    { vmId: "x" },
    { limit: "201" },
    { cursor: "x" },
  ])("refuses %j", async (query) => {
    const { as } = await anApi();
    const viewer = await as("viewer");
    expect(await viewer("listEvents", { query })).toMatchObject({
      status: 400,
      json: { code: "invalid_request" },
    });
  });
});

describe("a VM's history", () => {
  it("is newest first, page by page", async () => {
    const { as } = await anApi([1, 2, 3, 4, 5].map((n) => anEvent(n)));
    const viewer = await as("viewer");
    const params = { vmId };
    const first = await viewer("getHistory", { params, query: { limit: "3" } });
    expect(idsOf(first)).toEqual([5, 4, 3].map((n) => `${vmId}.${n}.0`));
    const cursor = first.json.nextCursor;
    const second = await viewer("getHistory", { params, query: { limit: "3", cursor } });
    expect(idsOf(second)).toEqual([2, 1].map((n) => `${vmId}.${n}.0`));
    expect(second.json.nextCursor).toBeUndefined();
  });

  it("of a VM to which nothing happened yet is empty; of one that is not there, not found", async () => {
    const { as, world } = await anApi();
    const viewer = await as("viewer");
    expect(await viewer("getHistory", { params: { vmId } })).toMatchObject({
      status: 404,
      json: { code: "vm_not_found" },
    });
    await world.deps.submissions.accept({ vm: { record: aRecord() }, now: T0 });
    expect(await viewer("getHistory", { params: { vmId } })).toMatchObject({
      status: 200,
      json: { items: [] },
    });
  });

  it("stays when the VM is gone, and is its owner's", async () => {
    const { as } = await anApi([anEvent(1)]);
    const [owner, stranger, admin] = [
      await as("viewer"),
      await as("viewer", "other"),
      await as("admin"),
    ];
    expect(idsOf(await owner("getHistory", { params: { vmId } }))).toEqual([`${vmId}.1.0`]);
    expect(idsOf(await admin("getHistory", { params: { vmId } }))).toEqual([`${vmId}.1.0`]);
    expect(await stranger("getHistory", { params: { vmId } })).toMatchObject({ status: 404 });
  });
});

describe("publishing", () => {
  const body = { topic: "custom.deploy.done", detail: { release: 7, vmId: otherVmId } };

  it("puts the event on the bus as the caller's account", async () => {
    const { as, world } = await anApi();
    const operator = await as("operator");
    const { status, json } = await operator("publishEvent", { body });
    expect({ status, json }).toEqual({ status: 202, json: { id: json.id, topic: body.topic } });
    expect(world.memory.bus.events).toEqual([
      {
        family: "custom",
        topic: body.topic,
        id: json.id,
        at: T0,
        account: "acme",
        detail: body.detail,
      },
    ]);
  });

  it("with a key tells one event, however often it is repeated; another body is a conflict", async () => {
    const { as, world } = await anApi();
    const operator = await as("operator");
    const headers = { "idempotency-key": "k" };
    const first = await operator("publishEvent", { body, headers });
    const again = await operator("publishEvent", { body, headers });
    expect(again.json).toEqual(first.json);
    expect(new Set(world.memory.bus.events.map(({ id }) => id)).size).toBe(1);
    const other = await operator("publishEvent", { body: { ...body, detail: {} }, headers });
    expect(other).toMatchObject({ status: 409, json: { code: "idempotency_conflict" } });
    const unkeyed = [
      await operator("publishEvent", { body }),
      await operator("publishEvent", { body }),
    ];
    expect(new Set(unkeyed.map(({ json }) => json.id)).size).toBe(2);
  });

  it.each([
    { topic: "vm.state.x", detail: {} },
    { topic: "custom", detail: {} },
    { topic: "custom..x", detail: {} },
    { topic: "custom.a.b.c.d.e.f.g.h", detail: {} },
    { topic: `custom.${"x".repeat(200)}`, detail: {} },
    { topic: "custom.x", detail: { filler: "x".repeat(4 * 1024) } },
    { topic: "custom.x", detail: [] },
    { topic: "custom.x" },
    { topic: "custom.x", detail: {}, account: "umbrella" },
  ])("refuses %j", async (wrong) => {
    const { as, world } = await anApi();
    const operator = await as("operator");
    expect(await operator("publishEvent", { body: wrong })).toMatchObject({
      status: 400,
      json: { code: "invalid_request" },
    });
    expect(world.memory.bus.events).toEqual([]);
  });

  it("is an operator's to do, not a viewer's", async () => {
    const { as } = await anApi();
    const viewer = await as("viewer");
    expect(await viewer("publishEvent", { body })).toMatchObject({ status: 403 });
  });
});
