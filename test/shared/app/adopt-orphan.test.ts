import { describe, expect, it } from "vitest";
import { adoptOrphan, listOrphans } from "../../../shared/app/adopt-orphan.ts";
import { ingestReport } from "../../../shared/app/ingest-report.ts";
import { ingestResults } from "../../../shared/app/ingest-results.ts";
import { reconcileHost } from "../../../shared/app/reconcile-host.ts";
import { type Delivery, takeTurns } from "../../../shared/app/take-turns.ts";
import { CommandResult } from "../../../shared/model/agent-protocol.ts";
import type { Command } from "../../../shared/model/command.ts";
import { AccountId, type VmId } from "../../../shared/model/ids.ts";
import { AgentReportDetail } from "../../../shared/model/topic.ts";
import type { AdoptRequest } from "../../../shared/model/user-api.ts";
import { bootId, hostId, T0 } from "../../support/a-record.ts";
import { aHostInSession, aReport, listed, okValue, vmIdOf } from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const vmId = vmIdOf(1);
const caller = { account: AccountId.parse("ops"), role: "admin" } as const;
const page = { limit: 50 };
const ask = { caller, hostId, requestHash: "h1" };
const description = { cpus: 2, memoryMiB: 512, domainXml: "<domain>found</domain>" };

/** `host-a` with an orphan; its agent answers a question as the test says. */
async function anOrphan(said: Partial<CommandResult> | "silent" = {}) {
  const world = aWorld();
  const identity = await aHostInSession(world);
  const asked: Command[] = [];
  const commandQueues = {
    ...world.deps.commandQueues,
    send: async (_: string, command: Command) => {
      asked.push(command);
      if (said === "silent") return "sent" as const;
      const { commandId, epoch } = command;
      const result = {
        seq: 40,
        commandId,
        vmId,
        epoch,
        status: "done",
        power: "on",
        description,
        ...said,
      };
      const results = [CommandResult.parse(result)];
      okValue(await ingestResults(world.deps, { caller: identity, bootId, results }));
      return "sent" as const;
    },
  };
  const deps = { ...world.deps, commandQueues };
  const work = async (over: Parameters<typeof aReport>[0]) => {
    okValue(await ingestReport(deps, { caller: identity, report: aReport(over) }));
    const event = world.memory.bus.events.filter(({ family }) => family === "agent.report").at(-1);
    const { topic, id, detail } = event ?? {};
    await reconcileHost(deps, AgentReportDetail.parse({ ...detail, topic, id }));
    await turn();
  };
  const turn = async () => {
    const deliveries = world.taken().map(
      ({ to, message }, index): Delivery => ({
        ...{ messageId: `m-${index}`, group: to, sequence: `${index}`, receiptHandle: "r" },
        ...{ receiveCount: 1, content: { ok: true, message } },
      }),
    );
    await takeTurns(deps, deliveries);
  };
  await work({ vms: [listed(1, { epoch: 7, detail: "running (booted)" })] });
  const adopt = (wish: AdoptRequest = {}, id: VmId = vmId, key?: string) =>
    adoptOrphan(deps, { ...ask, vmId: id, wish, idempotencyKey: key });
  return { ...world, deps, work, turn, adopt, asked };
}

