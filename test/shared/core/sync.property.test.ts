import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { disagreement } from "../../../shared/core/agreement.ts";
import { HostId } from "../../../shared/model/ids.ts";
import { VmState } from "../../../shared/model/vm.ts";
import { aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";
import { SyncHost, SyncWorld, type Truth } from "../../support/sync-world.ts";

const HOSTS = [hostId, otherHostId, HostId.parse("host-c")] as const;
/** Each takes about 10 ms. */
const RUNS = 300;
/** From the last thing that happens: the longest distance of two looks, and the longest look. */
const BOUND_MS = 20 * 60_000;

const Truths: fc.Arbitrary<Truth> = fc.constantFrom(
  "off",
  "off",
  "on",
  "on",
  "paused",
  "crashed",
  "missing",
  "unknown",
);
const Where = fc.option(fc.nat(2), { nil: undefined });

/** Any record, as no job would leave it, too; any last words. */
const Begin = fc.record({
  state: fc.constantFrom(...VmState.options),
  at: Where,
  last: Where,
  said: fc.array(fc.tuple(fc.nat(2), Truths), { maxLength: 3 }),
  truths: fc.tuple(Truths, Truths, Truths),
});
type Begin = typeof Begin extends fc.Arbitrary<infer B> ? B : never;

const host = fc.nat(2);
const index = fc.nat(20);
const Move = fc.oneof(
  fc.record({
    kind: fc.constant("deliver" as const),
    index,
    copy: fc.constantFrom("last" as const, "doubled" as const),
  }),
  fc.record({ kind: fc.constant("lose" as const), index }),
  fc.record({ kind: fc.constant("report" as const), host }),
  fc.record({ kind: fc.constant("act" as const), host }),
  fc.record({ kind: fc.constant("tick" as const) }),
  fc.record({ kind: fc.constant("change" as const), host, truth: Truths }),
  fc.record({ kind: fc.constant("restart" as const), host }),
  fc.record({ kind: fc.constant("hush" as const), host, silent: fc.boolean() }),
);
type Move = typeof Move extends fc.Arbitrary<infer M> ? M : never;

function worldOf({ state, at, last, said, truths }: Begin): SyncWorld {
  const named = (n: number | undefined) => (n === undefined ? undefined : HOSTS[n]);
  const observations = Object.fromEntries(
    said.map(([n, power]) => [HOSTS[n], { bootOrdinal: 1, seq: 0, power, receivedAt: T0 }]),
  );
  const vm = { state, hostId: named(at), lastHostId: named(last) };
  const hosts = HOSTS.map((id, n) => new SyncHost(id, truths[n] ?? "off"));
  const begun = aRecord({ vm, observations });
  // As a commit leaves what does not agree: to be looked at.
  const recheck = disagreement(begun) === undefined ? undefined : { at: T0, tries: 0 };
  return new SyncWorld({ ...begun, recheck, wakeAt: recheck?.at }, hosts);
}

function make(world: SyncWorld, move: Move): void {
  switch (move.kind) {
    case "deliver":
      world.deliver(move.index, move.copy);
      return;
    case "lose":
      world.lose(move.index);
      return;
    case "tick":
      world.tick();
      return;
    default:
      happen(world, world.nth(move.host), move);
  }
}

function happen(world: SyncWorld, at: SyncHost, move: Extract<Move, { host: number }>): void {
  switch (move.kind) {
    case "report":
      world.report(at);
      return;
    case "act":
      world.act(at);
      return;
    case "change":
      at.truth = move.truth;
      return;
    case "restart":
      at.restart();
      return;
    case "hush":
      at.silent = move.silent;
      return;
    default:
      move satisfies never;
  }
}

const UNWANTED = new Set<VmState>(["Destroyed", "Expunging"]);

/** They agree, or an open incident says why not. */
function assertAgreement(world: SyncWorld): void {
  const { vm, openIncidents } = world.record;
  const having = world.having();
  const open = openIncidents.map(({ kind }) => kind);
  if (having.length > 1) {
    expect(open).toContain("split_brain");
    return;
  }
  expect(open).not.toContain("split_brain");
  const [only] = having;
  // What a hypervisor cannot say of itself nobody knows.
  const unsure = [...world.hosts.values()].some(({ truth }) => truth === "unknown");
  if (only !== undefined) {
    const state = only.truth === "on" ? "Running" : "Suspended";
    if (!unsure || vm.state !== "Unknown") expect(vm).toMatchObject({ state, hostId: only.hostId });
  } else if (unsure) expect(["Running", "Suspended"]).not.toContain(vm.state);
  else {
    expect(["Stopped", "Error", "Destroyed", "Expunging"]).toContain(vm.state);
    expect(vm.hostId).toBeUndefined();
    expect(disagreement(world.record)).toBeUndefined();
  }
  const own = vm.hostId === undefined ? [] : [vm.hostId];
  expect([...world.rooms]).toEqual(own);
}

describe("record and hosts", () => {
  it("agree within bounded time with no job pending, whatever both were, or an open incident says why not", () => {
    fc.assert(
      fc.property(Begin, fc.array(Move, { maxLength: 60, size: "max" }), (begin, moves) => {
        const world = worldOf(begin);
        for (const move of moves) make(world, move);
        const from = world.now;
        world.converge();
        expect(world.now - from).toBeLessThan(BOUND_MS);
        if (UNWANTED.has(begin.state)) {
          expect(world.record.vm.state).toBe(begin.state);
          expect(world.having()).toEqual([]);
        }
        assertAgreement(world);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  it("end the same, whatever is late, lost, doubled or out of order on the way: that changes nothing but time", () => {
    const deliveries = Move.filter(({ kind }) => kind !== "change");
    fc.assert(
      fc.property(Begin, fc.array(deliveries, { maxLength: 60, size: "max" }), (begin, moves) => {
        const [calm, disturbed] = [worldOf(begin), worldOf(begin)];
        // Where two have it, nothing flips: then it is where it was believed first.
        fc.pre(calm.having().length < 2 && !begin.truths.includes("unknown"));
        for (const move of moves) make(disturbed, move);
        for (const world of [calm, disturbed]) world.converge();
        const { state, hostId: at } = calm.record.vm;
        expect(disturbed.record.vm).toMatchObject({ state, hostId: at });
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});
