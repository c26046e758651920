import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  correctOvertaken,
  diffInventory,
  type InventoryDiff,
} from "../../../shared/core/diff-inventory.ts";
import type { ReportedVm } from "../../../shared/model/agent-protocol.ts";
import { listed, vmIdOf } from "../../support/joined-host.ts";

type Rules = Parameters<typeof diffInventory>[2];
type Given = { readonly bootOrdinal: number; readonly vms: InventoryDiff["vms"] };
const RULES = { graceReports: 2, massAbsencePercent: 50 };
const diff = (
  inventory: Given | undefined,
  vms: readonly ReportedVm[],
  over: { complete?: boolean; bootOrdinal?: number; rules?: Partial<Rules> } = {},
) =>
  diffInventory(
    inventory,
    { complete: over.complete ?? true, vms: [...vms], bootOrdinal: over.bootOrdinal ?? 1 },
    { ...RULES, ...over.rules },
  );
/** The inventory after reports in a row, of one boot. */
const knowing = (...reports: readonly (readonly ReportedVm[])[]): Given =>
  reports.reduce<Given>((inventory, vms) => ({ bootOrdinal: 1, vms: diff(inventory, vms).vms }), {
    bootOrdinal: 1,
    vms: {},
  });
const told = ({ observed }: InventoryDiff) => observed.map(({ vmId, power }) => [vmId, power]);

describe("what a report lists", () => {
  it("is passed on when the host says it for the first time", () => {
    expect(told(diff(undefined, [listed(1), listed(2, { power: "off" })]))).toEqual([
      [vmIdOf(1), "on"],
      [vmIdOf(2), "off"],
    ]);
  });

  it("is not passed on again while it says the same (1)", () => {
    expect(told(diff(knowing([listed(1)]), [listed(1)]))).toEqual([]);
  });

  it.each([{ power: "paused" as const }, { detail: "running (booted)" }, { epoch: 7 }])(
    "is passed on when it changed: %j (1)",
    (change) => {
      const { observed } = diff(knowing([listed(1), listed(2)]), [listed(1, change), listed(2)]);
      expect(observed).toEqual([expect.objectContaining({ ...listed(1), ...change })]);
    },
  );

  it("leaves the very inventory that was, if it says so already", () => {
    const inventory = knowing([listed(1), listed(2)]);
    const vms = [listed(2), listed(1, { name: "web" })];
    expect(diff(inventory, vms).vms).toBe(inventory.vms);
    expect(diff(inventory, vms, { rules: { again: "everything" } }).vms).toBe(inventory.vms);
    for (const other of [[listed(1)], [...vms, listed(3)], [listed(1), listed(2, { epoch: 1 })]])
      expect(diff(inventory, other).vms).not.toBe(inventory.vms);
  });

  it("is not passed on for another name alone", () => {
    expect(told(diff(knowing([listed(1)]), [listed(1, { name: "web" })]))).toEqual([]);
  });

  it("is all passed on in a new boot, and on a resync what has to be (1)", () => {
    const inventory = knowing([listed(1), listed(2)]);
    const vms = [listed(1), listed(2)];
    expect(told(diff(inventory, vms, { bootOrdinal: 2 }))).toHaveLength(2);
    expect(told(diff(inventory, vms, { rules: { again: "everything" } }))).toHaveLength(2);
    const again = new Set([vmIdOf(2)]);
    expect(told(diff(inventory, vms, { rules: { again } }))).toEqual([[vmIdOf(2), "on"]]);
    const changed = [listed(1, { power: "off" }), listed(2)];
    expect(told(diff(inventory, changed, { rules: { again } }))).toHaveLength(2);
  });
});

