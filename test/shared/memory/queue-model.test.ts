import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apply, nextDueAt, type QueueDeps } from "../../../shared/memory/queue-model.ts";
import type {
  QueueRequest,
  QueueResponse,
  ReceivedMessage,
} from "../../../shared/memory/queue-protocol.ts";
import type { QueueChange } from "../../../shared/memory/queue-records.ts";
import {
  emptyQueueState,
  evolve,
  type QueueModelState,
} from "../../../shared/memory/queue-state.ts";

interface Bench {
  readonly state: QueueModelState;
  readonly changes: QueueChange[];
  now: number;
  readonly ask: (request: QueueRequest) => QueueResponse;
}

const arnOf = (name: string) => `arn:aws:sqs:us-east-1:111111111111:${name}`;

function bench(): Bench {
  let ids = 0;
  const next = () => `id-${++ids}`;
  const deps: QueueDeps = {
    ids: { messageId: next, receiptNonce: next },
    digest: (body) => `digest-${body}`,
    arnOf,
  };
  const made: Bench = {
    state: emptyQueueState({ lastOrdinal: 0 }),
    changes: [],
    now: 1_000_000,
    ask: (request) => {
      const { response, changes } = apply(deps, made.state, made.now, request);
      evolve(made.state, changes);
      made.changes.push(...changes);
      return response;
    },
  };
  return made;
}

const FIFO = { FifoQueue: "true", DeduplicationScope: "messageGroup" };
const create = (queueName: string, attributes: Readonly<Record<string, string>> = {}) =>
  ({ action: "createQueue", queueName, attributes }) as const;
const send = (queueName: string, groupId: string | undefined, body: string) =>
  ({
    action: "sendMessage",
    queueName,
    senderId: "tester",
    entry: { body, groupId, deduplicationId: groupId === undefined ? undefined : `d-${body}` },
  }) as const;
const receive = (queueName: string, messagesMax = 10, visibilityTimeoutSeconds?: number) =>
  ({ action: "receiveMessage", queueName, messagesMax, visibilityTimeoutSeconds }) as const;
const remove = (queueName: string, receiptHandle: string) =>
  ({ action: "deleteMessage", queueName, receiptHandle }) as const;
const show = (queueName: string, receiptHandle: string) =>
  ({
    action: "changeMessageVisibility",
    queueName,
    receiptHandle,
    visibilityTimeoutSeconds: 0,
  }) as const;

const messagesOf = (response: QueueResponse): readonly ReceivedMessage[] => {
  if (response.kind !== "received") throw new Error(`answered ${JSON.stringify(response)}`);
  return response.messages;
};
const bodies = (response: QueueResponse) => messagesOf(response).map(({ body }) => body);

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

type Step =
  | { readonly do: "send"; readonly group: number }
  | { readonly do: "receive"; readonly max: number; readonly seconds: number }
  | { readonly do: "delete" | "show"; readonly pick: number }
  | { readonly do: "wait"; readonly seconds: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), group: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("receive" as const),
      max: fc.integer({ min: 1, max: 10 }),
      seconds: fc.nat(20),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("delete" as const, "show" as const),
      pick: fc.nat(20),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.nat(15) }) },
);

type Held = { readonly message: ReceivedMessage; readonly until: number };

