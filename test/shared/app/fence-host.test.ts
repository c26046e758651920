import { describe, expect, it } from "vitest";
import { vouchFenced } from "../../../shared/app/fence-host.ts";
import { ingestReport } from "../../../shared/app/ingest-report.ts";
import { ingestResults } from "../../../shared/app/ingest-results.ts";
import { openSession } from "../../../shared/app/open-session.ts";
import { reconcileHost } from "../../../shared/app/reconcile-host.ts";
import { registerHost } from "../../../shared/app/register-host.ts";
import { removeHost } from "../../../shared/app/remove-host.ts";
import { watchHosts } from "../../../shared/app/watch-hosts.ts";
import type { Report } from "../../../shared/model/agent-protocol.ts";
import { BootId, HostId } from "../../../shared/model/ids.ts";
import { AgentReportDetail } from "../../../shared/model/topic.ts";
import { bootId, hostId, jobIdOf, T0 } from "../../support/a-record.ts";
import {
  aHostInSession,
  aJoinedHost,
  aReport,
  okValue,
  vmIdOf,
} from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const nextBoot = BootId.parse("boot-0002");

async function aFencedWorld() {
  const world = aWorld();
  const { deps, memory } = world;
  const caller = await aHostInSession(world);
  const row = async () => {
    const read = await deps.hosts.read(hostId);
    if (read === undefined) throw new Error("no host");
    return read;
  };
  const session = async (boot: BootId) =>
    okValue(await openSession(deps, { caller, bootId: boot, agentVersion: "1" }));
  const report = (over: Partial<Report> = {}) =>
    ingestReport(deps, { caller, report: aReport({ bootId: nextBoot, ...over }) });
  const workOff = async (over = {}) => {
    const { topic, id, detail } = memory.bus.events.at(-1) ?? {};
    const event = AgentReportDetail.parse({ ...detail, topic, id });
    await reconcileHost({ ...deps, ...over }, event);
  };
  return {
    ...world,
    caller,
    row,
    session,
    report,
    workOff,
    fence: () => vouchFenced(deps, { hostId }),
  };
}
const told = (world: { taken: ReturnType<typeof aWorld>["taken"] }) =>
  world.taken().map(({ to, message }) => [to, message.body.kind]);

describe("a host that somebody vouches to be off", () => {
  it("is Fenced, and its VMs are told so, in an order above all that it had said", async () => {
    const world = await aFencedWorld();
    await world.report({ bootId });
    await world.workOff();
    world.taken();
    expect(okValue(await world.fence())).toMatchObject({ id: "host-a", state: "Fenced" });
    expect(world.taken()).toEqual([
      {
        to: vmIdOf(1),
        message: {
          v: 1,
          logicalId: "fenced:host-a:2",
          body: { kind: "host-fenced", hostId, bootOrdinal: 2, scope: "all", at: T0 },
        },
      },
    ]);
    expect(world.memory.bus.events.at(-1)).toMatchObject({
      topic: "host.state.host-a",
      detail: { from: "Up", to: "Fenced", fence: "all" },
    });
  });

  it("is fenced once, however often that is said", async () => {
    const world = await aFencedWorld();
    okValue(await world.fence());
    const before = await world.row();
    okValue(await world.fence());
    expect(await world.row()).toEqual(before);
  });

  it("is fenced anew when it has come back since, and is vouched for again", async () => {
    const world = await aFencedWorld();
    okValue(await world.fence());
    await world.session(nextBoot);
    okValue(await world.fence());
    expect(await world.report()).toMatchObject({ ok: false, code: "stale_boot" });
    expect((await world.row()).host.bootId).toBeUndefined();
  });

  it("has nothing more to say: reports and results of its boot are refused", async () => {
    const world = await aFencedWorld();
    okValue(await world.fence());
    const stale = { ok: false, code: "stale_boot" };
    expect(await world.report({ bootId })).toMatchObject(stale);
    const { caller, deps } = world;
    const results = [
      { seq: 9, commandId: "c" as never, vmId: vmIdOf(1), epoch: 1, status: "done" as const },
    ];
    expect(await ingestResults(deps, { caller, bootId, results })).toMatchObject(stale);
  });

  it("has its VMs told by the sweeper, if whoever fenced it died before", async () => {
    const world = await aFencedWorld();
    await world.report({ bootId });
    await world.workOff();
    world.taken();
    const send = async () => {
      throw new Error("dies");
    };
    const dying = { ...world.deps, apartmentQueue: { send } };
    await expect(vouchFenced(dying, { hostId })).rejects.toThrow("dies");
    expect((await world.row()).host.state).toBe("Fenced");
    await watchHosts(world.deps);
    expect(told(world)).toEqual([[vmIdOf(1), "host-fenced"]]);
  });

  it("has its incident of being down resolved", async () => {
    const world = await aFencedWorld();
    world.clock.at += 600_000;
    await watchHosts(world.deps);
    expect(world.memory.tables.incidents.all()).toMatchObject([{ kind: "host_down" }]);
    okValue(await world.fence());
    expect(world.memory.tables.incidents.all()[0]?.resolvedAt).toBe(world.clock.at);
  });

  it("must be one that has joined", async () => {
    const world = aWorld();
    const id = HostId.parse("new");
    expect(await vouchFenced(world.deps, { hostId: id })).toMatchObject({ code: "host_not_found" });
    okValue(await registerHost(world.deps, { id }));
    expect(await vouchFenced(world.deps, { hostId: id })).toMatchObject({ code: "host_not_up" });
  });
});

