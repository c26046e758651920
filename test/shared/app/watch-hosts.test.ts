import { describe, expect, it } from "vitest";
import { ingestReport } from "../../../shared/app/ingest-report.ts";
import { openSession } from "../../../shared/app/open-session.ts";
import { reconcileHost } from "../../../shared/app/reconcile-host.ts";
import { watchHosts } from "../../../shared/app/watch-hosts.ts";
import type { Report } from "../../../shared/model/agent-protocol.ts";
import { BootId } from "../../../shared/model/ids.ts";
import type { Settings } from "../../../shared/model/settings.ts";
import { AgentReportDetail } from "../../../shared/model/topic.ts";
import { bootId, hostId, jobIdOf } from "../../support/a-record.ts";
import { aHostInSession, aReport, okValue, vmIdOf } from "../../support/joined-host.ts";
import { aWorld, counting, type World } from "../../support/memory-world.ts";

const DOWN_MS = 600_000;
const nextBoot = BootId.parse("boot-0002");

/** `host-a`, heard once: it lists VM 1, and VM 2 holds room there. */
async function aWatchedHost(settings: Partial<Settings> = {}, over: Partial<Report> = {}) {
  const world = aWorld(settings);
  const caller = await aHostInSession(world);
  const report = async (said: Partial<Report> = {}) => {
    okValue(await ingestReport(world.deps, { caller, report: aReport({ ...over, ...said }) }));
    await workOff(world);
  };
  await report();
  await world.deps.placement.reserve({
    ...{ kind: "reserve", hostId, vmId: vmIdOf(2), jobId: jobIdOf(1), revision: 1, attempt: 1 },
    ...{
      need: { cpus: 1, memoryMiB: 1 },
      labels: {},
      boot: { bootId, bootOrdinal: 1, queueUrl: "q" },
    },
  });
  world.taken();
  const row = () => world.deps.hosts.read(hostId);
  return { ...world, caller, report, row, watch: () => watchHosts(world.deps) };
}

/** Whatever the bus has for reconcile-host, once. */
const worked = new WeakMap<object, number>();
async function workOff({ deps, memory }: World): Promise<void> {
  const events = memory.bus.events.filter(({ family }) => family === "agent.report");
  for (const { topic, id, detail } of events.slice(worked.get(memory) ?? 0))
    await reconcileHost(deps, AgentReportDetail.parse({ ...detail, topic, id }));
  worked.set(memory, events.length);
}

const told = (world: World) =>
  world.taken().map(({ to, message: { body } }) => [to, body.kind] as const);
const open = ({ memory }: World) =>
  memory.tables.incidents.all().flatMap(({ id, resolvedAt }) => (resolvedAt ? [] : [id]));
const stateEvents = ({ memory }: World) =>
  memory.bus.events.flatMap(({ family, detail }) =>
    family === "host.state" ? [detail["to"]] : [],
  );

describe("a host that is heard", () => {
  it("costs the sweeper its heartbeat, and no more", async () => {
    const { deps, clock } = await aWatchedHost();
    clock.at += 149_999;
    const calls = new Map<string, number>();
    await watchHosts({ ...deps, hosts: counting(deps.hosts, calls) });
    expect([...calls]).toEqual([["heartbeats", 1]]);
  });
});