describe("what a report does not list", () => {
  it("is pending at first, missing at the second complete report, told once (2)", () => {
    const inventory = knowing([listed(1), listed(2)]);
    const first = diff(inventory, [listed(1)]);
    expect(first).toMatchObject({ observed: [], absencesPending: true });
    const second = diff({ bootOrdinal: 1, vms: first.vms }, [listed(1)]);
    expect(told(second)).toEqual([[vmIdOf(2), "missing"]]);
    expect(second.absencesPending).toBe(false);
    const third = diff({ bootOrdinal: 1, vms: second.vms }, [listed(1)]);
    expect(third).toMatchObject({ observed: [], absencesPending: false });
  });

  it("is missing at the first where one report is the grace", () => {
    const gone = diff(knowing([listed(1)]), [], { rules: { graceReports: 1 } });
    expect(told(gone)).toEqual([[vmIdOf(1), "missing"]]);
  });

  it("means nothing in a report that is not complete (2)", () => {
    const inventory = knowing([listed(1), listed(2)], [listed(1)]);
    const incomplete = diff(inventory, [], { complete: false });
    expect(incomplete.observed).toEqual([]);
    expect(incomplete.vms).toEqual(inventory.vms);
    expect(incomplete.absencesPending).toBe(true);
  });

  it("is counted anew in another boot (2)", () => {
    const inventory = knowing([listed(1)], []);
    const reborn = diff(inventory, [], { bootOrdinal: 2 });
    expect(reborn).toMatchObject({ observed: [], absencesPending: true });
    expect(told(diff({ bootOrdinal: 2, vms: reborn.vms }, [], { bootOrdinal: 2 }))).toEqual([
      [vmIdOf(1), "missing"],
    ]);
  });

  it("is forgiven when it is listed again, and told of whether or not it changed (1)", () => {
    const inventory = knowing([listed(1)], []);
    const back = diff(inventory, [listed(1)]);
    expect(told(back)).toEqual([[vmIdOf(1), "on"]]);
    expect(back.absencesPending).toBe(false);
    expect(back.vms).toEqual(knowing([listed(1)]).vms);
    expect(told(diff(inventory, [listed(1, { power: "off" })]))).toEqual([[vmIdOf(1), "off"]]);
  });
});

describe("a VM that should be there (4)", () => {
  const rules = { expected: [vmIdOf(1), vmIdOf(2)] };

  it("is missed though it was never listed, after the grace like any other", () => {
    const first = diff(knowing([listed(1)]), [listed(1)], { rules });
    expect(first).toMatchObject({ observed: [], absencesPending: true });
    const second = diff({ bootOrdinal: 1, vms: first.vms }, [listed(1)], { rules });
    expect(told(second)).toEqual([[vmIdOf(2), "missing"]]);
  });

  it("is not missed by a report that is not complete, and is no part of a mass absence", () => {
    const blind = diff(knowing([]), [], { rules, complete: false });
    expect(blind).toMatchObject({ observed: [], absencesPending: false });
    const many = { expected: Array.from({ length: 9 }, (_, n) => vmIdOf(n)) };
    expect(diff(knowing([]), [], { rules: many }).massAbsence).toBeUndefined();
  });
});

describe("what an overtaken report may have told (5)", () => {
  const by = (inventory: Given, complete = true) => ({ ...inventory, complete });
  const overtaken = (vms: readonly ReportedVm[], complete = true) => ({ complete, vms: [...vms] });

  it("is told as the inventory has it, where the two differ", () => {
    const now = by(knowing([listed(1), listed(2)]));
    const corrected = correctOvertaken(overtaken([listed(1, { power: "off" }), listed(2)]), now);
    expect(corrected).toMatchObject({ observed: [listed(1)], whole: true });
  });

  it("may be that a VM is missing: what a complete one did not list is told", () => {
    const now = by(knowing([listed(1)]));
    expect(correctOvertaken(overtaken([]), now).observed).toMatchObject([listed(1)]);
    expect(correctOvertaken(overtaken([], false), now).observed).toEqual([]);
  });

  it("needs no word of a VM that is absent by now: its return, or its end, will be told", () => {
    const now = by(knowing([listed(1)], []));
    expect(correctOvertaken(overtaken([listed(1, { power: "off" })]), now)).toEqual({
      observed: [],
      whole: true,
    });
  });

  it("stays in doubt where the inventory cannot say", () => {
    expect(correctOvertaken(overtaken([listed(1)]), by(knowing([]))).whole).toBe(false);
    const blind = correctOvertaken(overtaken([listed(1)]), by(knowing([listed(1)]), false));
    expect(blind).toEqual({ observed: [], whole: false });
  });
});

