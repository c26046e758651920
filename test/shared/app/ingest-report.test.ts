import { describe, expect, it } from "vitest";
import { ingestReport } from "../../../shared/app/ingest-report.ts";
import { joinHost } from "../../../shared/app/join-host.ts";
import { getHost } from "../../../shared/app/read-hosts.ts";
import { reconcileHost } from "../../../shared/app/reconcile-host.ts";
import { renewJoinToken } from "../../../shared/app/register-host.ts";
import type { Report } from "../../../shared/model/agent-protocol.ts";
import { REPORT_VMS_MAX } from "../../../shared/model/agent-protocol.ts";
import { BootId } from "../../../shared/model/ids.ts";
import { AgentReportDetail } from "../../../shared/model/topic.ts";
import { aRecord, T0 } from "../../support/a-record.ts";
import { aHostInSession, aReport, listed, okValue } from "../../support/joined-host.ts";
import { aWorld, counting, type World } from "../../support/memory-world.ts";

/** A host, and what its reports come to. `settle` has the last event worked off. */
async function aReporter(world: World = aWorld()) {
  const caller = await aHostInSession(world);
  const reported = () => world.memory.bus.events.filter(({ family }) => family === "agent.report");
  return {
    ...world,
    caller,
    report: (over: Partial<Report> = {}) =>
      ingestReport(world.deps, { caller, report: aReport(over) }),
    reported,
    settle: async (deps = world.deps) => {
      const last = reported().at(-1);
      await reconcileHost(
        deps,
        AgentReportDetail.parse({ ...last?.detail, topic: last?.topic, id: last?.id }),
      );
    },
  };
}

describe("a report that says something new", () => {
  it("renews the lease and goes on the bus, whole", async () => {
    const { report, reported, deps } = await aReporter();
    expect(okValue(await report())).toEqual({
      leaseUntil: "2027-01-15T08:05:00.000Z",
      nextReportInSeconds: 60,
      now: "2027-01-15T08:00:00.000Z",
    });
    const [event] = reported();
    expect(event).toMatchObject({
      topic: "agent.report.host-a",
      detail: { hostId: "host-a", bootOrdinal: 1, seq: 1, receivedAt: T0 },
    });
    const packed = AgentReportDetail.shape.report.parse(event?.detail["report"]);
    expect(JSON.parse(deps.codec.unpack(packed, 10_000))).toEqual(aReport());
  });

  it.each<readonly [string, Partial<Report>]>([
    ["a power", { vms: [listed(1, { power: "off" })] }],
    ["a detail", { vms: [listed(1, { detail: "x" })] }],
    ["an epoch", { vms: [listed(1, { epoch: 1 })] }],
    ["a VM more", { vms: [listed(1), listed(2)] }],
    ["a VM less", { vms: [] }],
    ["a capacity", { capacity: { cpus: 1, memoryMiB: 1 } }],
    ["being incomplete", { complete: false }],
  ])("does so by %s", async (_name, change) => {
    const { report, reported, settle } = await aReporter();
    okValue(await report());
    await settle();
    okValue(await report({ seq: 2, ...change }));
    expect(reported()).toHaveLength(2);
  });
});

