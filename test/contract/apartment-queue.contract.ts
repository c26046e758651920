import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ApartmentMessage } from "../../shared/model/apartment-message.ts";
import { CommandId, LogicalId, VmId } from "../../shared/model/ids.ts";
import { aMessage, hostId, jobIdOf, T0, vmId } from "../support/a-record.ts";
import type { OpenQueues, QueueWorld } from "./queue-world.ts";

const otherVmId = VmId.parse("88888888-8888-4888-8888-888888888888");
const submit = (n: number) => aMessage({ kind: "submit", jobId: jobIdOf(n) });

export function apartmentQueueContract(open: OpenQueues): void {
  describe("ApartmentQueue", () => {
    let world: QueueWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(() => world.close());
    const received = () => world.receiveAll(world.apartmentQueueUrl);
    const send = (to: VmId, ...messages: readonly ApartmentMessage[]) =>
      world.apartmentQueue.send(messages.map((message) => ({ to, message })));

    test("sends each message to the group of its apartment, in order, however many", async () => {
      const all = Array.from({ length: 27 }, (_, n) => ({
        to: n % 4 === 0 ? otherVmId : vmId,
        message: submit(n),
      }));
      await world.apartmentQueue.send(all);
      const got = await received();
      for (const group of [vmId, otherVmId]) {
        const sent = all.filter(({ to }) => to === group).map(({ message }) => message);
        expect(got.filter((each) => each.group === group).map(({ body }) => body)).toEqual(sent);
      }
      expect(got).toHaveLength(27);
    });

    test("sends nothing where there is nothing to send", async () => {
      await world.apartmentQueue.send([]);
      expect(await received()).toEqual([]);
    });

    test("carries the largest result, outside ASCII too, more of them than fit into one request", async () => {
      const results = Array.from({ length: 12 }, (_, n) =>
        aMessage({
          kind: "result",
          ...{ hostId, bootOrdinal: 1, seq: n, epoch: 1, receivedAt: T0 },
          commandId: CommandId.parse(`command-${n}`),
          status: "failed",
          detail: "起".repeat(60_000),
        }),
      );
      await send(vmId, ...results);
      expect((await received()).map(({ body }) => body)).toEqual(results);
    });

    test("a message that says the same is sent once; one that returned from the dead letters again", async () => {
      await send(vmId, submit(1), submit(1));
      await send(vmId, submit(1));
      await send(vmId, { ...submit(1), returned: true });
      await send(otherVmId, submit(1));
      const got = await received();
      const bodies = got.filter(({ group }) => group === vmId).map(({ body }) => body);
      expect(bodies).toEqual([submit(1), { ...submit(1), returned: true }]);
      expect(got.filter(({ group }) => group === otherVmId)).toHaveLength(1);
    });

    test("takes logical ids that SQS would not: long ones, others than ASCII", async () => {
      const long = LogicalId.parse(`inline:${"x".repeat(190)}`);
      const foreign = LogicalId.parse("inline:größe ✓");
      const messages = [long, foreign].map((logicalId) => ({ ...submit(1), logicalId }));
      await send(vmId, ...messages);
      expect((await received()).map(({ body }) => body)).toEqual(messages);
    });
  });
}
