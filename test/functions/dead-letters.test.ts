import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { deadLetterReturner } from "../../functions/dead-letters.ts";
import { aMessage } from "../support/a-record.ts";
import { vmIdOf } from "../support/joined-host.ts";
import { aWorld, type World } from "../support/memory-world.ts";

const pause = (paused: boolean) => aMessage({ kind: "pause", paused });
/** Messages of two VMs as the dead-letter queue would hand them over: 1, 1, 2. */
async function deadLetters({ deps, takenEvent }: World) {
  await deps.apartmentQueue.send([
    { to: vmIdOf(1), message: pause(true) },
    { to: vmIdOf(1), message: pause(false) },
    { to: vmIdOf(2), message: pause(true) },
  ]);
  return takenEvent();
}

describe("the dead letters' function", () => {
  it("sends each to its apartment again, once, with an incident", async () => {
    const world = aWorld();
    const handler = deadLetterReturner(world.deps);
    expect(await handler(await deadLetters(world))).toEqual({ batchItemFailures: [] });
    const again = world.takenEvent();
    expect(again.Records.map(({ body }) => JSON.parse(body))).toMatchObject([
      { ...pause(true), returned: true },
      { ...pause(false), returned: true },
      { ...pause(true), returned: true },
    ]);
    expect(world.memory.tables.incidents.all()).toHaveLength(3);
    expect(await handler(again)).toEqual({ batchItemFailures: [] });
    expect(world.taken()).toEqual([]);
  });

  it("keeps what follows a failure in its group, and only that", async () => {
    const world = aWorld();
    const event = await deadLetters(world);
    const apartmentQueue = {
      send: async (messages: Parameters<typeof world.deps.apartmentQueue.send>[0]) => {
        if (
          messages.some(
            ({ to, message }) => to === vmIdOf(1) && message.logicalId === pause(true).logicalId,
          )
        )
          throw new Error("throttled");
        await world.deps.apartmentQueue.send(messages);
      },
    };
    const answer = await deadLetterReturner({ ...world.deps, apartmentQueue })(event);
    const kept = event.Records.filter(({ attributes }) => attributes.MessageGroupId === vmIdOf(1));
    expect(answer.batchItemFailures).toEqual(
      kept.map(({ messageId }) => ({ itemIdentifier: messageId })),
    );
    expect(world.taken().map(({ to }) => to)).toEqual([vmIdOf(2)]);
  });

  it("tells of what was never a message", async () => {
    const world = aWorld();
    const [record] = (await deadLetters(world)).Records;
    if (record === undefined) throw new Error("no record");
    const event = { Records: [{ ...record, body: "{" }] };
    expect(await deadLetterReturner(world.deps)(event)).toEqual({ batchItemFailures: [] });
    expect(world.taken()).toEqual([]);
    expect(world.memory.tables.incidents.all()).toMatchObject([{ kind: "poison_message" }]);
  });
});