describe("a quiet report", () => {
  it("is one conditional write and nothing else, for 1 VM or 2,000", async () => {
    for (const vmCount of [1, REPORT_VMS_MAX]) {
      const world = await aReporter();
      const vms = Array.from({ length: vmCount }, (_, n) => listed(n));
      okValue(await world.report({ vms }));
      await world.settle();
      const calls = new Map<string, number>();
      const hosts = counting(world.deps.hosts, calls);
      const bus = counting(world.deps.bus, calls);
      const { caller } = world;
      // In another order: an agent's list has none.
      const report = aReport({ seq: 2, vms: vms.toReversed() });
      okValue(await ingestReport({ ...world.deps, hosts, bus }, { caller, report }));
      expect([...calls]).toEqual([["beat", 1]]);
    }
  });

  it("is not the one after a report that was accepted and not worked off (2)", async () => {
    const { report, reported, settle } = await aReporter();
    okValue(await report());
    okValue(await report({ seq: 2 }));
    expect(reported()).toHaveLength(2);
    await settle();
    okValue(await report({ seq: 3 }));
    expect(reported()).toHaveLength(2);
  });

  it("leaves no doubt to the report that says something new after it", async () => {
    const { report, settle, taken, clock, reported } = await aReporter();
    okValue(await report({ vms: [listed(1), listed(2)] }));
    await settle();
    okValue(await report({ seq: 2, vms: [listed(1), listed(2)] }));
    taken();
    clock.at += 60_000;
    okValue(await report({ seq: 3, vms: [listed(1), listed(2, { power: "off" })] }));
    await settle();
    expect(taken()).toMatchObject([{ to: listed(2).vmId }]);
    okValue(await report({ seq: 4, vms: [listed(1), listed(2, { power: "off" })] }));
    expect(reported()).toHaveLength(2);
  });

  it("is not the one that changes back what a dead worker had told (2)", async () => {
    const { report, reported, settle, deps, taken, clock } = await aReporter();
    okValue(await report());
    await settle();
    taken();
    okValue(await report({ seq: 2, vms: [listed(1, { power: "off" })] }));
    const dies = async () => {
      throw new Error("dies");
    };
    const hosts = { ...deps.hosts, writeInventory: dies };
    await expect(settle({ ...deps, hosts })).rejects.toThrow("dies");
    expect(taken()).toMatchObject([{ message: { body: { seq: 2, power: "off" } } }]);
    // The next report is told whole: the worker of the last one is dead by then.
    clock.at += 10_000;
    okValue(await report({ seq: 3 }));
    expect(reported()).toHaveLength(3);
    await settle();
    expect(taken()).toMatchObject([{ message: { body: { seq: 3, power: "on" } } }]);
    okValue(await report({ seq: 4 }));
    expect(reported()).toHaveLength(3);
  });

  it("is not the first of another boot", async () => {
    const world = aWorld();
    const { report, settle, reported, caller, deps } = await aReporter(world);
    okValue(await report());
    await settle();
    const bootId = BootId.parse("boot-0002");
    await deps.hosts.openSession({ ...caller, bootId, agentVersion: "1", now: T0 });
    okValue(await report({ bootId }));
    expect(reported()).toHaveLength(2);
  });

  it("is not the one while an absence is pending", async () => {
    const { report, reported, settle } = await aReporter();
    okValue(await report({ vms: [listed(1), listed(2)] }));
    await settle();
    for (const seq of [2, 3, 4]) {
      okValue(await report({ seq }));
      await settle();
    }
    // Pending at the second, missing at the third, quiet at the fourth.
    expect(reported()).toHaveLength(3);
  });

  it("is not the complete one after an incomplete one that said the same", async () => {
    const { report, reported, settle } = await aReporter();
    okValue(await report({ complete: false }));
    await settle();
    okValue(await report({ seq: 2 }));
    expect(reported()).toHaveLength(2);
  });

  it("is not the one when a resync is due and a record does not have what it says, and after it they are quiet again (3)", async () => {
    const { report, reported, settle, clock } = await aReporter();
    okValue(await report());
    await settle();
    clock.at += 10 * 60_000 - 1;
    okValue(await report({ seq: 2 }));
    expect(reported()).toHaveLength(1);
    clock.at += 1;
    okValue(await report({ seq: 3 }));
    expect(reported()).toHaveLength(2);
    await settle();
    okValue(await report({ seq: 4 }));
    expect(reported()).toHaveLength(2);
  });

  it("is the one when a resync is due and the records have all that it says: two writes and a read (3)", async () => {
    const { report, reported, settle, clock, deps, caller, memory } = await aReporter();
    const vm = { state: "Running", hostId: caller.hostId } as const;
    await deps.submissions.accept({ vm: { record: aRecord({ id: listed(1).vmId, vm }) }, now: T0 });
    okValue(await report());
    await settle();
    clock.at += 10 * 60_000;
    const calls = new Map<string, number>();
    const hosts = counting(deps.hosts, calls);
    const apartments = counting(deps.apartments, calls);
    for (const seq of [2, 3]) {
      const counted = { ...deps, hosts, apartments };
      okValue(await ingestReport(counted, { caller, report: aReport({ seq }) }));
    }
    expect(Object.fromEntries(calls)).toEqual({ beat: 2, atHost: 1, markCompared: 1 });
    expect(reported()).toHaveLength(1);
    const applied = memory.tables.heartbeats.get(caller.hostId)?.applied;
    expect(applied).toMatchObject({ seq: 1, at: clock.at });
  });

  it("leaves no doubt by a resync that found nothing to the report that says something new (3)", async () => {
    const { report, settle, clock, deps, caller, taken } = await aReporter();
    const vms = [listed(1), listed(2)];
    for (const { vmId: id } of vms) {
      const vm = { state: "Running", hostId: caller.hostId } as const;
      await deps.submissions.accept({ vm: { record: aRecord({ id, vm }) }, now: T0 });
    }
    okValue(await report({ vms }));
    await settle();
    taken();
    clock.at += 10 * 60_000;
    okValue(await report({ seq: 2, vms }));
    clock.at += 60_000;
    okValue(await report({ seq: 3, vms: [listed(1), listed(2, { power: "off" })] }));
    await settle();
    expect(taken()).toMatchObject([{ to: listed(2).vmId }]);
  });

  it("comes to a resync though something changes all the time", async () => {
    const { report, settle, clock, taken } = await aReporter();
    let passedOn = 0;
    for (let seq = 1; seq <= 22; seq += 1) {
      okValue(await report({ seq, vms: [listed(1, { epoch: seq }), listed(2)] }));
      await settle();
      passedOn += taken().filter(({ to }) => to === listed(2).vmId).length;
      clock.at += 60_000;
    }
    // At the beginning, and after ten and twenty minutes.
    expect(passedOn).toBe(3);
  });
});

