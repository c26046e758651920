import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../local/engine/clock.ts";
import { openQueueEngine, type QueueEngine } from "../../../local/engine/queue-engine.ts";
import { type EventSource, startEventSource } from "../../../local/lambda/event-source.ts";
import type { FunctionPool } from "../../../local/lambda/function-pool.ts";
import { releaseInFlight } from "../../../local/lambda/release-in-flight.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";

type Batch = {
  readonly groups: readonly string[];
  readonly bodies: readonly string[];
  readonly finish: () => void;
};
const queueName = "q.fifo";

describe("a FIFO event source", () => {
  let store: Store;
  let queues: QueueEngine;
  let source: EventSource | undefined;
  let batches: Batch[];
  let broken: string[];
  beforeEach(async () => {
    store = openStore(":memory:");
    const place = { region: "us-east-1", accountId: "111111111111" };
    queues = openQueueEngine({ store, clock: systemClock, ...place });
    await queues.request({
      action: "createQueue",
      queueName,
      attributes: { FifoQueue: "true", VisibilityTimeout: "600" },
    });
    batches = [];
    broken = [];
    source = undefined;
  });
  afterEach(async () => {
    for (const { finish } of batches) finish();
    await source?.stop();
    await store.close();
  });

  const send = async (groupId: string, count: number) => {
    for (let at = 0; at < count; at++)
      await queues.request({
        action: "sendMessage",
        queueName,
        senderId: "s",
        entry: { body: `${groupId}-${at}`, groupId, deduplicationId: `${groupId}-${at}` },
      });
  };
  /** A function whose invocations end when the test says so. */
  const pool: FunctionPool = {
    concurrencyMax: 100,
    stop: async () => {},
    invoke: (event) =>
      new Promise((resolve) => {
        const records: readonly {
          readonly attributes: { readonly MessageGroupId: string };
          readonly body: string;
        }[] = JSON.parse(event).Records;
        batches.push({
          bodies: records.map(({ body }) => body),
          groups: records.map(({ attributes }) => attributes.MessageGroupId),
          finish: () => resolve({ ok: true, payload: "null", requestId: "r" }),
        });
      }),
  };
  const start = (
    batchesMax: number,
    more: Partial<{ queueName: string; batchMessagesMax: number; windowMs: number }> = {},
  ) => {
    source = startEventSource({
      mapping: {
        functionName: "f",
        queueName,
        batchMessagesMax: 10,
        windowMs: 0,
        reportsItemFailures: true,
        batchesMax,
        ...more,
      },
      queues,
      pool,
      region: "us-east-1",
      batchesMax: 100,
      onFailure: () => {},
      onBroken: ({ message, cause }) => broken.push(`${message}: ${cause}`),
    });
  };
  const batch = async (at: number): Promise<Batch> => {
    await expect.poll(() => batches.length).toBeGreaterThan(at);
    const found = batches[at];
    if (found === undefined) throw new Error("no batch");
    return found;
  };

  it("M1 mixes groups in a batch, each group's messages together, at most ten", async () => {
    await send("a", 3);
    await send("b", 4);
    await send("c", 6);
    start(1);
    expect((await batch(0)).groups).toEqual([..."aaabbbbccc"]);
  });

  it("M1 hands out one batch of a group at a time, and other groups' meanwhile", async () => {
    await send("a", 12);
    start(10);
    expect((await batch(0)).groups).toEqual(Array(10).fill("a"));
    await send("b", 1);
    expect((await batch(1)).groups).toEqual(["b"]);
    expect(batches).toHaveLength(2);
    (await batch(0)).finish();
    expect((await batch(2)).groups).toEqual(["a", "a"]);
  });

  it("runs as many batches at a time as the mapping allows", async () => {
    start(2);
    for (const group of ["a", "b", "c"]) {
      await send(group, 1);
      if (group !== "c") await batch(group === "a" ? 0 : 1);
    }
    expect(batches).toHaveLength(2);
    (await batch(0)).finish();
    expect((await batch(2)).groups).toEqual(["c"]);
  });

  it("M3 takes at once what a process that died had taken", async () => {
    await send("a", 2);
    await queues.request({ action: "receiveMessage", queueName, messagesMax: 10 });
    const now = systemClock.now();
    expect(await releaseInFlight({ store, queues, queueNames: [queueName], now })).toBe(2);
    start(1);
    expect((await batch(0)).groups).toEqual(["a", "a"]);
  });

  describe("with a window", () => {
    const standard = "standard";
    const sendBody = (body: string) =>
      queues.request({
        action: "sendMessage",
        queueName: standard,
        senderId: "s",
        entry: { body },
      });
    beforeEach(async () => {
      await queues.request({ action: "createQueue", queueName: standard, attributes: {} });
    });

    it("M4 keeps a batch open for what comes within it, and hands it over when it is full", async () => {
      start(1, { queueName: standard, batchMessagesMax: 23, windowMs: 60_000 });
      for (let n = 0; n < 22; n += 1) await sendBody(String(n));
      expect(batches).toHaveLength(0);
      for (const body of ["22", "23"]) await sendBody(body);
      const { bodies, finish } = await batch(0);
      expect(new Set(bodies).size).toBe(23);
      finish();
      const left = async () => {
        const attributes = await queues.request({
          action: "getQueueAttributes",
          queueName: standard,
          names: ["All"],
        });
        return attributes.kind === "attributes"
          ? Number(attributes.attributes["ApproximateNumberOfMessages"]) +
              Number(attributes.attributes["ApproximateNumberOfMessagesNotVisible"])
          : -1;
      };
      await expect.poll(left).toBe(1);
    });

    it("M4 hands over what there is when the window ends", async () => {
      start(1, { queueName: standard, batchMessagesMax: 23, windowMs: 50 });
      await sendBody("a");
      expect((await batch(0)).bodies).toEqual(["a"]);
    });

    it("M4 leaves what a stop finds collected", async () => {
      start(1, { queueName: standard, batchMessagesMax: 23, windowMs: 60_000 });
      await sendBody("a");
      await source?.stop();
      expect(batches).toHaveLength(0);
      const now = systemClock.now();
      await releaseInFlight({ store, queues, queueNames: [standard], now });
      start(1, { queueName: standard, batchMessagesMax: 23, windowMs: 50 });
      expect((await batch(0)).bodies).toEqual(["a"]);
    });
  });

  it("says so when its queue is not there", async () => {
    await queues.request({ action: "deleteQueue", queueName });
    start(1);
    await expect.poll(() => broken).toEqual([expect.stringContaining(`f takes no more messages`)]);
    expect(broken[0]).toContain(queueName);
  });
});
