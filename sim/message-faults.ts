/**
 * What happens to messages on their way to the apartments' queue: they come twice, come again much later, or land among the
 * dead. SQS's de-duplication is a courtesy that correctness does not rest on: here what comes again is not recognised by it.
 */
import type { Ports } from "../shared/app/ports.ts";
import type { Memory } from "../shared/memory/connect.ts";
import { MEMORY_APARTMENT_QUEUE } from "../shared/memory/memory-apartment-queue.ts";
import { MEMORY_SENDER_ID } from "../shared/memory/memory-queues.ts";
import type { Faults } from "./faults.ts";
import { DEAD_LETTER_QUEUE } from "./functions.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** From within SQS's de-duplication window to long after what the record remembers. */
const RESENT_MS = { least: 1_000, most: 3_600_000 };

type Deps = {
  readonly time: VirtualTime;
  readonly faults: Faults;
  readonly memory: Memory;
  readonly tell: (text: () => string) => void;
};

type Outgoing = Parameters<Ports["apartmentQueue"]["send"]>[0][number];

export function troubled({ time, faults, memory, tell }: Deps, ports: Ports): Ports {
  let copies = 0;
  const put = (queueName: string, { to: groupId, message }: Outgoing) => {
    copies += 1;
    const body = JSON.stringify(message);
    memory.queues.request({
      action: "sendMessage",
      queueName,
      senderId: MEMORY_SENDER_ID,
      entry: { body, groupId, deduplicationId: `copy-${copies}` },
    });
  };
  const { apartmentQueue } = ports;
  return {
    ...ports,
    apartmentQueue: {
      send: async (messages) => {
        const dead = new Set(messages.filter(() => faults.strikes("message-dead")));
        await apartmentQueue.send(messages.filter((each) => !dead.has(each)));
        for (const each of dead) {
          tell(() => `${named(each)} lands among the dead letters`);
          put(DEAD_LETTER_QUEUE, each);
        }
        for (const each of messages) {
          if (faults.strikes("message-doubled")) {
            tell(() => `${named(each)} is in the queue twice`);
            put(MEMORY_APARTMENT_QUEUE, each);
          }
          if (faults.strikes("message-resent")) {
            const afterMs = faults.draw("message-resent").int(RESENT_MS.least, RESENT_MS.most);
            time.after(afterMs, () => {
              tell(() => `${named(each)} is sent again after ${afterMs / 1000} s`);
              put(MEMORY_APARTMENT_QUEUE, each);
            });
          }
        }
      },
    },
  };
}

function named({ to, message }: Outgoing): string {
  return `${message.logicalId} to ${to}`;
}
