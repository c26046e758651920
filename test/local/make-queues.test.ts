import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../local/engine/clock.ts";
import { openQueueEngine, type QueueEngine } from "../../local/engine/queue-engine.ts";
import { makeQueues } from "../../local/make-queues.ts";
import { openStore, type Store } from "../../local/store/open-store.ts";

describe("making the queues", () => {
  let store: Store;
  let engine: QueueEngine;
  beforeEach(() => {
    store = openStore(":memory:");
    const place = { region: "us-east-1", accountId: "111111111111" };
    engine = openQueueEngine({ store, clock: systemClock, ...place });
  });
  afterEach(() => store.close());
  const dead = { name: "dead.fifo", attributes: { FifoQueue: "true" } };
  const work = (visibility: number) => ({
    name: "work.fifo",
    attributes: {
      FifoQueue: "true",
      VisibilityTimeout: String(visibility),
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: "arn:aws:sqs:us-east-1:111111111111:dead.fifo",
        maxReceiveCount: 2,
      }),
    },
  });
  const attributes = async () => {
    const action = "getQueueAttributes";
    const got = await engine.request({ action, queueName: "work.fifo", names: ["All"] });
    return got.kind === "attributes" ? got.attributes : {};
  };

  it("makes a dead-letter queue before the queue that names it", async () => {
    await makeQueues(engine, [work(60), dead]);
    expect(await attributes()).toMatchObject(work(60).attributes);
  });

  it("brings a queue that is there up to the template, and keeps its messages", async () => {
    await makeQueues(engine, [work(60), dead]);
    const entry = { body: "kept", groupId: "g", deduplicationId: "d" };
    const queueName = "work.fifo";
    await engine.request({ action: "sendMessage", queueName, senderId: "s", entry });
    await makeQueues(engine, [work(90), dead]);
    expect(await attributes()).toMatchObject({ VisibilityTimeout: "90" });
    const got = await engine.request({ action: "receiveMessage", queueName });
    expect(got).toMatchObject({ messages: [{ body: "kept" }] });
  });

  it("names the queue that cannot be made", async () => {
    const wrong = { name: "wrong", attributes: { VisibilityTimeout: "-1" } };
    await expect(makeQueues(engine, [wrong])).rejects.toThrow(/^queue wrong: .*VisibilityTimeout/);
  });
});
