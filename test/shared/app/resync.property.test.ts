/** A resync repairs whatever lasts: records that lost what their host said, or are wrong, or not to be found at it (ADR 22). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ingestReport } from "../../../shared/app/ingest-report.ts";
import { reconcileHost } from "../../../shared/app/reconcile-host.ts";
import { takeTurns } from "../../../shared/app/take-turns.ts";
import { disagreement } from "../../../shared/core/agreement.ts";
import type { ReportedVm } from "../../../shared/model/agent-protocol.ts";
import type { ApartmentRecord } from "../../../shared/model/apartment-record.ts";
import { Power, ReportedPower } from "../../../shared/model/power.ts";
import { AgentReportDetail } from "../../../shared/model/topic.ts";
import { VmState } from "../../../shared/model/vm.ts";
import { aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";
import { aHostInSession, aReport, listed, okValue, vmIdOf } from "../../support/joined-host.ts";
import { aWorld, type World } from "../../support/memory-world.ts";

/** The resync, and what the grace of an absence takes. */
const REPORTS = 3;

const aVm = fc.record({
  /** What its host lists; `null`: not at all. */
  power: fc.constantFrom(null, ...ReportedPower.options),
  state: fc.constantFrom(...VmState.options),
  at: fc.constantFrom(undefined, hostId, otherHostId),
  lastAt: fc.constantFrom(undefined, hostId, otherHostId),
  /** What its record has heard of this host, in this boot or an older one. */
  heard: fc.constantFrom(undefined, ...Power.options),
  bootOrdinal: fc.constantFrom(0, 1),
});
type Drawn = typeof aVm extends fc.Arbitrary<infer T> ? T : never;

/** As no turn leaves one: nothing is due in it. */
function recordOf({ state, at, lastAt, heard, bootOrdinal }: Drawn, n: number): ApartmentRecord {
  const record = aRecord({
    id: vmIdOf(n),
    vm: { state, hostId: at, lastHostId: lastAt },
    observations:
      heard === undefined
        ? {}
        : { [hostId]: { bootOrdinal, seq: 0, power: heard, receivedAt: T0 } },
  });
  const { recheck: _, observations, ...rest } = record;
  return { ...rest, observations: heard === undefined ? {} : observations };
}

/** Takes what waits for the apartments to them, until nothing does. */
async function takeAll({ deps, taken }: World): Promise<void> {
  for (let messages = taken(); messages.length > 0; messages = taken()) {
    const deliveries = messages.map(({ to, message }, n) => ({
      ...{ messageId: `m${n}`, receiptHandle: `h${n}`, receiveCount: 1 },
      ...{ group: to, sequence: String(n + 1), content: { ok: true as const, message } },
    }));
    expect(await takeTurns(deps, deliveries)).toEqual([]);
  }
}

/** A host that says the same all the time; what its first report told is lost on the way. */
async function afterResync(vms: readonly Drawn[]): Promise<readonly ApartmentRecord[]> {
  const world = aWorld();
  const { deps, memory, clock } = world;
  const caller = await aHostInSession(world);
  const said = vms.flatMap(({ power }, n): ReportedVm[] =>
    power === null ? [] : [listed(n, { power })],
  );
  const reportedBefore = () => memory.bus.events.filter(({ family }) => family === "agent.report");
  const report = async (seq: number) => {
    const before = reportedBefore().length;
    okValue(await ingestReport(deps, { caller, report: aReport({ seq, vms: said }) }));
    for (const { topic, id, detail } of reportedBefore().slice(before))
      await reconcileHost(deps, AgentReportDetail.parse({ ...detail, topic, id }));
  };
  await report(1);
  world.taken();
  for (const [n, vm] of vms.entries()) memory.tables.apartments.put(vmIdOf(n), recordOf(vm, n));
  clock.at += 10 * 60_000;
  for (let seq = 2; seq < 2 + REPORTS; seq += 1) {
    await report(seq);
    await takeAll(world);
    clock.at += 60_000;
  }
  return vms.flatMap((_, n) => memory.tables.apartments.get(vmIdOf(n)) ?? []);
}

describe("a resync", () => {
  it("leaves no record without the host's word, nor one that disagrees with it and is not looked at", async () => {
    const drawn = fc.array(aVm, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(drawn, async (vms) => {
        const records = await afterResync(vms);
        expect(records).toHaveLength(vms.length);
        for (const [n, record] of records.entries()) {
          const { power, at, heard } = vms[n] ?? {};
          const isHere = at === hostId || (at === undefined && vms[n]?.lastAt === hostId);
          const claimed = heard === "on" || heard === "paused" || heard === "unknown";
          if (power !== null && power !== undefined)
            expect(record.observations[hostId]?.power).toBe(power);
          else if (at === hostId || (isHere && claimed))
            expect(record.observations[hostId]?.power).toBe("missing");
          else continue;
          const looks = record.active !== undefined || record.recheck !== undefined;
          if (!looks) expect(disagreement(record)).toBeUndefined();
        }
      }),
      { numRuns: 500 },
    );
  });
});
