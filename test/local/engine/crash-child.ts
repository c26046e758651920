/** Run as a child process: uses a queue and a bus over the file given, says what it got, and waits to be killed. */
import { openBusEngine } from "../../../local/engine/bus-engine.ts";
import { systemClock } from "../../../local/engine/clock.ts";
import { openQueueEngine } from "../../../local/engine/queue-engine.ts";
import { openStore } from "../../../local/store/open-store.ts";
import { CRASH_RULES } from "./crash-rules.ts";

const store = openStore(process.argv[2] ?? "");
const common = { store, clock: systemClock, region: "us-east-1", accountId: "111111111111" };
const queues = openQueueEngine(common);
const bus = openBusEngine({ ...common, rules: CRASH_RULES, queues });

const queueName = "q.fifo";
const attributes = { FifoQueue: "true", VisibilityTimeout: "600" };
await queues.request({ action: "createQueue", queueName, attributes });
const send = (groupId: string, body: string) =>
  queues.request({
    action: "sendMessage",
    queueName,
    senderId: "child",
    entry: { body, groupId, deduplicationId: body },
  });
const sent = await send("a", "1");
await Promise.all([send("a", "2"), send("b", "3"), send("c", "4")]);
const request = { action: "receiveMessage", queueName, messagesMax: 3 } as const;
const received = await queues.request(request);
const handles = received.kind === "received" ? received.messages.map((m) => m.receiptHandle) : [];
await queues.request({ action: "deleteMessage", queueName, receiptHandle: handles[2] ?? "" });
await bus.putEvents([{ source: "child", detailType: "test", detail: '{"n":1}' }]);
await bus.take({ max: 1, leaseMs: 600_000 });

process.stdout.write(`${JSON.stringify({ sent, handles: handles.slice(0, 2) })}\n`);
setInterval(() => {}, 60_000);
