import { describe, expect, it } from "vitest";
import { nextDueAt } from "../../../shared/memory/queue-model.ts";
import type { QueueChange } from "../../../shared/memory/queue-records.ts";
import { evolve } from "../../../shared/memory/queue-state.ts";
import {
  arnOf,
  bench,
  bodies,
  create,
  FIFO,
  messagesOf,
  receive,
  remove,
  send,
  show,
} from "./queue-bench.ts";

describe("a FIFO queue", () => {
  const fifo = (attributes: Readonly<Record<string, string>> = {}) => {
    const made = bench();
    made.ask(create("q.fifo", { ...FIFO, ...attributes }));
    return made;
  };

  it("R1: fills a batch from one group, in order, before the next", () => {
    const { ask } = fifo();
    for (const [group, body] of ["a1", "b1", "a2", "b2"].map((b) => [b.charAt(0), b] as const)) {
      ask(send("q.fifo", group, body));
    }
    expect(bodies(ask(receive("q.fifo", 3)))).toEqual(["a1", "a2", "b1"]);
  });

  it("R2: gives nothing more of a group in flight, whatever is sent to it", () => {
    const { ask } = fifo();
    ask(send("q.fifo", "a", "1"));
    ask(receive("q.fifo"));
    ask(send("q.fifo", "a", "2"));
    ask(send("q.fifo", "b", "3"));
    expect(bodies(ask(receive("q.fifo")))).toEqual(["3"]);
  });

  it("R2: holds what comes after a message in flight when that before it is visible again", () => {
    const { ask } = fifo();
    for (const body of ["1", "2", "3"]) ask(send("q.fifo", "a", body));
    const [first] = messagesOf(ask(receive("q.fifo")));
    ask(show("q.fifo", first?.receiptHandle ?? ""));
    expect(bodies(ask(receive("q.fifo")))).toEqual(["1"]);
  });

  it("H1: refuses the handle of an earlier receive, and counts the receives", () => {
    const made = fifo({ VisibilityTimeout: "5" });
    made.ask(send("q.fifo", "a", "1"));
    const [first] = messagesOf(made.ask(receive("q.fifo")));
    made.now += 5_000;
    const [second] = messagesOf(made.ask(receive("q.fifo")));
    expect(second?.system["ApproximateReceiveCount"]).toBe("2");
    expect(second?.receiptHandle).not.toBe(first?.receiptHandle);
    const refused = made.ask(remove("q.fifo", first?.receiptHandle ?? ""));
    expect(refused).toMatchObject({ kind: "refused", error: { code: "InvalidParameterValue" } });
    expect(made.ask(remove("q.fifo", second?.receiptHandle ?? ""))).toEqual({ kind: "done" });
  });

  it("answers a repeated send with the first id and number for five minutes, deleted or not", () => {
    const made = fifo();
    const first = made.ask(send("q.fifo", "a", "1"));
    const [message] = messagesOf(made.ask(receive("q.fifo")));
    made.ask(remove("q.fifo", message?.receiptHandle ?? ""));
    made.now += 299_999;
    expect(made.ask(send("q.fifo", "a", "1"))).toEqual(first);
    made.now += 1;
    expect(made.ask(send("q.fifo", "a", "1"))).not.toEqual(first);
    expect(bodies(made.ask(receive("q.fifo")))).toEqual(["1"]);
  });

  it("de-duplicates within one batch", () => {
    const { ask } = fifo();
    const entry = { body: "x", groupId: "a", deduplicationId: "same" };
    const entries = [
      { id: "1", ...entry },
      { id: "2", ...entry },
    ];
    const answer = ask({ action: "sendMessageBatch", queueName: "q.fifo", senderId: "t", entries });
    if (answer.kind !== "sentBatch") throw new Error("refused");
    const [one, two] = answer.successful;
    expect(two?.sequenceNumber).toBe(one?.sequenceNumber);
    expect(bodies(ask(receive("q.fifo")))).toEqual(["x"]);
  });

  it("R3: moves what was received too often to the dead-letter queue, in order, and frees the group", () => {
    const made = bench();
    made.ask(create("dead.fifo", FIFO));
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: arnOf("dead.fifo"),
      maxReceiveCount: 2,
    });
    made.ask(create("q.fifo", { ...FIFO, RedrivePolicy }));
    for (const body of ["1", "2", "3"]) made.ask(send("q.fifo", "a", body));
    for (let round = 0; round < 2; round++) made.ask(receive("q.fifo", 2, 0));
    expect(bodies(made.ask(receive("q.fifo")))).toEqual(["3"]);
    const dead = messagesOf(made.ask(receive("dead.fifo")));
    expect(dead.map(({ body, system }) => [body, system["MessageGroupId"]])).toEqual([
      ["1", "a"],
      ["2", "a"],
    ]);
  });

  it("S3: looks for groups among its first 120,000 messages only", () => {
    const made = fifo();
    const message = (body: string, groupId: string): QueueChange => ({
      kind: "messagePut",
      message: {
        ordinal: made.state.lastOrdinal + 1,
        queueName: "q.fifo",
        messageId: body,
        body,
        attributes: {},
        senderId: "t",
        groupId,
        sentAt: made.now,
        retainedFrom: made.now,
        delivery: { visibleAt: made.now, receiveCount: 0 },
      },
    });
    for (let index = 0; index < 120_000; index++) evolve(made.state, [message(`${index}`, "hot")]);
    evolve(made.state, [message("late", "cold")]);
    const first = messagesOf(made.ask(receive("q.fifo")));
    expect(first).toHaveLength(10);
    expect(bodies(made.ask(receive("q.fifo")))).toEqual([]);
    made.ask(remove("q.fifo", first[0]?.receiptHandle ?? ""));
    expect(bodies(made.ask(receive("q.fifo")))).toEqual(["late"]);
  });

  it("S4: numbers with twenty digits that only grow", () => {
    const { ask } = fifo();
    const numbers = ["1", "2", "3"].map((body) => {
      const answer = ask(send("q.fifo", "a", body));
      return answer.kind === "sent" ? (answer.sent.sequenceNumber ?? "") : "";
    });
    expect(numbers.every((number) => /^\d{20}$/.test(number))).toBe(true);
    expect(numbers.toSorted()).toEqual(numbers);
    expect(new Set(numbers).size).toBe(3);
  });
});

