import { describe, expect, it } from "vitest";
import { dispatchEvents } from "../../../shared/app/dispatch-events.ts";
import { AccountId } from "../../../shared/model/ids.ts";
import { Interest } from "../../../shared/model/interest.ts";
import { TopicEvent } from "../../../shared/model/topic.ts";
import { jobIdOf, T0, vmId } from "../../support/a-record.ts";
import { aWorld, counting } from "../../support/memory-world.ts";

const anInterest = (n: number, overrides: Partial<Interest> = {}): Interest =>
  Interest.parse({
    id: `${vmId}.${n}.0`,
    topic: { prefix: "custom.deploy" },
    to: vmId,
    jobId: jobIdOf(n),
    account: "acme",
    expiresAt: T0 + 86_400_000,
    ...overrides,
  });
const anEvent = (n: number, overrides: Partial<TopicEvent> = {}): TopicEvent =>
  TopicEvent.parse({
    family: "custom",
    topic: "custom.deploy.done",
    id: `custom.${n}`,
    at: T0 + n,
    account: "acme",
    detail: { release: n },
    ...overrides,
  });

async function aWorldWith(...interests: readonly Interest[]) {
  const world = aWorld();
  for (const interest of interests) await world.deps.interests.register(interest);
  return world;
}

describe("dispatching events", () => {
  it("sends each event to everyone who listens to it, in the order of the events", async () => {
    const exact = anInterest(2, { topic: { prefix: "custom.deploy.done", match: { release: 2 } } });
    const { deps, taken } = await aWorldWith(anInterest(1), exact);
    await dispatchEvents(deps, [anEvent(1), anEvent(2), anEvent(3, { topic: "custom.other" })]);
    const { topic, id, at, detail } = anEvent(2);
    const bodies = taken().map(({ to, message }) => ({ to, body: message.body }));
    expect(bodies).toEqual([
      { to: vmId, body: expect.objectContaining({ id: anInterest(1).id }) },
      {
        to: vmId,
        body: { kind: "topic", id: anInterest(1).id, event: { topic, id, at, detail } },
      },
      { to: vmId, body: expect.objectContaining({ id: exact.id }) },
    ]);
  });

  it("names a message by interest and event, so that what is sent again is the same", async () => {
    const { deps, taken } = await aWorldWith(anInterest(1));
    const long = anEvent(1, { id: `incident.${"x".repeat(240)}` });
    await dispatchEvents(deps, [long, anEvent(2)]);
    const first = taken().map(({ message }) => message.logicalId);
    expect(new Set(first).size).toBe(2);
    await deps.clock.sleep(600_000); // beyond the queue's own de-duplication
    await dispatchEvents(deps, [long, anEvent(2)]);
    expect(taken().map(({ message }) => message.logicalId)).toEqual(first);
  });

  it("wakes no other account's jobs by a custom event; by the system's own, any that listens", async () => {
    const foreign = anInterest(1, { account: AccountId.parse("umbrella") });
    const onHosts = anInterest(2, { topic: { prefix: "host.state" } });
    const { deps, taken } = await aWorldWith(foreign, onHosts);
    await dispatchEvents(deps, [
      anEvent(1),
      anEvent(2, {
        family: "host.state",
        topic: "host.state.host-a",
        account: undefined,
        detail: { to: "Down" },
      }),
    ]);
    expect(taken().map(({ message }) => message.body)).toMatchObject([{ id: onHosts.id }]);
  });

  it("costs one look and sends nothing where nobody listens", async () => {
    const { deps, taken } = await aWorldWith();
    const calls = new Map<string, number>();
    const counted = {
      ...deps,
      interests: counting(deps.interests, calls),
      apartmentQueue: counting(deps.apartmentQueue, calls),
    };
    await dispatchEvents(counted, [anEvent(1), anEvent(2)]);
    expect(Object.fromEntries(calls)).toEqual({ under: 1 });
    expect(taken()).toEqual([]);
  });
});
