import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { cancelJob } from "../../../shared/app/cancel-job.ts";
import { beginMaintenance, endMaintenance } from "../../../shared/app/maintain-host.ts";
import { reservationKey } from "../../../shared/memory/memory-tables.ts";
import { AccountId, HostId, hostApartmentId } from "../../../shared/model/ids.ts";
import type { JobRecord } from "../../../shared/model/job.ts";
import type { Caller } from "../../../shared/model/token.ts";
import { defineWork } from "../../../shared/work/define-work.ts";
import { calledOff, fail } from "../../../shared/work/fail.ts";
import { hostEvacuate } from "../../../shared/work/host-evacuate.ts";
import { vmMigrate } from "../../../shared/work/vm-migrate.ts";
import { aRecord, hostId, jobIdOf, otherHostId } from "../../support/a-record.ts";
import { errand } from "../../support/errands.ts";
import { JobWorld, vmIdNumber } from "../../support/job-world.ts";
import { aHostInSession, okValue } from "../../support/joined-host.ts";

const caller: Caller = { account: AccountId.parse("ops"), role: "admin" };
const request = { caller, hostId, requestHash: "h1" };
const MINUTE_MS = 60_000;

/** Stands for the migration of a real VM: moves it to the other host after a minute. Named `stuck…`, it fails instead. */
const quickMigrate = defineWork({
  name: vmMigrate.name,
  version: vmMigrate.version,
  input: z.strictObject({ leaves: HostId }),
  memo: z.null(),
  result: z.strictObject({ hostId: HostId }),
  reception: vmMigrate.reception,
  needsHost: true,
  begin: () => ({
    kind: "wait",
    step: "migrating",
    memo: null,
    action: { kind: "timer" },
    deadlineInMs: MINUTE_MS,
    note: "migrates",
  }),
  resume: ({ vm }, wakeup) => {
    if (wakeup.kind === "cancelled") return calledOff("before it moved");
    if (wakeup.kind !== "deadline") return { kind: "ignore" };
    if (vm.name.startsWith("stuck")) return fail("no_capacity", "nowhere to go");
    return {
      kind: "succeed",
      result: { hostId: otherHostId },
      vm: { hostId: otherHostId },
      note: "has moved",
    };
  },
});

class HostWorld extends JobWorld {
  constructor(settings = {}) {
    super({ work: [hostEvacuate, quickMigrate, errand], settings });
  }

  /** VMs that run on the host, by their names, beside those that do already. */
  fill(names: readonly string[]): void {
    const { tables } = this.world.memory;
    const need = { cpus: 1, memoryMiB: 64 };
    for (const [n, name] of names.entries()) {
      const id = vmIdNumber(n);
      if (tables.apartments.get(id) !== undefined) continue;
      const account = AccountId.parse("acme");
      tables.apartments.put(id, aRecord({ id, vm: { name, account, state: "Running", hostId } }));
      tables.reservations.put(reservationKey({ hostId, vmId: id }), {
        held: true,
        need,
        jobId: jobIdOf(0),
        revision: 0,
      });
    }
  }

  holders() {
    return this.world.deps.placement.holders(hostId);
  }

  /** Of those that were started and have not ended. */
  migrating(parent: Pick<JobRecord, "id">): number {
    return this.startedBy(parent).filter(({ finishedAt }) => finishedAt === undefined).length;
  }
}

async function aHostWorld(names: readonly string[], settings = {}): Promise<HostWorld> {
  const world = new HostWorld(settings);
  await aHostInSession(world.world);
  world.fill(names);
  return world;
}

const webs = (count: number) => Array.from({ length: count }, (_, n) => `web-${n}`);