describe("a VM that no record knows", () => {
  it("is listed at its host while it has it, and nothing is done to it", async () => {
    const { deps, work, asked } = await anOrphan();
    const orphans = async () => okValue(await listOrphans(deps, { hostId, page })).items;
    const foundAt = new Date(T0).toISOString();
    const detail = "running (booted)";
    expect(await orphans()).toEqual([{ vmId, hostId, power: "on", detail, foundAt }]);
    expect(asked).toEqual([]);
    await work({ seq: 2, vms: [] });
    await work({ seq: 3, vms: [] });
    expect(await orphans()).toEqual([]);
  });

  it("is adopted as it is: its size, its domain, its power and its room", async () => {
    const { deps, adopt, asked, memory } = await anOrphan();
    const vm = okValue(await adopt({ name: "found" }));
    expect(vm).toMatchObject({
      ...{ id: vmId, name: "found", account: "ops", state: "Running", hostId },
      ...{ spec: description, haEnabled: false, power: { state: "on", hostId } },
    });
    expect(asked).toMatchObject([{ verb: "probe", args: { describe: true }, epoch: 7, bootId }]);
    expect(await deps.placement.holders(hostId)).toEqual([vmId]);
    expect((await deps.hosts.read(hostId))?.host.reserved).toEqual({ cpus: 2, memoryMiB: 512 });
    expect(memory.tables.incidents.all()).toMatchObject([{ kind: "orphan", resolvedAt: T0 }]);
    // What is sent to it from now on its agent has not seen the like of.
    expect((await deps.apartments.read(vmId))?.epoch).toBe(8);
  });

  it.each([
    ["paused", "Suspended", true],
    ["off", "Stopped", false],
    ["crashed", "Stopped", false],
  ] as const)("that is %s is adopted %s", async (power, state, holds) => {
    const { deps, adopt } = await anOrphan({ power });
    expect(okValue(await adopt({ account: AccountId.parse("acme") }))).toMatchObject({
      ...{ state, account: "acme", name: "orphan-22222222" },
    });
    expect(await deps.placement.holders(hostId)).toEqual(holds ? [vmId] : []);
  });

  it("is observed like any other from then on", async () => {
    const { deps, adopt, work } = await anOrphan();
    okValue(await adopt());
    await work({ seq: 50, vms: [listed(1, { epoch: 7, power: "paused" })] });
    expect((await deps.apartments.read(vmId))?.observations[hostId]).toMatchObject({
      power: "paused",
    });
  });

  it.each<[string, Partial<CommandResult> | "silent", string]>([
    ["its host does not answer", "silent", "unavailable"],
    [
      "its host does not know it any more",
      { description: undefined, code: "not_found" },
      "vm_not_found",
    ],
    [
      "its agent cannot describe it",
      { description: undefined, status: "failed", code: "unsupported" },
      "vm_not_found",
    ],
  ])("is left alone where %s", async (_, said, code) => {
    const { deps, adopt } = await anOrphan(said);
    expect(await adopt()).toMatchObject({ ok: false, code });
    expect(await deps.apartments.read(vmId)).toBeUndefined();
    expect(okValue(await listOrphans(deps, { hostId, page })).items).toHaveLength(1);
  });

  it("is adopted once; and nothing is that the host does not list", async () => {
    const { adopt } = await anOrphan();
    okValue(await adopt());
    expect(await adopt()).toMatchObject({ code: "vm_exists" });
    expect(await adopt({}, vmIdOf(9))).toMatchObject({ code: "vm_not_found" });
  });

  it("is answered to the key that adopted it, whatever has become of it, and to no other request", async () => {
    const { deps, adopt, asked } = await anOrphan();
    const adopted = okValue(await adopt({ name: "found" }, vmId, "k-1"));
    await deps.hosts.setMaintenance(hostId, "enabled");
    expect(okValue(await adopt({ name: "found" }, vmId, "k-1"))).toEqual(adopted);
    expect(asked).toHaveLength(1);
    expect(await adopt({}, vmId, "k-2")).toMatchObject({ code: "vm_exists" });
    const other = { ...ask, vmId, wish: {}, idempotencyKey: "k-1", requestHash: "h2" };
    expect(await adoptOrphan(deps, other)).toMatchObject({ code: "idempotency_conflict" });
  });

  it("of whom two ask at once with one key is adopted once, and answered to both", async () => {
    const { deps, memory } = await anOrphan();
    const { submissions } = deps;
    const accept: typeof submissions.accept = async (submission) => {
      expect(await submissions.accept(submission)).toEqual({ status: "accepted" }); // the other
      return submissions.accept(submission);
    };
    const second = { ...deps, submissions: { ...submissions, accept } };
    const request = { ...ask, vmId, wish: {}, idempotencyKey: "k-1" };
    expect(okValue(await adoptOrphan(second, request)).id).toBe(vmId);
    expect(memory.tables.apartments.all()).toHaveLength(1);
  });

  it("holds its room also if whoever adopted it died before that was sent", async () => {
    const { deps, adopt, clock, turn } = await anOrphan();
    const reserve = async () => {
      throw new Error("dies");
    };
    const dying = { ...deps, placement: { ...deps.placement, reserve } };
    await expect(adoptOrphan(dying, { ...ask, vmId, wish: {} })).rejects.toThrow();
    expect(await deps.placement.holders(hostId)).toEqual([]);
    clock.at += 10_000;
    const [due] = await deps.apartments.due({ before: clock.at, limit: 9 });
    const dueAt = due?.wakeAt ?? 0;
    await deps.apartmentQueue.send([
      { to: vmId, message: { v: 1, logicalId: "wake" as never, body: { kind: "wake", dueAt } } },
    ]);
    await turn();
    expect(await deps.placement.holders(hostId)).toEqual([vmId]);
    expect(await adopt()).toMatchObject({ code: "vm_exists" });
    expect(okValue(await listOrphans(deps, { hostId, page })).items).toEqual([]);
  });
});