/** Plays steps on the model and, beside it, the plainest account of what SQS promises. */
function play(
  queueName: string,
  attributes: Readonly<Record<string, string>>,
  steps: readonly Step[],
) {
  const made = bench();
  made.ask(create(queueName, attributes));
  const fifo = queueName.endsWith(".fifo");
  const sent: { readonly body: string; readonly group: string }[] = [];
  const deleted = new Set<string>();
  const held: Held[] = [];
  const inFlight = (body: string) =>
    !deleted.has(body) &&
    held.findLast((h) => h.message.body === body && h.until > made.now) !== undefined;

  const onReceive = (messages: readonly ReceivedMessage[], seconds: number) => {
    for (const message of messages) {
      expect(deleted.has(message.body), "a deleted message came back").toBe(false);
      expect(inFlight(message.body), "received twice while in flight").toBe(false);
    }
    if (fifo) expectGroupOrder(messages);
    for (const message of messages) held.push({ message, until: made.now + seconds * 1_000 });
  };
  /** What was received of a group is exactly its oldest messages: nothing earlier is left, in flight or visible. */
  const expectGroupOrder = (messages: readonly ReceivedMessage[]) => {
    for (const group of new Set(messages.map(({ system }) => system["MessageGroupId"]))) {
      const got = messages
        .filter(({ system }) => system["MessageGroupId"] === group)
        .map(({ body }) => body);
      const waiting = sent
        .filter((s) => s.group === group && !deleted.has(s.body))
        .map(({ body }) => body);
      expect(got).toEqual(waiting.slice(0, got.length));
    }
  };
  const forget = (message: ReceivedMessage) => {
    for (const [index, h] of [...held.entries()].toReversed()) {
      if (h.message.body === message.body) held.splice(index, 1);
    }
  };
  const onHandle = (action: "delete" | "show", pick: number) => {
    const target = held[pick % Math.max(held.length, 1)];
    if (target === undefined) return;
    const { message, until } = target;
    const current =
      held.findLast((h) => h.message.body === message.body) === target &&
      !deleted.has(message.body);
    const request = action === "delete" ? remove : show;
    const answer = made.ask(request(queueName, message.receiptHandle));
    const taken = current && (!fifo || until > made.now);
    if (fifo) expect(answer.kind).toBe(taken ? "done" : "refused");
    if (!taken) return;
    if (action === "delete") deleted.add(message.body);
    forget(message);
  };

  for (const s of steps) {
    if (s.do === "wait") made.now += s.seconds * 1_000;
    else if (s.do === "send") {
      const body = `m${sent.length}`;
      sent.push({ body, group: `g${s.group}` });
      made.ask(send(queueName, fifo ? `g${s.group}` : undefined, body));
    } else if (s.do === "receive") {
      onReceive(messagesOf(made.ask(receive(queueName, s.max, s.seconds))), s.seconds);
    } else onHandle(s.do, s.pick);
  }
  return { made, sent, deleted };
}

/** Everything that is left, received and deleted to the end. */
function drain(made: Bench, queueName: string): string[] {
  const left: string[] = [];
  made.now += 60_000;
  for (let round = made.state.queues.get(queueName)?.entries.size ?? 0; round >= 0; round--) {
    for (const message of messagesOf(made.ask(receive(queueName)))) {
      left.push(message.body);
      made.ask(remove(queueName, message.receiptHandle));
    }
  }
  return left;
}

const QUEUES = [
  ["FIFO", "q.fifo", FIFO],
  ["standard", "q", {}],
] as const;

describe.each(QUEUES)("any use of a %s queue", (_, queueName, attributes) => {
  it("keeps order within groups, gives nothing twice while in flight, and loses nothing", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { made, sent, deleted } = play(queueName, attributes, steps);
        const left = drain(made, queueName);
        const expected = sent.map(({ body }) => body).filter((body) => !deleted.has(body));
        expect(left.toSorted()).toEqual(expected.toSorted());
        expect(nextDueAt(made.state, queueName)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it("Q1: is rebuilt by its changes alone", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { made } = play(queueName, attributes, steps);
        const rebuilt = emptyQueueState({ lastOrdinal: 0 });
        evolve(rebuilt, made.changes);
        expect(rebuilt.lastOrdinal).toBe(made.state.lastOrdinal);
        expect(nextDueAt(rebuilt, queueName)).toBe(nextDueAt(made.state, queueName));
        const deliveries = (state: QueueModelState) =>
          [...(state.queues.get(queueName)?.entries ?? [])].map(([ordinal, e]) => [
            ordinal,
            e.delivery,
          ]);
        expect(deliveries(rebuilt)).toEqual(deliveries(made.state));
      }),
      { numRuns: 100 },
    );
  });
});
