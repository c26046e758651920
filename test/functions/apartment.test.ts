import "../support/function-environment.ts";

import type { SQSEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { apartmentTurns } from "../../functions/apartment.ts";
import { aMessage, aRecord, T0 } from "../support/a-record.ts";
import { vmIdOf } from "../support/joined-host.ts";
import { aWorld } from "../support/memory-world.ts";

const pause = aMessage({ kind: "pause", paused: true });

/** Two VMs, each with a message in the queue. */
async function aQueue() {
  const world = aWorld();
  for (const n of [1, 2]) {
    const record = aRecord({ id: vmIdOf(n) });
    await world.deps.submissions.accept({ vm: { record }, now: T0 });
    await world.deps.apartmentQueue.send([{ to: vmIdOf(n), message: pause }]);
  }
  const paused = (n: number) => world.memory.tables.apartments.get(vmIdOf(n))?.paused;
  return { world, paused, event: world.takenEvent() };
}

const changed = (
  event: SQSEvent,
  change: (record: SQSEvent["Records"][number]) => Partial<SQSEvent["Records"][number]>,
): SQSEvent => {
  const [first, ...rest] = event.Records;
  return first === undefined ? event : { Records: [{ ...first, ...change(first) }, ...rest] };
};

describe("the apartments' function", () => {
  it("takes a turn for each group, and fails nothing", async () => {
    const { world, paused, event } = await aQueue();
    expect(event.Records).toHaveLength(2);
    expect(await apartmentTurns(world.deps)(event)).toEqual({ batchItemFailures: [] });
    expect([paused(1), paused(2)]).toEqual([true, true]);
  });

  it("names the messages of a turn that failed", async () => {
    const { world, paused, event } = await aQueue();
    const apartments = {
      ...world.deps.apartments,
      commit: async (next: Parameters<typeof world.deps.apartments.commit>[0]) => {
        if (next.id === vmIdOf(1)) throw new Error("throttled");
        return world.deps.apartments.commit(next);
      },
    };
    const answer = await apartmentTurns({ ...world.deps, apartments })(event);
    const [failed] = event.Records.filter(
      ({ attributes }) => attributes.MessageGroupId === vmIdOf(1),
    );
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: failed?.messageId }] });
    expect([paused(1), paused(2)]).toEqual([false, true]);
  });

  it.each(["", "{", "{}", '{"v":1,"logicalId":"x","body":{"kind":"dance"}}'])(
    "acknowledges poison, with an incident, and blocks no one: %j",
    async (body) => {
      const { world, paused, event } = await aQueue();
      const answer = await apartmentTurns(world.deps)(changed(event, () => ({ body })));
      expect(answer).toEqual({ batchItemFailures: [] });
      expect(paused(2)).toBe(true);
      expect(world.memory.tables.incidents.all()).toMatchObject([
        { kind: "poison_message", vmId: vmIdOf(1) },
      ]);
    },
  );

  it("acknowledges what is in nobody's group, with an incident", async () => {
    const { world, event } = await aQueue();
    const strange = changed(event, ({ attributes }) => ({
      attributes: { ...attributes, MessageGroupId: "nobody" },
    }));
    expect(await apartmentTurns(world.deps)(strange)).toEqual({ batchItemFailures: [] });
    expect(world.memory.tables.incidents.all()).toMatchObject([{ kind: "poison_message" }]);
  });

  it("throws on an event of a queue that has no groups: it is wired wrongly", async () => {
    const { world, event } = await aQueue();
    const standard = changed(event, ({ attributes: { MessageGroupId: _, ...attributes } }) => ({
      attributes,
    }));
    await expect(apartmentTurns(world.deps)(standard)).rejects.toThrow("FIFO");
  });
});