describe("a host that falls silent (1)", () => {
  it("is Down: its VMs are told, once, and an incident is open", async () => {
    const world = await aWatchedHost();
    world.clock.at += DOWN_MS;
    await world.watch();
    expect((await world.row())?.host.state).toBe("Down");
    expect(told(world)).toEqual([
      [vmIdOf(2), "host-lost"],
      [vmIdOf(1), "host-lost"],
    ]);
    expect(open(world)).toEqual(["host_down.host-a"]);
    await world.watch();
    expect(told(world)).toEqual([]);
    expect(stateEvents(world)).toEqual(["Up", "Down"]);
  });

  it("is only Disconnected before: nothing is told to its VMs", async () => {
    const world = await aWatchedHost();
    world.clock.at += 150_000;
    await world.watch();
    expect((await world.row())?.host.state).toBe("Disconnected");
    expect(told(world)).toEqual([]);
    expect(open(world)).toEqual([]);
  });

  it("is compared whole when it is heard again, in the same boot, and its incident is over", async () => {
    const world = await aWatchedHost();
    world.clock.at += DOWN_MS - 1;
    await world.report({ seq: 2 }); // a resync is not due yet when it comes back
    world.clock.at += DOWN_MS;
    await world.watch();
    world.taken();
    await world.report({ seq: 3 });
    expect((await world.row())?.host.state).toBe("Up");
    expect(told(world)).toEqual([[vmIdOf(1), "observed"]]);
    expect(open(world)).toEqual([]);
    expect(stateEvents(world)).toEqual(["Up", "Down", "Up"]);
  });

  it("is heard again by a session, and its incident is over too", async () => {
    const world = await aWatchedHost();
    world.clock.at += DOWN_MS;
    await world.watch();
    const { deps, caller } = world;
    okValue(await openSession(deps, { caller, bootId: nextBoot, agentVersion: "1" }));
    expect((await world.row())?.host).toMatchObject({ state: "Up", bootOrdinal: 2 });
    expect(open(world)).toEqual([]);
  });

  it("has its VMs told by the next round, if this one dies before", async () => {
    const world = await aWatchedHost();
    world.clock.at += DOWN_MS;
    const apartmentQueue = {
      send: async () => {
        throw new Error("dies");
      },
    };
    await expect(watchHosts({ ...world.deps, apartmentQueue })).rejects.toThrow("dies");
    expect(open(world)).toEqual([]);
    await world.watch();
    expect(told(world)).toHaveLength(2);
    expect(open(world)).toEqual(["host_down.host-a"]);
  });

  it("leaves nothing open that was opened while it was heard again", async () => {
    const world = await aWatchedHost();
    world.clock.at += DOWN_MS;
    const { deps } = world;
    // It comes back after the list was read, before its VMs were told.
    const hosts = {
      ...deps.hosts,
      markTold: async (note: Parameters<typeof deps.hosts.markTold>[0]) => {
        await deps.hosts.markHeard(hostId);
        return deps.hosts.markTold(note);
      },
    };
    await watchHosts({ ...deps, hosts });
    expect(open(world)).toEqual([]);
  });
});

describe("the lease of a host that is Down (2)", () => {
  const fencing = { selfFence: true, leaseSeconds: 700, leaseMarginSeconds: 60 };
  const says = { selfFence: true };

  it("is revoked when it has run out, margin included, and not before", async () => {
    const world = await aWatchedHost(fencing, says);
    world.clock.at += 759_999;
    await world.watch();
    world.taken();
    await world.watch();
    expect((await world.row())?.host.fence).toBeUndefined();
    world.clock.at += 1;
    await world.watch();
    const { host } = (await world.row()) ?? {};
    expect(host).toMatchObject({ state: "Down", bootOrdinal: 2, fence: { scope: "ha" } });
    expect(host?.untold).toBeUndefined();
    expect(told(world)).toEqual([
      [vmIdOf(2), "host-fenced"],
      [vmIdOf(1), "host-fenced"],
    ]);
    expect(open(world)).toEqual(["host_down.host-a"]); // it is still down
    await world.watch();
    expect(told(world)).toEqual([]);
  });

  it.each<[string, Partial<Settings>, Partial<Report>]>([
    ["its agent never said that it fences itself", fencing, {}],
    ["hosts do not fence themselves here", { ...fencing, selfFence: false }, says],
  ])("is not revoked where %s", async (_, settings, report) => {
    const world = await aWatchedHost(settings, report);
    world.clock.at += 10 * DOWN_MS;
    await world.watch();
    await world.watch();
    expect((await world.row())?.host).toMatchObject({ state: "Down", bootOrdinal: 1 });
  });

  it("is not revoked if a report came after it was looked at", async () => {
    const world = await aWatchedHost(fencing, says);
    world.clock.at += 10 * DOWN_MS;
    const { deps, report } = world;
    const hosts = {
      ...deps.hosts,
      fence: async (request: Parameters<typeof deps.hosts.fence>[0]) => {
        await report({ seq: 2 });
        return deps.hosts.fence(request);
      },
    };
    await watchHosts({ ...deps, hosts });
    expect((await world.row())?.host).toMatchObject({ state: "Up", bootOrdinal: 1 });
    expect((await world.row())?.host.fence).toBeUndefined();
  });
});
