import { describe, expect, it } from "vitest";
import { openSession } from "../../../shared/app/open-session.ts";
import { BootId } from "../../../shared/model/ids.ts";
import { bootId } from "../../support/a-record.ts";
import { aJoinedHost, okValue } from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const otherBoot = BootId.parse("boot-0002");

describe("opening a session", () => {
  it("answers the ordinal, the queue with credentials for it, and the settings", async () => {
    const world = aWorld({ selfFence: true });
    const caller = await aJoinedHost(world);
    const answer = okValue(await openSession(world.deps, { caller, bootId, agentVersion: "1" }));
    expect(answer).toMatchObject({
      bootOrdinal: 1,
      commandQueueUrl: expect.stringContaining("host-a-1.fifo"),
      region: "memory",
      credentials: { accessKeyId: "memory-host-a", expiresAt: "2027-01-15T09:00:00.000Z" },
      reportIntervalSeconds: 60,
      leaseSeconds: 300,
      selfFence: true,
      now: "2027-01-15T08:00:00.000Z",
    });
  });

  it("goes on in the same boot, and counts on in another", async () => {
    const world = aWorld();
    const { deps } = world;
    const caller = await aJoinedHost(world);
    const ordinals = [];
    for (const boot of [bootId, bootId, otherBoot, otherBoot])
      ordinals.push(
        okValue(await openSession(deps, { caller, bootId: boot, agentVersion: "1" })).bootOrdinal,
      );
    expect(ordinals).toEqual([1, 1, 2, 2]);
  });

  it("makes the host Up, and tells so once", async () => {
    const world = aWorld();
    const caller = await aJoinedHost(world);
    for (const boot of [bootId, bootId, otherBoot])
      okValue(await openSession(world.deps, { caller, bootId: boot, agentVersion: "1" }));
    expect((await world.deps.hosts.read(caller.hostId))?.host.state).toBe("Up");
    expect(world.memory.bus.events).toMatchObject([
      {
        family: "host.state",
        topic: "host.state.host-a",
        detail: { hostId: "host-a", from: "Registered", to: "Up" },
      },
    ]);
  });

  it("tells again of a host that had fallen silent", async () => {
    const world = aWorld();
    const caller = await aJoinedHost(world);
    okValue(await openSession(world.deps, { caller, bootId, agentVersion: "1" }));
    await world.deps.hosts.markSilent({
      hostId: caller.hostId,
      lastReportAt: world.clock.at,
      state: "Down",
    });
    okValue(await openSession(world.deps, { caller, bootId: otherBoot, agentVersion: "1" }));
    expect(world.memory.bus.events.at(-1)).toMatchObject({ detail: { from: "Down", to: "Up" } });
  });

  it("is refused to a key that is not the host's", async () => {
    const world = aWorld();
    const caller = { ...(await aJoinedHost(world)), publicKey: `${"A".repeat(43)}=` };
    const answer = await openSession(world.deps, { caller, bootId, agentVersion: "1" });
    expect(answer).toMatchObject({ ok: false, code: "unauthenticated" });
    expect((await world.deps.hosts.read(caller.hostId))?.host.state).toBe("Registered");
    expect(world.memory.bus.events).toEqual([]);
  });
});