describe("a queue", () => {
  it("is due when its first message becomes visible", () => {
    const made = bench();
    made.ask(create("q", { DelaySeconds: "7" }));
    expect(nextDueAt(made.state, "q")).toBeUndefined();
    made.ask(send("q", undefined, "1"));
    expect(nextDueAt(made.state, "q")).toBe(made.now + 7_000);
    expect(bodies(made.ask(receive("q")))).toEqual([]);
    made.now += 7_000;
    expect(bodies(made.ask(receive("q", 10, 9)))).toEqual(["1"]);
    expect(nextDueAt(made.state, "q")).toBe(made.now + 9_000);
  });

  it("of the standard kind, lets a message ask for no delay", () => {
    const made = bench();
    made.ask(create("q", { DelaySeconds: "7" }));
    const entry = { body: "1", delaySeconds: 0 };
    made.ask({ action: "sendMessage", queueName: "q", senderId: "t", entry });
    expect(bodies(made.ask(receive("q")))).toEqual(["1"]);
  });

  it("H2: of the standard kind, ignores an older handle and deletes by the newest after its time", () => {
    const made = bench();
    made.ask(create("q", { VisibilityTimeout: "1" }));
    made.ask(send("q", undefined, "1"));
    const [first] = messagesOf(made.ask(receive("q")));
    made.now += 1_000;
    const [second] = messagesOf(made.ask(receive("q")));
    made.now += 1_000;
    expect(made.ask(remove("q", first?.receiptHandle ?? ""))).toEqual({ kind: "done" });
    expect(made.state.queues.get("q")?.entries.size).toBe(1);
    made.ask(remove("q", second?.receiptHandle ?? ""));
    expect(made.state.queues.get("q")?.entries.size).toBe(0);
  });

  it("refuses a handle that never was one", () => {
    const made = bench();
    made.ask(create("q"));
    const refused = made.ask(remove("q", "nonsense"));
    expect(refused).toMatchObject({ kind: "refused", error: { code: "ReceiptHandleIsInvalid" } });
  });

  it("R4: drops what is past its retention", () => {
    const made = bench();
    made.ask(create("q", { MessageRetentionPeriod: "60" }));
    made.ask(send("q", undefined, "1"));
    made.now += 60_000;
    expect(bodies(made.ask(receive("q")))).toEqual([]);
    expect(made.state.queues.get("q")?.entries.size).toBe(0);
  });

  it("cannot take a name deleted less than 60 seconds ago", () => {
    const made = bench();
    made.ask(create("q"));
    made.ask({ action: "deleteQueue", queueName: "q" });
    made.now += 59_999;
    const refused = made.ask(create("q"));
    const code = "AWS.SimpleQueueService.QueueDeletedRecently";
    expect(refused).toMatchObject({ kind: "refused", error: { code } });
    made.now += 1;
    expect(made.ask(create("q"))).toEqual({ kind: "queue", queueName: "q" });
  });

  it("is empty after a purge and takes new messages", () => {
    const made = bench();
    made.ask(create("q"));
    made.ask(send("q", undefined, "1"));
    made.ask({ action: "purgeQueue", queueName: "q" });
    expect(bodies(made.ask(receive("q")))).toEqual([]);
    made.ask(send("q", undefined, "2"));
    expect(bodies(made.ask(receive("q")))).toEqual(["2"]);
  });

  it("refuses a visibility beyond twelve hours from the receive", () => {
    const made = bench();
    made.ask(create("q"));
    made.ask(send("q", undefined, "1"));
    const [message] = messagesOf(made.ask(receive("q", 1, 60)));
    made.now += 10_000;
    const receiptHandle = message?.receiptHandle ?? "";
    const change = { action: "changeMessageVisibility", queueName: "q", receiptHandle } as const;
    const refused = made.ask({ ...change, visibilityTimeoutSeconds: 43_200 });
    expect(refused).toMatchObject({ kind: "refused", error: { code: "InvalidParameterValue" } });
    expect(made.ask({ ...change, visibilityTimeoutSeconds: 43_190 })).toEqual({ kind: "done" });
  });
});
