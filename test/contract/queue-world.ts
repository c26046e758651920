/** What the queue and bus suites run against: the ports, and the other end of each: what is received, what is delivered. */
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
} from "@aws-sdk/client-sqs";
import type { ApartmentQueue, Bus, CommandQueues, Redelivery } from "../../shared/app/ports.ts";
import { eventbridgeBus } from "../../shared/aws/eventbridge-bus.ts";
import { sqsApartmentQueue } from "../../shared/aws/sqs-apartment-queue.ts";
import { sqsCommandQueues } from "../../shared/aws/sqs-command-queues.ts";
import { sqsRedelivery } from "../../shared/aws/sqs-redelivery.ts";
import { systemNames } from "../../shared/aws/system.ts";
import type { RuleSpec } from "../../shared/memory/bus-rules.ts";
import { connectMemory } from "../../shared/memory/connect.ts";
import { MEMORY_APARTMENT_QUEUE } from "../../shared/memory/memory-apartment-queue.ts";
import type { MemoryQueues } from "../../shared/memory/memory-queues.ts";
import { wireStack } from "../local/wire-stack.ts";
import { settings } from "../support/a-record.ts";
import { testClock } from "../support/test-clock.ts";

export type Received = { readonly group: string; readonly body: unknown };
export interface QueueWorld {
  readonly apartmentQueue: ApartmentQueue;
  readonly apartmentQueueUrl: string;
  readonly redelivery: Redelivery;
  readonly commandQueues: CommandQueues;
  readonly bus: Bus;
  readonly now: () => number;
  readonly advance: (ms: number) => void;
  /** Receives up to ten messages of the apartments and keeps them; their handles. */
  readonly hold: () => Promise<readonly string[]>;
  /** Takes everything that the queue gives now, in order. */
  readonly receiveAll: (queueUrl: string) => Promise<readonly Received[]>;
  /** Takes every event that a rule on this system's source delivers now. */
  readonly deliverAll: () => Promise<readonly unknown[]>;
  readonly close: () => Promise<void>;
}
export type OpenQueues = () => Promise<QueueWorld>;

const EVERYTHING: RuleSpec = {
  name: "everything",
  busName: "vmsync",
  arn: "arn:aws:events:us-east-1:111111111111:rule/vmsync/everything",
  enabled: true,
  pattern: { source: ["vmsync"] },
  targets: [{ id: "target", arn: "arn:aws:lambda:us-east-1:111111111111:function:target" }],
};
const AGENT_ROLE = "arn:aws:iam::111111111111:role/agents";
/** Deliveries taken in one look. */
const TAKE = { max: 1_000, leaseMs: 60_000 };

export async function openMemoryQueues(): Promise<QueueWorld> {
  const clock = testClock();
  const memory = connectMemory({ clock, names: systemNames, settings, rules: [EVERYTHING] });
  const { ports, queues, bus } = memory;
  return {
    apartmentQueue: ports.apartmentQueue,
    apartmentQueueUrl: queues.urlOf(MEMORY_APARTMENT_QUEUE),
    redelivery: ports.redelivery,
    commandQueues: ports.commandQueues,
    bus: ports.bus,
    now: clock.now,
    advance: clock.advance,
    hold: async () => {
      const queueName = MEMORY_APARTMENT_QUEUE;
      const got = queues.request({ action: "receiveMessage", queueName, messagesMax: 10 });
      return got.kind === "received" ? got.messages.map((each) => each.receiptHandle) : [];
    },
    receiveAll: async (queueUrl) => receiveAllInMemory(queues, queues.nameIn(queueUrl)),
    deliverAll: async () => {
      const taken = bus.request({ action: "take", ...TAKE });
      return taken.kind === "taken"
        ? taken.deliveries.map(({ payload }) => JSON.parse(payload))
        : [];
    },
    close: async () => undefined,
  };
}

function receiveAllInMemory(queues: MemoryQueues, queueName: string): readonly Received[] {
  const all: Received[] = [];
  for (;;) {
    const got = queues.request({ action: "receiveMessage", queueName, messagesMax: 10 });
    if (got.kind !== "received" || got.messages.length === 0) return all;
    for (const { system, body, receiptHandle } of got.messages) {
      all.push({ group: system["MessageGroupId"] ?? "", body: JSON.parse(body) });
      queues.request({ action: "deleteMessage", queueName, receiptHandle });
    }
  }
}

/** The adapters with real SDK clients, over the local wire server. */
export async function openWireQueues(): Promise<QueueWorld> {
  const stack = await wireStack([EVERYTHING]);
  const { sqs, sts, events } = stack;
  const attributes = {
    FifoQueue: "true",
    DeduplicationScope: "messageGroup",
    FifoThroughputLimit: "perMessageGroupId",
  };
  const create = new CreateQueueCommand({ QueueName: "apartments.fifo", Attributes: attributes });
  const { QueueUrl: apartmentQueueUrl = "" } = await sqs.send(create);
  const clock = { ...testClock(), now: () => stack.clock.now() };
  return {
    apartmentQueue: sqsApartmentQueue({ sqs, queueUrl: apartmentQueueUrl }),
    apartmentQueueUrl,
    redelivery: sqsRedelivery({ sqs, queueUrl: apartmentQueueUrl }),
    commandQueues: sqsCommandQueues({
      ...{ sqs, sts },
      queuePrefix: "dev_",
      agentRoleArn: AGENT_ROLE,
      access: { region: "us-east-1", endpoint: stack.server.origin },
    }),
    bus: eventbridgeBus({ events, busName: "vmsync", clock }),
    now: clock.now,
    advance: stack.clock.advance,
    hold: async () => {
      const receive = { QueueUrl: apartmentQueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 };
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(receive));
      return Messages.map(({ ReceiptHandle = "" }) => ReceiptHandle);
    },
    receiveAll: async (queueUrl) => {
      const all: Received[] = [];
      for (;;) {
        const { Messages: messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: queueUrl,
            MaxNumberOfMessages: 10,
            MessageSystemAttributeNames: ["MessageGroupId"],
            WaitTimeSeconds: 0,
          }),
        );
        if (messages.length === 0) return all;
        for (const { Attributes, Body = "", ReceiptHandle } of messages) {
          all.push({ group: Attributes?.MessageGroupId ?? "", body: JSON.parse(Body) });
          await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
        }
      }
    },
    deliverAll: async () =>
      (await stack.bus.take(TAKE)).map(({ payload }): unknown => JSON.parse(payload)),
    close: stack.close,
  };
}
