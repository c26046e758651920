import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextDueAt } from "../../../shared/memory/queue-model.ts";
import type { ReceivedMessage } from "../../../shared/memory/queue-protocol.ts";
import {
  emptyQueueState,
  evolve,
  type QueueModelState,
} from "../../../shared/memory/queue-state.ts";
import {
  type Bench,
  bench,
  create,
  FIFO,
  messagesOf,
  receive,
  remove,
  send,
  show,
} from "./queue-bench.ts";

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
