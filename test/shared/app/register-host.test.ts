import { describe, expect, it } from "vitest";
import { registerHost, renewJoinToken } from "../../../shared/app/register-host.ts";
import { HostId } from "../../../shared/model/ids.ts";
import { okValue } from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const id = HostId.parse("host-a");

describe("registering a host", () => {
  it("answers the host and a token of which only the hash is kept", async () => {
    const world = aWorld();
    const capacity = { cpus: 8, memoryMiB: 1024 };
    const { host, joinToken } = okValue(
      await registerHost(world.deps, { id, capacity, labels: { rack: "1" } }),
    );
    expect(host).toMatchObject({
      id,
      state: "Registered",
      capacity,
      reserved: { cpus: 0, memoryMiB: 0 },
      labels: { rack: "1" },
      vmCount: 0,
      orphanCount: 0,
      createdAt: "2027-01-15T08:00:00.000Z",
    });
    expect(joinToken.length).toBeGreaterThanOrEqual(43);
    const stored = JSON.stringify(world.memory.tables.hosts.all());
    expect(stored).not.toContain(joinToken);
    expect(stored).toContain(world.deps.names.hash(joinToken));
  });

  it("is refused for a name that is taken, and changes nothing", async () => {
    const world = aWorld();
    okValue(await registerHost(world.deps, { id }));
    const before = world.memory.tables.hosts.all();
    const again = await registerHost(world.deps, { id, labels: { rack: "2" } });
    expect(again).toMatchObject({ ok: false, code: "host_exists" });
    expect(world.memory.tables.hosts.all()).toEqual(before);
  });
});

describe("renewing a join token", () => {
  it("gives another one", async () => {
    const world = aWorld();
    const { joinToken } = okValue(await registerHost(world.deps, { id }));
    const renewed = okValue(await renewJoinToken(world.deps, { hostId: id }));
    expect(renewed.joinToken).not.toBe(joinToken);
  });

  it("is refused for a host that there is not", async () => {
    const answer = await renewJoinToken(aWorld().deps, { hostId: id });
    expect(answer).toMatchObject({ ok: false, code: "host_not_found" });
  });
});