describe("a host that suddenly knows nothing (3)", () => {
  const many = (n: number) => Array.from({ length: n }, (_, index) => listed(index));

  it.each([
    { knew: 8, lists: 3, mass: 5 },
    { knew: 4, lists: 0, mass: 4 },
    { knew: 3, lists: 0, mass: undefined },
    { knew: 8, lists: 4, mass: undefined },
    { knew: 100, lists: 90, mass: undefined },
  ])("knew $knew, lists $lists: a mass absence of $mass", ({ knew, lists, mass }) => {
    expect(diff(knowing(many(knew)), many(lists)).massAbsence).toBe(mass);
  });

  it("has nothing called missing before a second report, whatever the grace", () => {
    const rules = { graceReports: 1 };
    const first = diff(knowing(many(8)), [], { rules });
    expect(first).toMatchObject({ observed: [], massAbsence: 8, absencesPending: true });
    const second = diff({ bootOrdinal: 1, vms: first.vms }, [], { rules });
    expect(second.observed).toHaveLength(8);
    expect(second.massAbsence).toBeUndefined();
  });
});

describe("any sequence of reports", () => {
  const aListedVm = fc
    .record({
      n: fc.nat({ max: 5 }),
      power: fc.constantFrom("on" as const, "off" as const, "paused" as const),
      epoch: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
    })
    .map(({ n, power, epoch }) => listed(n, epoch === undefined ? { power } : { power, epoch }));
  const someReport = fc.record({
    complete: fc.boolean(),
    newBoot: fc.boolean(),
    vms: fc.uniqueArray(aListedVm, { selector: ({ vmId }) => vmId, maxLength: 6 }),
  });

  it("leaves whoever listened knowing what the host last said of each VM", () => {
    fc.assert(
      fc.property(fc.array(someReport, { maxLength: 12 }), (reports) => {
        const heard = new Map<string, string>();
        let inventory: Given | undefined;
        let bootOrdinal = 1;
        const said = new Map<string, string>();
        for (const { complete, newBoot, vms } of reports) {
          bootOrdinal += newBoot ? 1 : 0;
          const step = diff(inventory, vms, { complete, bootOrdinal });
          inventory = { bootOrdinal, vms: step.vms };
          for (const { vmId, power, epoch } of step.observed) heard.set(vmId, `${power} ${epoch}`);
          for (const { vmId, power, epoch } of vms) said.set(vmId, `${power} ${epoch}`);
          for (const { vmId, power, epoch } of vms)
            expect(heard.get(vmId)).toBe(`${power} ${epoch}`);
          for (const [vmId, word] of said)
            if (!heard.get(vmId)?.startsWith("missing")) expect(heard.get(vmId)).toBe(word);
        }
      }),
    );
  });

  it("never calls missing what the last grace reports of the boot did not all leave out", () => {
    fc.assert(
      fc.property(
        fc.array(someReport, { maxLength: 12 }),
        fc.integer({ min: 1, max: 3 }),
        (reports, graceReports) => {
          let inventory: Given | undefined;
          let bootOrdinal = 1;
          let absentFor = new Map<string, number>();
          for (const { complete, newBoot, vms } of reports) {
            bootOrdinal += newBoot ? 1 : 0;
            if (newBoot) absentFor = new Map();
            const before = Object.keys(inventory?.vms ?? {});
            const step = diff(inventory, vms, { complete, bootOrdinal, rules: { graceReports } });
            const names = new Set<string>(vms.map(({ vmId }) => vmId));
            for (const vmId of before)
              if (names.has(vmId)) absentFor.delete(vmId);
              else if (complete) absentFor.set(vmId, (absentFor.get(vmId) ?? 0) + 1);
            for (const { vmId, power } of step.observed)
              if (power === "missing")
                expect(absentFor.get(vmId) ?? 0).toBeGreaterThanOrEqual(graceReports);
            inventory = { bootOrdinal, vms: step.vms };
          }
        },
      ),
    );
  });

  it("is quiet when it repeats itself: one report more than the grace has nothing to say and nothing pending", () => {
    fc.assert(
      fc.property(fc.array(someReport, { maxLength: 6 }), someReport, (reports, last) => {
        let inventory: Given | undefined;
        const steady = { ...last, complete: true, newBoot: false };
        const all = [...reports.map((report) => ({ ...report, newBoot: false })), steady, steady];
        for (const { complete, vms } of all)
          inventory = { bootOrdinal: 1, vms: diff(inventory, vms, { complete }).vms };
        expect(diff(inventory, last.vms)).toEqual({
          observed: [],
          vms: inventory?.vms,
          absencesPending: false,
        });
      }),
    );
  });
});