describe("the maintenance of a host", () => {
  it("migrates every VM by a job of its own account, a few at a time, and shows how far it came", async () => {
    const world = await aHostWorld(webs(10), { maintenanceParallel: 3 });
    const job = okValue(await beginMaintenance(world.world.deps, request));
    expect(job).toMatchObject({ type: "host.evacuate", hostId, status: "queued", account: "ops" });
    const seen: (number | undefined)[] = [];
    for (let rounds = 0; rounds < 10; rounds += 1) {
      await world.drain();
      expect(world.migrating(job)).toBeLessThanOrEqual(3);
      seen.push(world.job(job).progress?.percent);
      if (!(await world.tick())) break;
    }
    expect(world.job(job)).toMatchObject({ status: "succeeded", result: { migrated: 10 } });
    expect(seen).toEqual(seen.toSorted((one = 0, other = 0) => one - other));
    expect(seen[0]).toBe(0);
    expect(new Set(seen).size).toBeGreaterThan(3);
    const started = world.startedBy(job);
    expect(started.map(({ vmId }) => vmId)).toEqual(webs(10).map((_, n) => vmIdNumber(n)));
    expect(new Set(started.map(({ account }) => account))).toEqual(new Set(["acme"]));
    expect(started[0]?.input).toEqual({ leaves: hostId });
    expect(await world.holders()).toEqual([]);
  });

  it("has placement refuse the host before it looks who is there", async () => {
    const world = await aHostWorld(webs(1));
    okValue(await beginMaintenance(world.world.deps, request));
    expect(await world.world.deps.placement.candidates(5)).toEqual([]);
    expect(okValue(await endMaintenance(world.world.deps, { hostId })).state).toBe("Up");
    expect(await world.world.deps.placement.candidates(5)).toHaveLength(1);
  });

  it("stops nothing when one fails, tries it once more, and says in the end who is still there", async () => {
    const world = await aHostWorld(["web-0", "stuck-1", "web-2", "stuck-3", "web-4"]);
    const job = okValue(await beginMaintenance(world.world.deps, request));
    await world.finish();
    const { status, error, progress } = world.job(job);
    expect({ status, code: error?.code }).toEqual({ status: "failed", code: "join_failed" });
    expect(error?.detail).toContain(`2 VMs are still on ${hostId}`);
    expect(error?.detail).toContain(`${vmIdNumber(1)}: no_capacity`);
    expect(progress?.percent).toBeGreaterThan(0);
    expect(await world.holders()).toEqual([vmIdNumber(1), vmIdNumber(3)]);
    expect(world.startedBy(job)).toHaveLength(7);
  });

  it("finds those whose room was held before, and who came only now", async () => {
    const world = await aHostWorld(webs(2));
    const job = okValue(await beginMaintenance(world.world.deps, request));
    await world.drain();
    world.fill(webs(3));
    const [, , late] = [0, 1, 2].map(vmIdNumber);
    await world.finish();
    expect(world.job(job)).toMatchObject({ status: "succeeded" });
    expect(world.startedBy(job).some(({ vmId }) => vmId === late)).toBe(true);
  });

  it("succeeds at once where nobody is there, and passes over VMs that are gone", async () => {
    const world = await aHostWorld([]);
    const job = okValue(await beginMaintenance(world.world.deps, request));
    await world.drain();
    expect(world.job(job)).toMatchObject({ status: "succeeded", result: { migrated: 0 } });
  });

  it("called off, starts nothing more, calls off what is on its way, and ends when that has ended", async () => {
    const world = await aHostWorld(webs(9), { maintenanceParallel: 2 });
    const job = okValue(await beginMaintenance(world.world.deps, request));
    await world.drain();
    await world.tick();
    await world.drain();
    okValue(await cancelJob(world.world.deps, { caller, jobId: job.id }));
    await world.finish();
    expect(world.job(job)).toMatchObject({ status: "cancelled", error: { code: "cancelled" } });
    const statuses = world.startedBy(job).map(({ status }) => status);
    expect(statuses).toEqual(["succeeded", "succeeded", "cancelled", "cancelled"]);
    expect(await world.holders()).toHaveLength(7);
  });

  it("called off by its end", async () => {
    const world = await aHostWorld(webs(3));
    const job = okValue(await beginMaintenance(world.world.deps, request));
    await world.drain();
    okValue(await endMaintenance(world.world.deps, { hostId }));
    await world.finish();
    expect(world.job(job)).toMatchObject({ status: "cancelled", cancelRequested: true });
  });

  it("runs one evacuation after the other in the host's own apartment", async () => {
    const world = await aHostWorld(webs(2));
    const [one, other] = await Promise.all(
      [1, 2].map(async () => okValue(await beginMaintenance(world.world.deps, request))),
    );
    await world.drain();
    const record = world.world.memory.tables.hostApartments.get(hostApartmentId(hostId));
    expect(record?.active?.jobId).toBe(one?.id);
    expect(record?.queued.map(({ jobId }) => jobId)).toEqual([other?.id]);
    await world.finish();
    for (const job of [one, other])
      expect(world.job({ id: jobIdOf(0), ...job })).toMatchObject({ status: "succeeded" });
  });

  it("answers its key with the job that it made, and does not begin anew after it was ended", async () => {
    const world = await aHostWorld(webs(1));
    const keyed = { ...request, idempotencyKey: "k-1" };
    const job = okValue(await beginMaintenance(world.world.deps, keyed));
    await world.finish();
    okValue(await endMaintenance(world.world.deps, { hostId }));
    const again = okValue(await beginMaintenance(world.world.deps, keyed));
    expect(again).toMatchObject({ id: job.id, status: "succeeded" });
    expect(await world.world.deps.placement.candidates(5)).toHaveLength(1);
    const differs = await beginMaintenance(world.world.deps, { ...keyed, requestHash: "h2" });
    expect(differs).toMatchObject({ ok: false, code: "idempotency_conflict" });
  });

  it("is refused for a host that is not there, or is not Up and has VMs", async () => {
    const world = await aHostWorld(webs(1));
    const unknown = { ...request, hostId: HostId.parse("nobody") };
    expect(await beginMaintenance(world.world.deps, unknown)).toMatchObject({
      code: "host_not_found",
    });
    expect(await endMaintenance(world.world.deps, unknown)).toMatchObject({
      code: "host_not_found",
    });
    const { hosts } = world.world.memory.tables;
    const host = hosts.get(hostId);
    if (host === undefined) throw new Error("no host");
    hosts.put(hostId, { ...host, state: "Down" });
    expect(await beginMaintenance(world.world.deps, request)).toMatchObject({
      code: "host_not_up",
    });
    expect(hosts.get(hostId)?.maintenance).toBe(false);
  });
});
