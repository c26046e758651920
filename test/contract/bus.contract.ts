import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AccountId } from "../../shared/model/ids.ts";
import { TopicEvent } from "../../shared/model/topic.ts";
import { T0 } from "../support/a-record.ts";
import type { OpenQueues, QueueWorld } from "./queue-world.ts";

const anEvent = (n: number, detail: TopicEvent["detail"] = {}): TopicEvent =>
  TopicEvent.parse({
    family: "vm.state",
    topic: `vm.state.${n}`,
    id: `event-${n}`,
    at: T0 + n * 1_000,
    detail,
  });

export function busContract(open: OpenQueues): void {
  describe("Bus", () => {
    let world: QueueWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(() => world.close());

    test("puts an event as subscribers match it: source, family, and the topic in the detail", async () => {
      await world.bus.put([anEvent(1, { from: "Stopped", to: "Starting", note: "größe ✓" })]);
      expect(await world.deliverAll()).toEqual([
        expect.objectContaining({
          source: "vmsync",
          "detail-type": "vm.state",
          time: "2027-01-15T08:00:01Z",
          detail: {
            ...{ from: "Stopped", to: "Starting", note: "größe ✓" },
            ...{ topic: "vm.state.1", id: "event-1", at: "2027-01-15T08:00:01.000Z" },
          },
        }),
      ]);
    });

    test("what an event says of itself wins over its detail, and so does what it does not say", async () => {
      const forged = { topic: "forged", id: "forged", account: "forged" };
      const account = AccountId.parse("acme");
      await world.bus.put([anEvent(1, forged)]);
      await world.bus.put([{ ...anEvent(2, forged), account }]);
      const at = (n: number) => `2027-01-15T08:00:0${n}.000Z`;
      expect(await world.deliverAll()).toEqual([
        expect.objectContaining({ detail: { topic: "vm.state.1", id: "event-1", at: at(1) } }),
        expect.objectContaining({
          detail: { topic: "vm.state.2", id: "event-2", at: at(2), account: "acme" },
        }),
      ]);
    });

    test("puts more events, and more bytes, than one request takes", async () => {
      const small = Array.from({ length: 25 }, (_, n) => anEvent(n));
      const large = Array.from({ length: 8 }, (_, n) =>
        anEvent(100 + n, { filler: "ü".repeat(50_000) }),
      );
      await world.bus.put([...small, ...large]);
      const ids = (await world.deliverAll()).map(topicIdOf);
      const expected = [...small, ...large].map(({ id }) => id);
      expect(ids.toSorted()).toEqual(expected.toSorted());
    });

    test("puts nothing where there is nothing to put", async () => {
      await world.bus.put([]);
      expect(await world.deliverAll()).toEqual([]);
    });

    test("throws on an event that is too large", async () => {
      const large = anEvent(1, { filler: "x".repeat(256 * 1024) });
      await expect(world.bus.put([large])).rejects.toThrow("putting");
      expect(await world.deliverAll()).toEqual([]);
    });
  });
}

function topicIdOf(event: unknown): unknown {
  expect(event).toMatchObject({ detail: { id: expect.any(String) } });
  return JSON.parse(JSON.stringify(event)).detail.id;
}
