import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BusEngine, openBusEngine } from "../../../local/engine/bus-engine.ts";
import { openQueueEngine, type QueueEngine } from "../../../local/engine/queue-engine.ts";
import type { StartReplay } from "../../../local/engine/replays.ts";
import { archiveRows } from "../../../local/store/archive-rows.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import { type ManualClock, manualClock } from "../manual-clock.ts";

const arn = (service: string, rest: string) => `arn:aws:${service}:us-east-1:111111111111:${rest}`;
const aRule = (name: string, target: string) => ({
  name,
  busName: "vmsync",
  arn: arn("events", `rule/vmsync/${name}`),
  enabled: true,
  pattern: { source: ["vmsync"] },
  targets: [{ id: "t", arn: target }],
});
const rules = [
  aRule("to-function", arn("lambda", "function:f")),
  aRule("to-queue", arn("sqs", "told")),
];
const archives = [
  {
    name: "kept",
    arn: arn("events", "archive/kept"),
    busName: "vmsync",
    pattern: { source: ["vmsync"], "detail-type": [{ "anything-but": ["agent.report"] }] },
    retentionDays: 2,
  },
];
const anEvent = (n: number, detailType = "vm.state") => ({
  source: "vmsync",
  detailType,
  detail: JSON.stringify({ n }),
  busName: "vmsync",
});

describe("an archive of the bus", () => {
  let clock: ManualClock;
  let store: Store;
  let queues: QueueEngine;
  let bus: BusEngine;
  const open = () => {
    const common = { store, clock, region: "us-east-1", accountId: "111111111111" };
    queues = openQueueEngine(common);
    bus = openBusEngine({ ...common, rules, archives, queues });
  };
  beforeEach(async () => {
    clock = manualClock();
    store = openStore(":memory:");
    open();
    await queues.request({ action: "createQueue", queueName: "told" });
  });
  afterEach(() => store.close());

  const queued = async () => {
    const told: { readonly n: number; readonly replay: string | undefined }[] = [];
    for (;;) {
      const got = await queues.request({
        action: "receiveMessage",
        queueName: "told",
        messagesMax: 10,
      });
      if (got.kind !== "received" || got.messages.length === 0) return told;
      for (const { body } of got.messages) {
        const event = JSON.parse(body);
        told.push({ n: event.detail.n, replay: event["replay-name"] });
      }
    }
  };
  const replay = async (overrides: Partial<StartReplay> = {}) => {
    const request: StartReplay = {
      name: "again",
      archiveArn: archives[0]?.arn ?? "",
      busName: "vmsync",
      from: 0,
      to: clock.now() + 1,
      ...overrides,
    };
    const outcome = await bus.replays.start(request);
    if (outcome.kind === "started")
      await expect.poll(() => bus.replays.describe(request.name)?.endedAt).toBeDefined();
    return outcome;
  };
  const ns = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n);

  it("A1, A2, A3: puts what it kept to the rules again, in its order, named, and archives it no second time", async () => {
    await bus.putEvents([anEvent(1), anEvent(2, "agent.report"), anEvent(3)]);
    expect((await queued()).map(({ n }) => n)).toEqual([1, 2, 3]);
    await replay();
    const again = [1, 3].map((n) => ({ n, replay: "again" }));
    expect(await queued()).toEqual(again);
    const functions = await bus.take({ max: 10, leaseMs: 1_000 });
    expect(functions.map(({ payload }) => JSON.parse(payload)["replay-name"])).toEqual([
      ...[undefined, undefined, undefined],
      ...["again", "again"],
    ]);
    await replay({ name: "once-more" });
    expect((await queued()).map(({ n }) => n)).toEqual([1, 3]);
  });

  it("puts to the rules asked for, what was put in the time asked for", async () => {
    await bus.putEvents([anEvent(1)]);
    clock.advance(1_000);
    const from = clock.now();
    await bus.putEvents([anEvent(2)]);
    clock.advance(1_000);
    const to = clock.now();
    await bus.putEvents([anEvent(3)]);
    await queued();
    await bus.take({ max: 10, leaseMs: 86_400_000 });
    await replay({ from, to, ruleArns: [rules[1]?.arn ?? ""] });
    expect((await queued()).map(({ n }) => n)).toEqual([2]);
    expect(await bus.take({ max: 10, leaseMs: 1_000 })).toEqual([]);
  });

  it("R1: goes on at the next start where an end of the process left it", async () => {
    for (let n = 0; n < 25; n += 1) await bus.putEvents(ns(n * 10, 10).map((m) => anEvent(m)));
    await queued();
    archiveRows(store.db).putReplay({
      ...{ name: "again", archiveArn: archives[0]?.arn ?? "", ruleArns: undefined },
      ...{ from: 0, to: clock.now() + 1, startedAt: clock.now(), endedAt: undefined },
      lastSerial: 100,
    });
    open(); // of the same store, as after `kill -9` behind the hundredth
    await expect.poll(() => bus.replays.describe("again")?.endedAt).toBeDefined();
    const told = new Set((await queued()).map(({ n }) => n));
    expect([...told].sort((one, other) => one - other)).toEqual(ns(100, 150));
  });

  it("forgets what is older than its retention", async () => {
    await bus.putEvents([anEvent(1)]);
    clock.advance(2 * 86_400_000 + 1);
    await bus.putEvents([anEvent(2)]);
    await queued();
    await replay();
    expect((await queued()).map(({ n }) => n)).toEqual([2]);
  });

  it.each([
    [{ archiveArn: arn("events", "archive/none") }, "Archive none does not exist."],
    [{ busName: "other" }, "Cross event bus replay is not permitted."],
    [{ from: 5, to: 5 }, "EventStartTime must be before EventEndTime."],
  ])("refuses %j", async (wrong, reason) => {
    expect(await replay(wrong)).toMatchObject({
      kind: "refused",
      code: "ValidationException",
      message: expect.stringContaining(reason),
    });
  });

  it("refuses a name that was used", async () => {
    await replay();
    expect(await replay()).toMatchObject({ code: "ResourceAlreadyExistsException" });
  });
});
