import { describe, expect, it } from "vitest";
import { reconcileHost } from "../../../shared/app/reconcile-host.ts";
import type { Report } from "../../../shared/model/agent-protocol.ts";
import type { VmId } from "../../../shared/model/ids.ts";
import { AgentReportDetail } from "../../../shared/model/topic.ts";
import { aRecord, bootId, hostId, jobIdOf, T0 } from "../../support/a-record.ts";
import { aHostInSession, aReport, listed, vmIdOf } from "../../support/joined-host.ts";
import { aWorld, type World } from "../../support/memory-world.ts";

const eventOf = (
  { deps }: World,
  report: Report,
  over: Partial<AgentReportDetail> = {},
): AgentReportDetail =>
  AgentReportDetail.parse({
    topic: "agent.report.host-a",
    id: `host-a.1.${report.seq}`,
    hostId,
    bootOrdinal: 1,
    seq: report.seq,
    digest: `digest-${report.seq}`,
    receivedAt: T0,
    report: deps.codec.pack(JSON.stringify(report)),
    ...over,
  });
const told = (world: World) =>
  world.taken().map(({ to, message: { body } }) => [to, body.kind === "observed" && body.power]);
const heartbeatOf = ({ memory }: World) => memory.tables.heartbeats.get(hostId);

const reserveAt = ({ deps }: World, vmId: VmId) =>
  deps.placement.reserve({
    ...{ kind: "reserve", hostId, vmId, jobId: jobIdOf(1), revision: 1, attempt: 1, labels: {} },
    ...{ need: { cpus: 1, memoryMiB: 1 }, boot: { bootId, bootOrdinal: 1, queueUrl: "q" } },
  });

/** A world in which `host-a` is in its first session, with a way to work off a report. */
async function aHostWorld(...settings: Parameters<typeof aWorld>) {
  const world = aWorld(...settings);
  await aHostInSession(world);
  const reconcile = (report: Partial<Report>, over: Partial<AgentReportDetail> = {}) =>
    reconcileHost(world.deps, eventOf(world, aReport(report), over));
  return { ...world, reconcile };
}