describe("a fenced host that comes back", () => {
  it("gets a queue of its own, so that nothing sent before is ever done", async () => {
    const world = await aFencedWorld();
    const first = (await world.row()).host.queueUrl ?? "";
    const command = { vmId: vmIdOf(1), commandId: "c" } as never;
    await world.deps.commandQueues.send(first, command);
    okValue(await world.fence());
    const { commandQueueUrl, bootOrdinal } = await world.session(nextBoot);
    expect(commandQueueUrl).not.toBe(first);
    expect(bootOrdinal).toBe(3);
    expect((await world.row()).host).toMatchObject({
      ...{ queueUrl: commandQueueUrl, queueGeneration: 2, state: "Fenced" },
    });
    expect(await world.deps.commandQueues.send(first, command)).toBe("queue_gone");
    expect((await world.session(nextBoot)).commandQueueUrl).toBe(commandQueueUrl);
  });

  it("is Up when its first whole report was worked off, and not before", async () => {
    const world = await aFencedWorld();
    okValue(await world.fence());
    await world.session(nextBoot);
    okValue(await world.report());
    expect((await world.row()).host.state).toBe("Fenced");
    expect(await world.deps.placement.candidates(9)).toEqual([]);
    await world.workOff();
    expect((await world.row()).host).toMatchObject({ state: "Up", bootOrdinal: 3 });
    expect((await world.row()).host.fence).toBeUndefined();
    expect(told(world)).toEqual([[vmIdOf(1), "observed"]]);
    expect(await world.deps.placement.candidates(9)).toHaveLength(1);
    const states = world.memory.bus.events.filter(({ family }) => family === "host.state");
    expect(states.at(-1)?.detail).toMatchObject({ from: "Fenced", to: "Up" });
  });

  it("is not Up by a report that is not complete", async () => {
    const world = await aFencedWorld();
    okValue(await world.fence());
    await world.session(nextBoot);
    okValue(await world.report({ complete: false, vms: [] }));
    await world.workOff();
    expect((await world.row()).host.state).toBe("Fenced");
  });

  it("goes on being compared until it is Up, whoever dies in between", async () => {
    const world = await aFencedWorld();
    okValue(await world.fence());
    await world.session(nextBoot);
    okValue(await world.report());
    const hosts = {
      ...world.deps.hosts,
      markReturned: async () => {
        throw new Error("dies");
      },
    };
    await expect(world.workOff({ hosts })).rejects.toThrow("dies");
    expect((await world.row()).host.state).toBe("Fenced");
    okValue(await world.report({ seq: 2 })); // says the same, and is not quiet
    await world.workOff();
    expect((await world.row()).host.state).toBe("Up");
  });

  it("is Up only after its VMs were told of the fence", async () => {
    const world = await aFencedWorld();
    await world.report({ bootId });
    await world.workOff();
    world.taken();
    const send = async () => {
      throw new Error("dies");
    };
    const dying = { ...world.deps, apartmentQueue: { send } };
    await expect(vouchFenced(dying, { hostId })).rejects.toThrow("dies");
    await world.session(nextBoot);
    okValue(await world.report({ vms: [] }));
    await world.workOff();
    expect(told(world)).toEqual([[vmIdOf(1), "host-fenced"]]);
    expect((await world.row()).host.state).toBe("Up");
  });
});

describe("forgetting a host", () => {
  it("takes its queue and its own incidents with it", async () => {
    const world = await aFencedWorld();
    world.clock.at += 600_000;
    await watchHosts(world.deps);
    const queueUrl = (await world.row()).host.queueUrl ?? "";
    okValue(await removeHost(world.deps, { hostId }));
    expect(await world.deps.hosts.read(hostId)).toBeUndefined();
    expect(await world.deps.commandQueues.send(queueUrl, { vmId: vmIdOf(1) } as never)).toBe(
      "queue_gone",
    );
    expect(world.memory.tables.incidents.all()[0]?.resolvedAt).toBe(world.clock.at);
    expect(await world.report({ bootId })).toMatchObject({ ok: false, code: "unauthenticated" });
    expect(await removeHost(world.deps, { hostId })).toMatchObject({ code: "host_not_found" });
  });

  it("is refused while a VM holds room there", async () => {
    const world = aWorld();
    await aHostInSession(world);
    await world.deps.placement.reserve({
      ...{ kind: "reserve", hostId, vmId: vmIdOf(2), jobId: jobIdOf(1), revision: 1, attempt: 1 },
      ...{
        need: { cpus: 1, memoryMiB: 1 },
        labels: {},
        boot: { bootId, bootOrdinal: 1, queueUrl: "q" },
      },
    });
    expect(await removeHost(world.deps, { hostId })).toMatchObject({ code: "host_not_empty" });
  });

  it("leaves its name to another", async () => {
    const world = await aFencedWorld();
    await world.report({ bootId });
    await world.workOff();
    okValue(await removeHost(world.deps, { hostId }));
    world.taken();
    world.clock.at += 61_000; // a queue's name is free a minute after it
    const caller = await aJoinedHost(world);
    okValue(await openSession(world.deps, { caller, bootId, agentVersion: "1" }));
    okValue(await ingestReport(world.deps, { caller, report: aReport() }));
    await world.workOff();
    expect(world.taken()).toMatchObject([
      { to: vmIdOf(1), message: { body: { kind: "observed", bootOrdinal: 2 } } },
    ]);
  });
});