describe("a report that is not to be believed (1)", () => {
  it("changes nothing when it is replayed, and hears the lease as it stands", async () => {
    const { report, reported, clock, deps, caller } = await aReporter();
    okValue(await report({ seq: 5 }));
    const before = await deps.hosts.read(caller.hostId);
    clock.at += 1000;
    for (const seq of [5, 4]) {
      const answer = okValue(await report({ seq, vms: [] }));
      expect(answer).toMatchObject({
        leaseUntil: "2027-01-15T08:05:00.000Z",
        now: "2027-01-15T08:00:01.000Z",
      });
    }
    expect(await deps.hosts.read(caller.hostId)).toEqual(before);
    expect(reported()).toHaveLength(1);
  });

  it("is refused in another boot than the session's, and changes nothing", async () => {
    const { report, reported, deps, caller } = await aReporter();
    const before = await deps.hosts.read(caller.hostId);
    const answer = await report({ bootId: BootId.parse("boot-0002"), seq: 9 });
    expect(answer).toMatchObject({ ok: false, code: "stale_boot" });
    expect(await deps.hosts.read(caller.hostId)).toEqual(before);
    expect(reported()).toEqual([]);
  });

  it("is refused when the key has been replaced, and changes nothing", async () => {
    const { report, reported, deps, caller } = await aReporter();
    const { hostId } = caller;
    const { joinToken } = okValue(await renewJoinToken(deps, { hostId }));
    okValue(await joinHost(deps, { hostId, joinToken, publicKey: `${"A".repeat(43)}=` }));
    expect(await report()).toMatchObject({ ok: false, code: "unauthenticated" });
    expect(reported()).toEqual([]);
  });

  it("is refused whole when it would not fit an event, before it is heard", async () => {
    const { deps, caller, reported } = await aReporter();
    // A codec that packs nothing: what cannot be packed small enough.
    const codec = { ...deps.codec, pack: (text: string) => text };
    const before = await deps.hosts.read(caller.hostId);
    const vms = Array.from({ length: REPORT_VMS_MAX }, (_, n) =>
      listed(n, { name: "x".repeat(64) }),
    );
    const answer = await ingestReport({ ...deps, codec }, { caller, report: aReport({ vms }) });
    expect(answer).toMatchObject({ ok: false, code: "payload_too_large" });
    expect(await deps.hosts.read(caller.hostId)).toEqual(before);
    expect(reported()).toEqual([]);
  });

  it("fits an event with 2,000 VMs whose names nothing can shorten", async () => {
    const { report, reported, deps } = await aReporter();
    const vms = Array.from({ length: REPORT_VMS_MAX }, (_, n) =>
      listed(n, { name: deps.names.secret(), detail: "running (migrated)", epoch: n }),
    );
    okValue(await report({ vms }));
    expect(JSON.stringify(reported()[0]).length).toBeLessThan(256 * 1024);
  });
});