describe("working off a report", () => {
  it("tells each apartment what changed, named by the host's order", async () => {
    const world = await aHostWorld();
    await world.reconcile({ vms: [listed(1, { detail: "booted", epoch: 4 }), listed(2)] });
    expect(world.taken()[0]).toEqual({
      to: vmIdOf(1),
      message: {
        v: 1,
        logicalId: "obs:host-a:1:1",
        body: {
          kind: "observed",
          hostId,
          bootOrdinal: 1,
          seq: 1,
          power: "on",
          detail: "booted",
          epoch: 4,
          receivedAt: T0,
        },
      },
    });
    await world.reconcile({ seq: 2, vms: [listed(1, { detail: "booted", epoch: 4 })] });
    expect(told(world)).toEqual([]);
    await world.reconcile({ seq: 3, vms: [listed(1, { power: "off" })] });
    expect(told(world)).toEqual([
      [vmIdOf(1), "off"],
      [vmIdOf(2), "missing"],
    ]);
  });

  it("notes the order and the digest on the heartbeat", async () => {
    const world = await aHostWorld();
    await world.reconcile({});
    expect(heartbeatOf(world)?.applied).toEqual({
      bootOrdinal: 1,
      seq: 1,
      digest: "digest-1",
      at: T0,
    });
  });

  it("notes a digest that no report has, while something is open", async () => {
    const world = await aHostWorld();
    await world.reconcile({ complete: false });
    expect(heartbeatOf(world)?.applied?.digest).toBe("open:digest-1");
    await world.reconcile({ seq: 2, vms: [] });
    expect(heartbeatOf(world)?.applied?.digest).toBe("open:digest-2");
    await world.reconcile({ seq: 3, vms: [] });
    expect(heartbeatOf(world)?.applied?.digest).toBe("digest-3");
  });

  it("notes the capacity that the agent sees, unless an operator registered one", async () => {
    const world = await aHostWorld();
    const { hosts } = world.memory.tables;
    const seen = { cpus: 4, memoryMiB: 512 };
    await world.reconcile({ capacity: seen });
    const host = hosts.get(hostId);
    expect(host?.capacity).toEqual(seen);
    if (host !== undefined) hosts.put(hostId, { ...host, capacityRegistered: true });
    await world.reconcile({ seq: 2, capacity: { cpus: 99, memoryMiB: 99 } });
    expect(hosts.get(hostId)?.capacity).toEqual(seen);
  });

  it("opens one incident for a host that suddenly knows nothing", async () => {
    const world = await aHostWorld();
    const vms = Array.from({ length: 5 }, (_, n) => listed(n));
    await world.reconcile({ vms });
    world.taken();
    await world.reconcile({ seq: 2, vms: [] });
    expect(told(world)).toEqual([]);
    const incidents = world.memory.tables.incidents.all();
    expect(incidents).toMatchObject([{ id: "mass_absence.host-a", kind: "mass_absence", hostId }]);
    expect(world.memory.bus.events.at(-1)).toMatchObject({ topic: "incident.mass_absence" });
    await world.reconcile({ seq: 3, vms: [] });
    expect(told(world)).toHaveLength(5);
  });

  it.each([
    { massAbsencePercent: 80, opens: false },
    { massAbsencePercent: 79, opens: true },
  ])("opens it above $massAbsencePercent % and no sooner: $opens for 8 of 10", async (setting) => {
    const { opens, ...settings } = setting;
    const world = await aHostWorld({ ...settings, missingGraceReports: 1 });
    const vms = Array.from({ length: 10 }, (_, n) => listed(n));
    await world.reconcile({ vms });
    world.taken();
    await world.reconcile({ seq: 2, vms: vms.slice(0, 2) });
    expect(world.memory.tables.incidents.all()).toHaveLength(opens ? 1 : 0);
    expect(told(world)).toHaveLength(opens ? 0 : 8);
  });

  it.each([1, 2, 5])(
    "waits for %i reports without a VM, if so set",
    async (missingGraceReports) => {
      const world = await aHostWorld({ missingGraceReports });
      await world.reconcile({});
      world.taken();
      for (let seq = 2; seq <= missingGraceReports; seq += 1)
        await world.reconcile({ seq, vms: [] });
      expect(told(world)).toEqual([]);
      await world.reconcile({ seq: missingGraceReports + 1, vms: [] });
      expect(told(world)).toEqual([[vmIdOf(1), "missing"]]);
    },
  );

  it("resolves it when all that should be there are listed again, and goes on looking until then", async () => {
    const world = await aHostWorld();
    const vms = Array.from({ length: 5 }, (_, n) => listed(n));
    await world.reconcile({ vms });
    for (const n of [0, 1, 2, 3, 4]) await reserveAt(world, vmIdOf(n));
    const isOpen = () => world.memory.tables.incidents.all()[0]?.resolvedAt === undefined;
    await world.reconcile({ seq: 2, vms: [] });
    await world.reconcile({ seq: 3, vms: [] });
    expect(isOpen()).toBe(true);
    expect(heartbeatOf(world)?.applied?.digest).toBe("open:digest-3");
    // One was found off and gave its room back, the others came back.
    await world.deps.placement.release({ hostId, vmId: vmIdOf(4), revision: 2 });
    await world.reconcile({ seq: 4, vms: vms.slice(0, 3) });
    expect(isOpen()).toBe(true);
    await world.reconcile({ seq: 5, vms: vms.slice(0, 4) });
    expect(isOpen()).toBe(false);
    expect(heartbeatOf(world)?.applied?.digest).toBe("digest-5");
    expect(world.memory.bus.events.at(-1)).toMatchObject({ detail: { change: "resolved" } });
  });

  it("does nothing for a host that was forgotten", async () => {
    const world = aWorld();
    await reconcileHost(world.deps, eventOf(world, aReport()));
    expect(world.taken()).toEqual([]);
    expect(world.memory.tables.inventories.all()).toEqual([]);
  });

  it.each(["", "{}", "not packed"])(
    "throws on what was not packed by ingest: %j",
    async (report) => {
      const world = await aHostWorld();
      await expect(world.reconcile({}, { report })).rejects.toThrow();
      expect(world.taken()).toEqual([]);
    },
  );
});

