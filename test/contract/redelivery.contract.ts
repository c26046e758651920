import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { aMessage, jobIdOf, vmId } from "../support/a-record.ts";
import type { OpenQueues, QueueWorld } from "./queue-world.ts";

export function redeliveryContract(open: OpenQueues): void {
  describe("Redelivery", () => {
    let world: QueueWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(() => world.close());
    const send = async (count: number) => {
      const numbers = Array.from({ length: count }, (_, n) => n);
      const messages = numbers.map((n) => aMessage({ kind: "submit", jobId: jobIdOf(n) }));
      await world.apartmentQueue.send(messages.map((message) => ({ to: vmId, message })));
      return messages;
    };
    const received = async () =>
      (await world.receiveAll(world.apartmentQueueUrl)).map(({ body }) => body);

    test("what was received comes again after the seconds given, in its order", async () => {
      const messages = await send(4);
      const handles = await world.hold();
      expect(handles).toHaveLength(4);
      await world.redelivery.retrySoon(
        handles.map((receiptHandle) => ({ receiptHandle, afterSeconds: 2 })),
      );
      world.advance(1_999);
      expect(await received()).toEqual([]);
      world.advance(1);
      expect(await received()).toEqual(messages);
    });

    test("takes more than one request holds", async () => {
      await send(14);
      const first = await world.hold();
      await world.redelivery.retrySoon(
        // The same handles again: more entries than one request takes.
        [...first, ...first].map((receiptHandle) => ({ receiptHandle, afterSeconds: 0 })),
      );
      expect(await received()).toHaveLength(14);
    });

    test("what cannot be shortened is passed over without a word, and what can is shortened", async () => {
      const messages = await send(1);
      const [handle = ""] = await world.hold();
      await world.redelivery.retrySoon([
        { receiptHandle: "not a handle", afterSeconds: 0 },
        { receiptHandle: handle, afterSeconds: 0 },
      ]);
      expect(await received()).toEqual(messages);
      await world.redelivery.retrySoon([{ receiptHandle: handle, afterSeconds: 0 }]);
      await world.redelivery.retrySoon([]);
    });
  });
}