describe("what is not as it should be", () => {
  it("is counted: reports replayed, of another boot, and not complete", async () => {
    const { report, memory } = await aReporter();
    okValue(await report({ seq: 5, complete: false, reason: "libvirt is away" }));
    okValue(await report({ seq: 4 }));
    await report({ seq: 6, bootId: BootId.parse("boot-0002") });
    expect(Object.fromEntries(memory.telemetry.counts)).toMatchObject({
      ...{ reportsIncomplete: 1, reportsReplayed: 1, reportsOfAnotherBoot: 1 },
    });
  });

  it("tells a hypervisor that is not seen from a host that is not heard", async () => {
    const { report, deps, caller, clock } = await aReporter();
    okValue(await report());
    clock.at += 60_000;
    okValue(await report({ seq: 2, complete: false, vms: [], reason: "libvirt is away" }));
    const host = okValue(await getHost(deps, caller));
    expect(host).toMatchObject({
      ...{ state: "Up", blindReason: "libvirt is away" },
      blindSince: new Date(clock.at).toISOString(),
    });
    okValue(await report({ seq: 3 }));
    expect(okValue(await getHost(deps, caller)).blindSince).toBeUndefined();
  });
});

describe("a host that had fallen silent", () => {
  it("is Up again by its next report, and that is told", async () => {
    const world = aWorld();
    const { report, caller, deps, memory, clock } = await aReporter(world);
    okValue(await report());
    const { hostId } = caller;
    await deps.hosts.markSilent({ hostId, lastReportAt: clock.at, state: "Disconnected" });
    okValue(await report({ seq: 2 }));
    const row = await deps.hosts.read(hostId);
    expect(row?.host.state).toBe("Up");
    expect(row?.heartbeat?.silent).toBeUndefined();
    const told = memory.bus.events.filter(({ family }) => family === "host.state");
    expect(told.at(-1)).toMatchObject({ detail: { hostId, to: "Up" } });
  });

  it("is not quiet, though it says the same as before: its VMs are looked at", async () => {
    const world = aWorld();
    const { report, caller, deps, clock, reported, settle } = await aReporter(world);
    okValue(await report());
    await settle();
    await deps.hosts.markSilent({
      hostId: caller.hostId,
      lastReportAt: clock.at,
      state: "Disconnected",
    });
    okValue(await report({ seq: 2 }));
    expect(reported()).toHaveLength(2);
    expect(reported().at(-1)?.detail).toMatchObject({ seq: 2, returns: true });
    await settle();
    okValue(await report({ seq: 3 }));
    expect(reported()).toHaveLength(2);
  });
});
