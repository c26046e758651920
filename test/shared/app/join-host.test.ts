import { describe, expect, it } from "vitest";
import { joinHost } from "../../../shared/app/join-host.ts";
import { JOIN_TOKEN_MS, registerHost, renewJoinToken } from "../../../shared/app/register-host.ts";
import { HostId } from "../../../shared/model/ids.ts";
import { okValue } from "../../support/joined-host.ts";
import { aWorld, type World } from "../../support/memory-world.ts";

const hostId = HostId.parse("host-a");
const KEY = `${"A".repeat(43)}=`;
const OTHER_KEY = `${"B".repeat(43)}=`;

const registered = async (world: World) =>
  okValue(await registerHost(world.deps, { id: hostId })).joinToken;
const join = (world: World, joinToken: string, publicKey = KEY) =>
  joinHost(world.deps, { hostId, joinToken, publicKey });
const queuesOf = ({ memory }: World) => {
  const answer = memory.queues.request({ action: "listQueues", prefix: "host-a" });
  return answer.kind === "queues" ? answer.queueNames : [];
};
const refusal = { ok: false, code: "unauthenticated" };

describe("a host with its join token", () => {
  it("joins: its key is recorded, its queue is there", async () => {
    const world = aWorld();
    const answer = await join(world, await registered(world));
    expect(answer).toEqual({ ok: true, value: { now: "2027-01-15T08:00:00.000Z" } });
    const row = await world.deps.hosts.read(hostId);
    expect(row?.heartbeat).toMatchObject({ publicKey: KEY, bootOrdinal: 0 });
    expect(row?.host).toMatchObject({ queueGeneration: 1, state: "Registered" });
    expect(row?.host.queueUrl).toContain("host-a-1.fifo");
    expect(queuesOf(world)).toEqual(["host-a-1.fifo"]);
  });

  it("has used it up", async () => {
    const world = aWorld();
    const token = await registered(world);
    okValue(await join(world, token));
    expect(await join(world, token, OTHER_KEY)).toMatchObject(refusal);
    expect((await world.deps.hosts.read(hostId))?.heartbeat?.publicKey).toBe(KEY);
  });

  it("joins once when two try at the same time, and the queue of the one stays", async () => {
    const world = aWorld();
    const token = await registered(world);
    const answers = await Promise.all([join(world, token), join(world, token, OTHER_KEY)]);
    expect(answers.map(({ ok }) => ok).toSorted()).toEqual([false, true]);
    expect(queuesOf(world)).toEqual(["host-a-1.fifo"]);
  });

  it("joins again with a new one: another key, another queue, and the old queue goes", async () => {
    const world = aWorld();
    okValue(await join(world, await registered(world)));
    const { joinToken } = okValue(await renewJoinToken(world.deps, { hostId }));
    expect((await world.deps.hosts.read(hostId))?.heartbeat?.publicKey).toBe(KEY);
    okValue(await join(world, joinToken, OTHER_KEY));
    const row = await world.deps.hosts.read(hostId);
    expect(row?.heartbeat?.publicKey).toBe(OTHER_KEY);
    expect(row?.host.queueUrl).toContain("host-a-2.fifo");
    expect(queuesOf(world)).toEqual(["host-a-2.fifo"]);
  });

  it("has joined, whatever becomes of the old queue", async () => {
    const world = aWorld();
    okValue(await join(world, await registered(world)));
    const { joinToken } = okValue(await renewJoinToken(world.deps, { hostId }));
    const commandQueues = {
      ...world.deps.commandQueues,
      remove: async () => {
        throw new Error("refused");
      },
    };
    const joined = await joinHost(
      { ...world.deps, commandQueues },
      { hostId, joinToken, publicKey: OTHER_KEY },
    );
    expect(joined.ok).toBe(true);
    expect(world.memory.telemetry.entries).toMatchObject([{ level: "warn", hostId }]);
  });
});

describe("a host without its join token", () => {
  it.each([
    ["another token", async (world: World) => `${await registered(world)}x`],
    ["no host", async () => "x".repeat(43)],
    [
      "a token that was replaced",
      async (world: World) => {
        const token = await registered(world);
        okValue(await renewJoinToken(world.deps, { hostId }));
        return token;
      },
    ],
    [
      "a token that is a day old",
      async (world: World) => {
        const token = await registered(world);
        world.clock.at += JOIN_TOKEN_MS;
        return token;
      },
    ],
  ])("is refused, and nothing is made: %s", async (_name, tokenIn) => {
    const world = aWorld();
    expect(await join(world, await tokenIn(world))).toMatchObject(refusal);
    expect(queuesOf(world)).toEqual([]);
    expect((await world.deps.hosts.read(hostId))?.heartbeat).toBeUndefined();
  });

  it("joins until the last moment of its day", async () => {
    const world = aWorld();
    const token = await registered(world);
    world.clock.at += JOIN_TOKEN_MS - 1;
    expect((await join(world, token)).ok).toBe(true);
  });
});
