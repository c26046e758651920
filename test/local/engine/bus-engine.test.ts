import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BusEngine, openBusEngine } from "../../../local/engine/bus-engine.ts";
import { openQueueEngine, type QueueEngine } from "../../../local/engine/queue-engine.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import { type ManualClock, manualClock } from "../manual-clock.ts";

const deadLetterArn = "arn:aws:sqs:us-east-1:111111111111:dead";
const rules = [
  {
    name: "r",
    busName: "vmsync",
    arn: "arn:aws:events:us-east-1:111111111111:rule/vmsync/r",
    enabled: true,
    pattern: { source: ["vmsync"] },
    targets: [
      {
        id: "f",
        arn: "arn:aws:lambda:us-east-1:111111111111:function:f",
        retriesMax: 0,
        deadLetterArn,
      },
    ],
  },
];
const queueArn = "arn:aws:sqs:us-east-1:111111111111:taken";
const toQueue = {
  name: "q",
  busName: "vmsync",
  arn: "arn:aws:events:us-east-1:111111111111:rule/vmsync/q",
  enabled: true,
  pattern: { source: ["queued"] },
  targets: [{ id: "q", arn: queueArn, retriesMax: 1, deadLetterArn }],
};
const event = { source: "vmsync", detailType: "t", detail: "{}", busName: "vmsync" };

describe("the bus engine", () => {
  let clock: ManualClock;
  let store: Store;
  let queues: QueueEngine;
  let bus: BusEngine;
  beforeEach(() => {
    clock = manualClock();
    store = openStore(":memory:");
    const common = { store, clock, region: "us-east-1", accountId: "111111111111" };
    queues = openQueueEngine(common);
    bus = openBusEngine({ ...common, rules: [...rules, toQueue], queues });
  });
  afterEach(() => store.close());

  const failOnce = async () => {
    await bus.putEvents([event]);
    const [delivery] = await bus.take({ max: 1, leaseMs: 1_000 });
    return bus.fail(delivery?.id ?? "", { code: "E", message: "" });
  };
  const dead = () => queues.request({ action: "receiveMessage", queueName: "dead" });

  it("tells watchers that there is something to take", async () => {
    let heard = 0;
    const stop = bus.watch(() => {
      heard++;
    });
    await bus.putEvents([event]);
    await bus.putEvents([{ ...event, source: "other" }]);
    stop();
    await bus.putEvents([event]);
    expect(heard).toBe(1);
  });

  it("sends what is given up to the dead-letter queue", async () => {
    await queues.request({ action: "createQueue", queueName: "dead" });
    expect(await failOnce()).toBe("deadLettered");
    expect(await bus.take({ max: 1, leaseMs: 1_000 })).toEqual([]);
    const attributes = { ERROR_CODE: { dataType: "String", stringValue: "E" } };
    expect(await dead()).toMatchObject({ kind: "received", messages: [{ attributes }] });
    expect(bus.nextDueAt()).toBeUndefined();
  });

  describe("with a queue as target", () => {
    const queued = { ...event, source: "queued", detail: '{"a":1}' };
    const bodies = async (queueName: string) => {
      const got = await queues.request({
        action: "receiveMessage",
        queueName,
        messagesMax: 10,
      });
      return got.kind === "received" ? got.messages.map(({ body }) => JSON.parse(body)) : [];
    };

    it("puts the event into it before the put is answered", async () => {
      await queues.request({ action: "createQueue", queueName: "taken" });
      await bus.putEvents([queued, { ...queued, detail: '{"a":2}' }]);
      const taken = await bodies("taken");
      expect(taken.map(({ detail }) => detail)).toEqual([{ a: 1 }, { a: 2 }]);
      expect(bus.nextDueAt()).toBeUndefined();
    });

    it("tries again what the queue refused, and then sends it to the dead-letter queue", async () => {
      await queues.request({ action: "createQueue", queueName: "dead" });
      const tryAgain = async () => {
        clock.advance((bus.nextDueAt() ?? 0) - clock.now());
        expect(await bus.take({ max: 10, leaseMs: 1_000 })).toEqual([]);
      };
      await bus.putEvents([queued]);
      await bus.putEvents([{ ...queued, detail: '{"a":2}' }]);
      await tryAgain();
      await queues.request({ action: "createQueue", queueName: "taken" });
      await tryAgain();
      expect((await bodies("taken")).map(({ detail }) => detail)).toEqual([{ a: 1 }, { a: 2 }]);
      await queues.request({ action: "deleteQueue", queueName: "taken" });
      await bus.putEvents([queued]);
      for (let round = 0; round < 3; round += 1) await tryAgain();
      expect((await bodies("dead")).map(({ detail }) => detail)).toEqual([{ a: 1 }]);
    });
  });

  it("tries a dead letter again while its queue does not exist", async () => {
    await failOnce();
    await bus.take({ max: 1, leaseMs: 1_000 });
    await queues.request({ action: "createQueue", queueName: "dead" });
    clock.advance((bus.nextDueAt() ?? 0) - clock.now());
    await bus.take({ max: 1, leaseMs: 1_000 });
    expect(await dead()).toMatchObject({ kind: "received", messages: [{}] });
  });
});
