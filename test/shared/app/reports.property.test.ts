/** Reports under arbitrary delivery and deaths: nothing changes but time (design.md, "Reports"). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReportedVm } from "../../../shared/model/agent-protocol.ts";
import { listed, vmIdOf } from "../../support/joined-host.ts";
import { type Fate, ReportWorld } from "../../support/report-world.ts";

const VMS = 3;
/** Longer than anybody works on a report; all of them together are below a resync. */
const LONG_AFTER_MS = 60_000;
/** Port calls of one worker, and one more. */
const CALLS_MAX = 7;

/** What the host sees: of each VM its power, or nothing. */
const aSight = fc
  .array(fc.constantFrom<(ReportedVm["power"] | null)[]>("on", "off", null), {
    minLength: VMS,
    maxLength: VMS,
  })
  .map((powers) => powers.flatMap((power, n) => (power === null ? [] : [listed(n, { power })])));

type Move =
  | { readonly move: "report" | "report_blind" | "report_unsent"; readonly sight: number }
  /** A worker takes an event and makes so many calls. Then it stands there, or dies. */
  | { readonly move: "work"; readonly event: number; readonly calls: number; readonly end: Fate }
  | { readonly move: "deliver" | "deliver_again" | "lose" | "step"; readonly event: number }
  | { readonly move: "later"; readonly ms: number }
  | { readonly move: "restart" };

const first = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.nat(3) },
);
const aMove = fc.oneof<fc.WeightedArbitrary<Move>[]>(
  {
    weight: 6,
    arbitrary: fc.record({
      move: fc.constantFrom("report", "report", "report", "report_blind", "report_unsent"),
      sight: fc.nat(2),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      move: fc.constant("work"),
      event: first,
      calls: fc.nat(CALLS_MAX),
      end: fc.constantFrom<Fate[]>("pass", "pass", "die_before", "die_after"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      move: fc.constantFrom("step", "step", "step", "deliver", "deliver_again", "lose"),
      event: first,
    }),
  },
  { weight: 1, arbitrary: fc.record({ move: fc.constant("later"), ms: fc.nat(15_000) }) },
  { weight: 1, arbitrary: fc.record({ move: fc.constant("restart") }) },
);

async function make(world: ReportWorld, sights: readonly ReportedVm[][], made: Move) {
  switch (made.move) {
    case "report":
    case "report_blind":
    case "report_unsent": {
      const sight = { complete: made.move !== "report_blind", vms: sights[made.sight] ?? [] };
      return world.report(sight, made.move === "report_unsent" ? "unsent" : "sent");
    }
    case "work":
      return world.work(made.event, made);
    case "deliver":
    case "deliver_again":
      return world.deliver(made.event, made.move === "deliver_again");
    case "lose":
      return world.lose(made.event);
    case "step":
      return world.step(made.event, "pass");
    case "later":
      return world.later(made.ms);
    case "restart":
      return world.restart();
    default:
      return made satisfies never;
  }
}

describe("reports under any interleaving, loss, doubling and death", () => {
  it("leave every apartment told what is true, within three reports after the faults stop", async () => {
    const sights = fc.tuple(aSight, aSight, aSight);
    await fc.assert(
      fc.asyncProperty(sights, fc.array(aMove, { maxLength: 24 }), async (seen, moves) => {
        const [truth] = seen;
        const world = await ReportWorld.open();
        for (let n = 0; n < VMS; n += 1) world.expect(vmIdOf(n));
        await world.report({ complete: true, vms: truth }, "sent");
        await world.calm();
        for (const move of moves) {
          await make(world, seen, move);
          await world.settle();
        }
        await world.fail();
        for (let reports = 0; reports < 3; reports += 1) {
          world.later(LONG_AFTER_MS);
          await world.report({ complete: true, vms: truth }, "sent");
          await world.calm();
        }
        for (let n = 0; n < VMS; n += 1) {
          const vm = truth.find(({ vmId }) => vmId === vmIdOf(n));
          expect(world.powerOf(vmIdOf(n))).toBe(vm?.power ?? "missing");
        }
        // And nothing is left that would keep the host talking.
        await world.report({ complete: true, vms: truth }, "sent");
        expect(world.isBusy).toBe(false);
      }),
      { numRuns: 400 },
    );
  });
});

describe("reports worked off side by side", () => {
  it("leave told what the newest lists, though nobody dies and no later report comes", async () => {
    const sights = fc.array(aSight, { minLength: 4, maxLength: 6 });
    const order = fc.array(fc.nat(3), { minLength: 8, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(sights, order, async ([known = [], shrunken = [], ...seen], steps) => {
        const world = await ReportWorld.open();
        for (const vms of [known, shrunken]) {
          await world.report({ complete: true, vms }, "sent");
          await world.calm();
        }
        for (const vms of seen) await world.report({ complete: true, vms }, "sent");
        for (const _ of seen) world.deliver(0, false);
        for (const worker of steps) {
          await world.settle();
          world.step(worker, "pass");
        }
        await world.calm();
        for (const { vmId, power } of seen.at(-1) ?? []) expect(world.powerOf(vmId)).toBe(power);
      }),
      { numRuns: 400 },
    );
  });
});
