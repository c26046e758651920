import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openQueueEngine, type QueueEngine } from "../../../local/engine/queue-engine.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import type { QueueResponse } from "../../../shared/memory/queue-protocol.ts";
import { type ManualClock, manualClock } from "../manual-clock.ts";

const queueName = "q.fifo";
const receive = { action: "receiveMessage", queueName, messagesMax: 10 } as const;
const bodies = (response: QueueResponse) =>
  response.kind === "received" ? response.messages.map(({ body }) => body) : response.kind;
const handle = (response: QueueResponse) =>
  (response.kind === "received" && response.messages[0]?.receiptHandle) || "";

describe("a long poll", () => {
  let clock: ManualClock;
  let store: Store;
  let queues: QueueEngine;
  const send = (groupId: string, body: string) => {
    const entry = { body, groupId, deduplicationId: body };
    return queues.request({ action: "sendMessage", queueName, senderId: "t", entry });
  };

  beforeEach(async () => {
    clock = manualClock();
    store = openStore(":memory:");
    queues = openQueueEngine({ store, clock, region: "us-east-1", accountId: "111111111111" });
    const attributes = { FifoQueue: "true", VisibilityTimeout: "5" };
    await queues.request({ action: "createQueue", queueName, attributes });
  });
  afterEach(() => store.close());

  it("wakes when a message arrives", async () => {
    const poll = queues.receive({ ...receive, waitSeconds: 20 });
    await clock.waitedFor();
    await send("a", "1");
    expect(bodies(await poll)).toEqual(["1"]);
  });

  it("wakes when a visibility time-out ends", async () => {
    await send("a", "1");
    await queues.request(receive);
    const poll = queues.receive({ ...receive, waitSeconds: 20 });
    await clock.waitedFor();
    clock.advance(5_000);
    expect(bodies(await poll)).toEqual(["1"]);
  });

  it("wakes when a group is freed", async () => {
    await send("a", "1");
    const held = await queues.request(receive);
    await send("a", "2");
    const poll = queues.receive({ ...receive, waitSeconds: 20 });
    await clock.waitedFor();
    await queues.request({ action: "deleteMessage", queueName, receiptHandle: handle(held) });
    expect(bodies(await poll)).toEqual(["2"]);
  });

  it("answers nothing when its time is up", async () => {
    const poll = queues.receive({ ...receive, waitSeconds: 20 });
    await clock.waitedFor();
    clock.advance(20_000);
    expect(bodies(await poll)).toEqual([]);
  });

  it("waits as long as the queue says where the request does not", async () => {
    const attributes = { ReceiveMessageWaitTimeSeconds: "3" };
    await queues.request({ action: "setQueueAttributes", queueName, attributes });
    const poll = queues.receive(receive);
    await clock.waitedFor();
    await send("a", "1");
    expect(bodies(await poll)).toEqual(["1"]);
  });

  it("takes nothing for a caller that is gone", async () => {
    const gone = new AbortController();
    const poll = queues.receive({ ...receive, waitSeconds: 20 }, gone.signal);
    await clock.waitedFor();
    gone.abort();
    expect(bodies(await poll)).toEqual([]);
    await send("a", "1");
    expect(bodies(await queues.request(receive))).toEqual(["1"]);
  });

  it("gives a message to one of many", async () => {
    const polls = Array.from({ length: 5 }, () => queues.receive({ ...receive, waitSeconds: 20 }));
    await clock.waitedFor();
    await send("a", "1");
    const first = await Promise.any(polls);
    expect(bodies(first)).toEqual(["1"]);
    await queues.request({ action: "deleteMessage", queueName, receiptHandle: handle(first) });
    clock.advance(20_000);
    const all = (await Promise.all(polls)).flatMap(bodies);
    expect(all).toEqual(["1"]);
  });

  it("E3: tells watchers of a change, and no more once they stopped", async () => {
    let heard = 0;
    const stop = queues.watch(queueName, () => {
      heard++;
    });
    await send("a", "1");
    expect(heard).toBe(1);
    await queues.request(receive);
    expect(heard).toBe(1);
    stop();
    await send("a", "2");
    expect(heard).toBe(1);
  });
});
