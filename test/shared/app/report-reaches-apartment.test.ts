/**
 * Nothing is lost between an accepted report and the apartments: each call on the way fails once, before it took effect and
 * after, and what is repaired by a retry or a redrive arrives without another report of the host.
 */
import { describe, expect, it } from "vitest";
import { ingestReport } from "../../../shared/app/ingest-report.ts";
import { reconcileHost } from "../../../shared/app/reconcile-host.ts";
import { redriveReport } from "../../../shared/app/redrive-report.ts";
import { takeTurns } from "../../../shared/app/take-turns.ts";
import { ReportEvent } from "../../../shared/model/topic.ts";
import { aRecord, hostId, T0 } from "../../support/a-record.ts";
import { type Cut, CutError, cutOnce } from "../../support/cut-once.ts";
import {
  aHostInSession,
  aReport,
  type JoinedHost,
  listed,
  okValue,
  vmIdOf,
} from "../../support/joined-host.ts";
import { aWorld, type World } from "../../support/memory-world.ts";

type Deps = World["deps"];
const vmId = vmIdOf(1);
const report = aReport({ vms: [listed(1, { power: "off", detail: "shut off" })] });

async function aReportedVm(): Promise<{ readonly world: World; readonly host: JoinedHost }> {
  const world = aWorld();
  const record = aRecord({ id: vmId, vm: { state: "Running", hostId } });
  await world.deps.submissions.accept({ vm: { record }, now: T0 });
  return { world, host: await aHostInSession(world) };
}
const seen = async ({ deps }: World) =>
  (await deps.apartments.read(vmId))?.observations[hostId]?.power;

/** The report's event as its rule hands it over. */
function handedOver({ memory }: World): unknown {
  const event = memory.bus.events.find(({ family }) => family === "agent.report");
  if (event === undefined) throw new Error("the report is not on the bus");
  const { topic, id, detail } = event;
  return JSON.parse(JSON.stringify({ detail: { ...detail, topic, id } }));
}

/** Takes the turns of all that waits; what failed is handed over again. */
async function turns(world: World, deps: Deps = world.deps): Promise<void> {
  for (let messages = world.taken(); messages.length > 0; messages = world.taken()) {
    const deliveries = messages.map(({ to, message }, n) => ({
      messageId: `m${n}`,
      group: to,
      sequence: String(n + 1),
      receiptHandle: `h${n}`,
      receiveCount: 1,
      content: { ok: true as const, message },
    }));
    const failed = await takeTurns(deps, deliveries);
    const again = deliveries.filter(({ messageId }) => failed.includes(messageId));
    if (again.length > 0) expect(await takeTurns(world.deps, again)).toEqual([]);
  }
}

/** Cuts one call after the other, before and after its effect, until a run has no more of them. */
async function cutEach(
  run: (cut: (deps: Deps) => Deps) => Promise<void>,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const when of ["before", "after"] as const)
    for (let call = 0; ; call += 1) {
      const at: Cut = { call, when };
      let name: () => string | undefined = () => undefined;
      await run((deps) => {
        const made = cutOnce(deps, at);
        name = made.name;
        return made.deps;
      });
      const cut = name();
      if (cut === undefined) break;
      names.push(cut);
    }
  return names;
}

describe("an observation reaches its apartment", () => {
  it("when nothing fails", async () => {
    const { world, host } = await aReportedVm();
    okValue(await ingestReport(world.deps, { caller: host, report }));
    await reconcileHost(world.deps, ReportEvent.parse(handedOver(world)).detail);
    await turns(world);
    expect(await seen(world)).toBe("off");
  });

  it("with the host's next report, when taking this one failed anywhere, the bus among it", async () => {
    const cuts = await cutEach(async (cut) => {
      const { world, host } = await aReportedVm();
      const take = ingestReport(cut(world.deps), { caller: host, report });
      await take.catch((error: unknown) => expect(error).toBeInstanceOf(CutError));
      okValue(await ingestReport(world.deps, { caller: host, report: { ...report, seq: 2 } }));
      for (const event of world.memory.bus.events)
        if (event.family === "agent.report")
          await reconcileHost(
            world.deps,
            ReportEvent.parse(JSON.parse(JSON.stringify({ detail: { ...event.detail, ...event } })))
              .detail,
          );
      await turns(world);
      expect(await seen(world)).toBe("off");
    });
    expect(new Set(cuts)).toEqual(new Set(["hosts.beat", "bus.put"]));
  });

  it("when working it off dies at any call, and Lambda tries again", async () => {
    const cuts = await cutEach(async (cut) => {
      const { world, host } = await aReportedVm();
      okValue(await ingestReport(world.deps, { caller: host, report }));
      const { detail } = ReportEvent.parse(handedOver(world));
      await reconcileHost(cut(world.deps), detail).catch(() => reconcileHost(world.deps, detail));
      await turns(world);
      expect(await seen(world)).toBe("off");
    });
    expect(cuts).toContain("apartmentQueue.send");
    expect(cuts).toContain("hosts.writeInventory");
  });

  it.each([
    ["the rule cannot hand it over", (event: unknown) => event],
    [
      "every try of the function fails",
      (event: unknown) => ({
        version: "1.0",
        requestContext: { condition: "RetriesExhausted", approximateInvokeCount: 3 },
        requestPayload: event,
        responsePayload: { errorType: "Error", errorMessage: "throttled" },
      }),
    ],
  ])("when %s, by its redrive, which may die at any call too", async (_, kept) => {
    await cutEach(async (cut) => {
      const { world, host } = await aReportedVm();
      okValue(await ingestReport(world.deps, { caller: host, report }));
      const body = JSON.stringify(kept(handedOver(world)));
      await redriveReport(cut(world.deps), body).catch(() => redriveReport(world.deps, body));
      await turns(world);
      expect(await seen(world)).toBe("off");
    });
  });

  it("when its turn dies at any call, and its message is handed over again", async () => {
    const cuts = await cutEach(async (cut) => {
      const { world, host } = await aReportedVm();
      okValue(await ingestReport(world.deps, { caller: host, report }));
      await reconcileHost(world.deps, ReportEvent.parse(handedOver(world)).detail);
      await turns(world, cut(world.deps));
      expect(await seen(world)).toBe("off");
    });
    expect(cuts).toContain("apartments.load");
    expect(cuts).toContain("apartments.commit");
    expect(cuts).toContain("bus.put");
  });

  it("once, when a redrive comes after the host said something newer", async () => {
    const { world, host } = await aReportedVm();
    okValue(await ingestReport(world.deps, { caller: host, report }));
    const late = JSON.stringify(handedOver(world));
    const newer = aReport({ seq: 2, vms: [listed(1, { power: "on" })] });
    okValue(await ingestReport(world.deps, { caller: host, report: newer }));
    const event = world.memory.bus.events.filter(({ family }) => family === "agent.report").at(-1);
    const handed = JSON.parse(JSON.stringify({ detail: { ...event?.detail, ...event } }));
    await reconcileHost(world.deps, ReportEvent.parse(handed).detail);
    await redriveReport(world.deps, late);
    await turns(world);
    expect(await seen(world)).toBe("on");
  });
});