describe("a report out of order", () => {
  it("changes nothing after a newer one (2)", async () => {
    const world = await aHostWorld();
    await world.reconcile({ seq: 2, vms: [listed(1)] });
    world.taken();
    const before = [world.memory.tables.inventories.all(), heartbeatOf(world)];
    await world.reconcile({ seq: 1, vms: [listed(1, { power: "off" }), listed(2)] });
    expect(told(world)).toEqual([]);
    expect([world.memory.tables.inventories.all(), heartbeatOf(world)]).toEqual(before);
  });

  it("changes nothing when it comes a second time: an absence is not counted twice", async () => {
    const world = await aHostWorld();
    await world.reconcile({ vms: [listed(1)] });
    await world.reconcile({ seq: 2, vms: [] });
    world.taken();
    const before = world.memory.tables.inventories.all();
    await world.reconcile({ seq: 2, vms: [] });
    expect(told(world)).toEqual([]);
    expect(world.memory.tables.inventories.all()).toEqual(before);
    expect(heartbeatOf(world)?.applied).toMatchObject({ seq: 2, digest: "open:digest-2" });
  });
});

describe("a crash while a report is worked off (1)", () => {
  class Crash extends Error {}
  const crash = async () => {
    throw new Crash();
  };

  it("before the messages were sent: all is done again", async () => {
    const world = await aHostWorld();
    const deps = { ...world.deps, apartmentQueue: { send: crash } };
    await expect(reconcileHost(deps, eventOf(world, aReport()))).rejects.toThrow(Crash);
    expect(world.memory.tables.inventories.all()).toEqual([]);
    await world.reconcile({});
    expect(told(world)).toEqual([[vmIdOf(1), "on"]]);
  });

  it("before the inventory was written: the same messages are sent again, under the same ids", async () => {
    const world = await aHostWorld();
    const hosts = { ...world.deps.hosts, writeInventory: crash };
    const event = eventOf(world, aReport());
    await expect(reconcileHost({ ...world.deps, hosts }, event)).rejects.toThrow(Crash);
    const [first] = world.taken();
    expect(heartbeatOf(world)?.applied).toBeUndefined();
    // Past the five minutes in which the queue itself would drop it.
    world.clock.at += 301_000;
    await reconcileHost(world.deps, event);
    expect(world.taken()).toEqual([first]);
    expect(heartbeatOf(world)?.applied).toMatchObject({ seq: 1, digest: "digest-1" });
  });

  it("before the inventory was written, and another report came first: it is told again what that one says (3)", async () => {
    const world = await aHostWorld();
    await world.reconcile({ vms: [listed(1), listed(2)] });
    world.taken();
    const hosts = { ...world.deps.hosts, writeInventory: crash };
    const event = eventOf(
      world,
      aReport({ seq: 2, vms: [listed(1, { power: "off" }), listed(2)] }),
    );
    await expect(reconcileHost({ ...world.deps, hosts }, event)).rejects.toThrow(Crash);
    await world.reconcile({ seq: 3, vms: [listed(1), listed(2, { power: "off" })] });
    world.taken();
    world.clock.at += 301_000;
    await reconcileHost(world.deps, event);
    expect(world.taken()).toMatchObject([
      { to: vmIdOf(1), message: { logicalId: "obs:host-a:1:3", body: { power: "on", seq: 3 } } },
      { to: vmIdOf(2), message: { logicalId: "obs:host-a:1:3", body: { power: "off", seq: 3 } } },
    ]);
  });

  it("before it was noted as applied: only that is left to do", async () => {
    const world = await aHostWorld();
    const hosts = { ...world.deps.hosts, markApplied: crash };
    const event = eventOf(world, aReport());
    await expect(reconcileHost({ ...world.deps, hosts }, event)).rejects.toThrow(Crash);
    world.taken();
    world.clock.at += 301_000;
    await reconcileHost(world.deps, event);
    expect(told(world)).toEqual([]);
    expect(heartbeatOf(world)?.applied).toMatchObject({ seq: 1, digest: "digest-1" });
  });
});

