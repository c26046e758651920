import { describe, expect, it } from "vitest";
import { submitVerb } from "../../../shared/app/submit-verb.ts";
import { AccountId, VmId } from "../../../shared/model/ids.ts";
import type { Caller } from "../../../shared/model/token.ts";
import type { VmState } from "../../../shared/model/vm.ts";
import { aRecord, hostId, jobIdOf, T0, vmId } from "../../support/a-record.ts";
import { aHostInSession } from "../../support/joined-host.ts";
import { aWorld, type World } from "../../support/memory-world.ts";

const caller: Caller = { account: AccountId.parse("acme"), role: "operator" };
const ask = { caller, vmId, verb: "start", body: {}, requestHash: "h1" };

async function worldWith(
  record: Parameters<typeof aRecord>[0] = {},
  hosts: "with_host" | "without_host" = "with_host",
): Promise<World> {
  const world = aWorld();
  await world.deps.submissions.accept({ vm: { record: aRecord(record) }, now: 0 });
  if (hosts === "with_host") await aHostInSession(world);
  return world;
}
const jobs = (world: World) => world.memory.tables.jobs.all();
const atHost = (state: VmState) => ({ vm: { state, hostId } });

describe("submitting a verb", () => {
  it("records the job, new and of the VM's account, and tells its apartment", async () => {
    const world = await worldWith();
    const answer = await submitVerb(world.deps, ask);
    expect(answer).toMatchObject({ ok: true, value: { type: "vm.start", status: "queued", vmId } });
    expect(jobs(world)).toMatchObject([{ revision: 0, status: "queued", account: "acme" }]);
    expect(world.taken()).toMatchObject([
      { to: vmId, message: { body: { kind: "submit", jobId: jobs(world)[0]?.id } } },
    ]);
  });

  it.each([
    ["an unknown verb", { verb: "teleport" }, "route_not_found"],
    ["the work that only creation submits", { verb: "deploy" }, "route_not_found"],
    ["a system's own work", { verb: "verify" }, "route_not_found"],
    ["an unknown field", { body: { hostID: "host-a" } }, "invalid_request"],
    ["a host's name that is none", { body: { hostId: "No Host" } }, "invalid_request"],
    ["a VM that is not there", { vmId: VmId.parse(jobIdOf(7)) }, "vm_not_found"],
    [
      "another account's VM",
      { caller: { ...caller, account: AccountId.parse("other") } },
      "vm_not_found",
    ],
  ])("refuses %s and records nothing", async (_, change, code) => {
    const world = await worldWith();
    expect(await submitVerb(world.deps, { ...ask, ...change })).toMatchObject({ ok: false, code });
    expect(jobs(world)).toEqual([]);
    expect(world.taken()).toEqual([]);
  });

  it("answers a conflict of state at once where nothing is active or queued, and names the state", async () => {
    const world = await worldWith(atHost("Suspended"));
    const answer = await submitVerb(world.deps, ask);
    expect(answer).toMatchObject({ code: "vm_state_conflict", extra: { state: "Suspended" } });
    expect(jobs(world)).toEqual([]);
  });

  it("leaves the conflict to the job where another is queued before it", async () => {
    const queued = [{ jobId: jobIdOf(1), type: "vm.stop" }];
    const world = await worldWith({ ...atHost("Suspended"), queued });
    expect(await submitVerb(world.deps, ask)).toMatchObject({ ok: true });
  });

  it("refuses a start when no host at all is Up, but not what needs none", async () => {
    const world = await worldWith({}, "without_host");
    expect(await submitVerb(world.deps, ask)).toMatchObject({ code: "no_capacity" });
    expect(await submitVerb(world.deps, { ...ask, verb: "stop" })).toMatchObject({ ok: true });
  });

  it("refuses above the limit of waiting jobs, and says when to come again", async () => {
    const queued = Array.from({ length: 64 }, (_, n) => ({ jobId: jobIdOf(n), type: "vm.stop" }));
    const world = await worldWith({ queued });
    expect(await submitVerb(world.deps, ask)).toMatchObject({
      code: "apartment_full",
      retryAfterSeconds: expect.any(Number),
    });
  });

  it("answers a retry with its key by the same job, though the same would be refused now", async () => {
    const world = await worldWith();
    const keyed = { ...ask, idempotencyKey: "k1" };
    const first = await submitVerb(world.deps, keyed);
    const record = world.memory.tables.apartments.get(vmId);
    if (record !== undefined)
      world.memory.tables.apartments.put(vmId, {
        ...record,
        vm: { ...record.vm, state: "Destroyed" },
      });
    expect(await submitVerb(world.deps, { ...ask, requestHash: "other" })).toMatchObject({
      ok: false,
    });
    expect(await submitVerb(world.deps, keyed)).toEqual(first);
    expect(jobs(world)).toHaveLength(1);
  });

  it("answers a retry with its key though the VM is gone, and nobody else", async () => {
    const world = await worldWith({ vm: { state: "Destroyed" } });
    const keyed = { ...ask, verb: "expunge", idempotencyKey: "k1" };
    const first = await submitVerb(world.deps, keyed);
    const record = world.memory.tables.apartments.get(vmId);
    if (record === undefined) throw new Error("no record");
    const gone = { at: T0, keptUntil: T0 + 1 };
    world.memory.tables.apartments.put(vmId, { ...record, gone });
    expect(await submitVerb(world.deps, keyed)).toEqual(first);
    for (const other of [{ ...keyed, idempotencyKey: "k2" }, { ...ask }])
      expect(await submitVerb(world.deps, other)).toMatchObject({ code: "vm_not_found" });
  });

  it("tells the apartment again when a retry finds a job that nobody has admitted", async () => {
    const world = await worldWith();
    const keyed = { ...ask, idempotencyKey: "k1" };
    await submitVerb(world.deps, keyed);
    world.taken();
    world.clock.at += 6 * 60_000;
    await submitVerb(world.deps, keyed);
    expect(world.taken()).toHaveLength(1);
  });

  it("refuses a key that was used for another request", async () => {
    const world = await worldWith();
    await submitVerb(world.deps, { ...ask, idempotencyKey: "k1" });
    const other = await submitVerb(world.deps, { ...ask, idempotencyKey: "k1", requestHash: "h2" });
    expect(other).toMatchObject({ code: "idempotency_conflict" });
  });
});
