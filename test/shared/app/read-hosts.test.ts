import { describe, expect, it } from "vitest";
import { getHost, listHosts } from "../../../shared/app/read-hosts.ts";
import { HostId } from "../../../shared/model/ids.ts";
import { IncidentId } from "../../../shared/model/incident.ts";
import { T0 } from "../../support/a-record.ts";
import { aHostInSession, okValue, vmIdOf } from "../../support/joined-host.ts";
import { aWorld, type World } from "../../support/memory-world.ts";

const orphan = ({ deps }: World, name: string, n: number) =>
  deps.incidents.open({
    id: IncidentId.parse(`orphan.${name}.${n}`),
    kind: "orphan",
    hostId: HostId.parse(name),
    vmId: vmIdOf(n),
    openedAt: T0,
    detail: "",
  });

describe("a host", () => {
  it("is shown with what was heard of it and its open orphans", async () => {
    const world = aWorld();
    const { hostId } = await aHostInSession(world);
    await orphan(world, "host-a", 1);
    await orphan(world, "host-a", 2);
    await world.deps.incidents.resolve(IncidentId.parse("orphan.host-a.2"), T0);
    expect(okValue(await getHost(world.deps, { hostId }))).toMatchObject({
      id: "host-a",
      state: "Up",
      bootOrdinal: 1,
      agentVersion: "1",
      orphanCount: 1,
      lastReportAt: "2027-01-15T08:00:00.000Z",
    });
  });

  it("is in maintenance only while it is Up", async () => {
    const world = aWorld();
    const { hostId } = await aHostInSession(world);
    const host = world.memory.tables.hosts.get(hostId);
    if (host === undefined) throw new Error("no host");
    world.memory.tables.hosts.put(hostId, { ...host, maintenance: true });
    expect(okValue(await getHost(world.deps, { hostId })).state).toBe("Maintenance");
    world.memory.tables.hosts.put(hostId, { ...host, maintenance: true, state: "Down" });
    expect(okValue(await getHost(world.deps, { hostId })).state).toBe("Down");
  });

  it("that is not there is not found", async () => {
    const answer = await getHost(aWorld().deps, { hostId: HostId.parse("nobody") });
    expect(answer).toMatchObject({ ok: false, code: "host_not_found" });
  });
});

describe("the list of hosts", () => {
  it("comes in pages, by id, each host with its own orphans", async () => {
    const world = aWorld();
    for (const name of ["host-c", "host-a", "host-b"]) await aHostInSession(world, { name });
    await orphan(world, "host-b", 1);
    const first = okValue(await listHosts(world.deps, { page: { limit: 2 } }));
    expect(first.items.map(({ id, orphanCount }) => [id, orphanCount])).toEqual([
      ["host-a", 0],
      ["host-b", 1],
    ]);
    const rest = await listHosts(world.deps, { page: { limit: 2, cursor: first.nextCursor } });
    expect(okValue(rest).items.map(({ id }) => id)).toEqual(["host-c"]);
    expect(okValue(rest)).not.toHaveProperty("nextCursor");
  });

  it("is refused for a cursor that is none", async () => {
    const answer = await listHosts(aWorld().deps, { page: { limit: 2, cursor: "!" } });
    expect(answer).toMatchObject({ ok: false, code: "invalid_request" });
  });
});