describe("a resync (5)", () => {
  it("passes on what no record has, when the host was not compared whole for ten minutes", async () => {
    const world = await aHostWorld();
    const vms = [listed(1), listed(2)];
    await world.reconcile({ vms });
    world.taken();
    await world.reconcile({ seq: 2, vms }, { receivedAt: T0 + 599_999 });
    expect(told(world)).toEqual([]);
    expect(heartbeatOf(world)?.applied?.at).toBe(T0);
    await world.reconcile({ seq: 3, vms }, { receivedAt: T0 + 600_000 });
    expect(told(world)).toHaveLength(2);
    expect(heartbeatOf(world)?.applied?.at).toBe(T0 + 600_000);
  });

  it.each([1, 30])("comes after %i minutes, if so set", async (resyncMinutes) => {
    const world = await aHostWorld({ resyncMinutes });
    await world.reconcile({});
    world.taken();
    await world.reconcile({ seq: 2 }, { receivedAt: T0 + resyncMinutes * 60_000 - 1 });
    expect(told(world)).toEqual([]);
    await world.reconcile({ seq: 3 }, { receivedAt: T0 + resyncMinutes * 60_000 });
    expect(told(world)).toHaveLength(1);
  });

  it("tells those whose records do not have what it says, and no others (6)", async () => {
    const world = await aHostWorld();
    const vms = [listed(1), listed(2), listed(3)];
    await world.reconcile({ vms });
    world.taken();
    for (const n of [1, 2, 3]) {
      const vm = { state: n === 2 ? "Stopped" : "Running", hostId } as const;
      await world.deps.submissions.accept({
        vm: { record: aRecord({ id: vmIdOf(n), vm }) },
        now: T0,
      });
    }
    await world.reconcile({ seq: 2, vms }, { receivedAt: T0 + 600_000 });
    expect(told(world)).toEqual([[vmIdOf(2), "on"]]);
    const changed = [listed(1, { power: "off" }), listed(2), listed(3)];
    await world.reconcile({ seq: 3, vms: changed }, { receivedAt: T0 + 1_200_000 });
    expect(told(world)).toEqual([
      [vmIdOf(1), "off"],
      [vmIdOf(2), "on"],
    ]);
  });

  it("misses a VM that its record has there, room or none, and that was never listed (6)", async () => {
    const world = await aHostWorld();
    await world.reconcile({});
    const vm = { state: "Running", hostId } as const;
    await world.deps.submissions.accept({
      vm: { record: aRecord({ id: vmIdOf(7), vm }) },
      now: T0,
    });
    await world.reconcile({ seq: 2 }, { receivedAt: T0 + 600_000 });
    await world.reconcile({ seq: 3 }, { receivedAt: T0 + 660_000 });
    expect(told(world).at(-1)).toEqual([vmIdOf(7), "missing"]);
  });

  it("comes with the report that ends a host's silence: what nobody could ask it is looked at", async () => {
    const world = await aHostWorld();
    const vms = [listed(1), listed(2)];
    await world.reconcile({ vms });
    world.taken();
    await world.reconcile({ seq: 2, vms }, { returns: true });
    expect(told(world)).toHaveLength(2);
  });

  it("comes with the first complete report after one that could not see everything", async () => {
    const world = await aHostWorld();
    const vms = [listed(1), listed(2)];
    await world.reconcile({ vms });
    await world.reconcile({ seq: 2, vms: [], complete: false });
    world.taken();
    await world.reconcile({ seq: 3, vms });
    expect(told(world)).toHaveLength(2);
    await world.reconcile({ seq: 4, vms });
    expect(told(world)).toEqual([]);
  });

  it("misses a VM that holds room there and was never listed", async () => {
    const world = await aHostWorld();
    await world.reconcile({});
    const held = await reserveAt(world, vmIdOf(7));
    expect(held).toEqual({ status: "held" });
    world.taken();
    await world.reconcile({ seq: 2 }, { receivedAt: T0 + 600_000 });
    await world.reconcile({ seq: 3 }, { receivedAt: T0 + 660_000 });
    expect(told(world).at(-1)).toEqual([vmIdOf(7), "missing"]);
  });

  it("comes with another boot", async () => {
    const world = await aHostWorld();
    await world.reconcile({});
    world.taken();
    await world.reconcile({}, { bootOrdinal: 2, receivedAt: T0 + 1 });
    expect(told(world)).toEqual([[vmIdOf(1), "on"]]);
    expect(heartbeatOf(world)?.applied).toMatchObject({ bootOrdinal: 2, at: T0 + 1 });
  });
});
