/** All ports in memory under a clock that a test moves, with what they keep open to look at. */
import type { SQSEvent } from "aws-lambda";
import type { Ports } from "../../shared/app/ports.ts";
import { gzipCodec, systemNames } from "../../shared/aws/system.ts";
import { connectMemory, type Memory } from "../../shared/memory/connect.ts";
import { MEMORY_APARTMENT_QUEUE } from "../../shared/memory/memory-apartment-queue.ts";
import type { Keeping } from "../../shared/memory/memory-table.ts";
import { ApartmentMessage } from "../../shared/model/apartment-message.ts";
import { Settings } from "../../shared/model/settings.ts";
import { T0 } from "./a-record.ts";

export type World = {
  readonly deps: Ports & { readonly settings: Settings };
  readonly memory: Memory;
  readonly clock: { now: () => number; sleep: (ms: number) => Promise<void>; at: number };
  /** What waits in the apartments' queue, now taken out of it. */
  readonly taken: () => readonly { readonly to: string; readonly message: ApartmentMessage }[];
  /** The same as an event of the queue's function, at most ten. */
  readonly takenEvent: () => SQSEvent;
};

/** `keeping`: of what is stored; see `memory-table.ts`. */
export function aWorld(overrides: Partial<Settings> = {}, keeping?: Keeping): World {
  const clock = {
    at: T0,
    now: () => clock.at,
    sleep: async (ms: number) => {
      clock.at += ms;
    },
  };
  const settings = Settings.parse(overrides);
  const memory = connectMemory({
    ...{ clock, names: systemNames, settings, codec: gzipCodec },
    ...(keeping && { keeping }),
  });
  const world: Pick<World, "takenEvent"> = { takenEvent: () => ({ Records: receive(memory) }) };
  return {
    ...world,
    deps: { ...memory.ports, settings },
    memory,
    clock,
    taken: () => {
      const all = [];
      for (let batch = receive(memory); batch.length > 0; batch = receive(memory))
        all.push(
          ...batch.map(({ body, attributes }) => ({
            to: attributes.MessageGroupId ?? "",
            message: ApartmentMessage.parse(JSON.parse(body)),
          })),
        );
      return all;
    },
  };
}

/** Counts the calls of a port's methods, by name. */
export function counting<P extends object>(port: P, calls: Map<string, number>): P {
  return new Proxy(port, {
    get: (target, name, receiver) => {
      const count = (calls.get(String(name)) ?? 0) + 1;
      calls.set(String(name), count);
      return Reflect.get(target, name, receiver);
    },
  });
}

function receive({ queues }: Memory): SQSEvent["Records"] {
  const queueName = MEMORY_APARTMENT_QUEUE;
  const answer = queues.request({ action: "receiveMessage", queueName, messagesMax: 10 });
  if (answer.kind !== "received") throw new Error(`receiving answered ${answer.kind}`);
  return answer.messages.map(({ messageId, receiptHandle, body, system }) => {
    queues.request({ action: "deleteMessage", queueName, receiptHandle });
    return {
      messageId,
      receiptHandle,
      body,
      attributes: {
        ApproximateReceiveCount: "1",
        SentTimestamp: "0",
        SenderId: "test",
        ApproximateFirstReceiveTimestamp: "0",
        SequenceNumber: system["SequenceNumber"] ?? "",
        MessageGroupId: system["MessageGroupId"] ?? "",
      },
      messageAttributes: {},
      md5OfBody: "",
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-west-1:000000000000:apartments.fifo",
      awsRegion: "eu-west-1",
    };
  });
}
