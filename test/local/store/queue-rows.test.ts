import { describe, expect, it } from "vitest";
import { openQueueEngine } from "../../../local/engine/queue-engine.ts";
import { openStore } from "../../../local/store/open-store.ts";
import type { QueueRequest } from "../../../shared/memory/queue-protocol.ts";
import { manualClock } from "../manual-clock.ts";

const queueName = "q.fifo";
const attributes = { FifoQueue: "true", ContentBasedDeduplication: "true" };

/** An engine over one store, opened anew as often as asked. */
function stage() {
  const clock = manualClock();
  const store = openStore(":memory:");
  const open = () =>
    openQueueEngine({ store, clock, region: "us-east-1", accountId: "111111111111" });
  return { clock, store, open };
}
const send = (body: string): QueueRequest => ({
  action: "sendMessage",
  queueName,
  senderId: "t",
  entry: { body, groupId: "g" },
});
const receive: QueueRequest = { action: "receiveMessage", queueName, messagesMax: 10 };

describe("queues opened again", () => {
  it("S4: give higher sequence numbers, also where every message was deleted", async () => {
    const { store, open } = stage();
    const first = open();
    await first.request({ action: "createQueue", queueName, attributes });
    const before = await first.request(send("1"));
    await first.request({ action: "purgeQueue", queueName });
    const after = await open().request(send("2"));
    if (before.kind !== "sent" || after.kind !== "sent") throw new Error("not sent");
    expect((after.sent.sequenceNumber ?? "") > (before.sent.sequenceNumber ?? "")).toBe(true);
    await store.close();
  });

  it("know that a name was deleted a moment ago, and have none of its messages", async () => {
    const { clock, store, open } = stage();
    const first = open();
    await first.request({ action: "createQueue", queueName, attributes });
    await first.request(send("1"));
    await first.request({ action: "deleteQueue", queueName });
    const second = open();
    const again: QueueRequest = { action: "createQueue", queueName, attributes };
    expect(await second.request(again)).toMatchObject({ kind: "refused" });
    clock.advance(60_000);
    expect(await second.request(again)).toMatchObject({ kind: "queue" });
    expect(await open().request(receive)).toEqual({ kind: "received", messages: [] });
    await store.close();
  });

  it("have their attributes, tags and messages with all that was sent", async () => {
    const { store, open } = stage();
    const first = open();
    await first.request({ action: "createQueue", queueName, attributes, tags: { owner: "t" } });
    const entry = {
      body: "ü\u{1f680}",
      groupId: "g",
      deduplicationId: "d",
      attributes: { a: { dataType: "Binary", binaryValue: "AAE=" } },
      traceHeader: "Root=1",
    };
    await first.request({ action: "sendMessage", queueName, senderId: "t", entry });
    const second = open();
    const tags = await second.request({ action: "listQueueTags", queueName });
    expect(tags).toEqual({ kind: "tags", tags: { owner: "t" } });
    const system = { SenderId: "t", MessageDeduplicationId: "d", AWSTraceHeader: "Root=1" };
    const message = { body: entry.body, attributes: entry.attributes, system };
    expect(await second.request(receive)).toMatchObject({ kind: "received", messages: [message] });
    await store.close();
  });
});
