import { describe, expect, it } from "vitest";
import { createVm } from "../../../shared/app/create-vm.ts";
import { getVm } from "../../../shared/app/read-vms.ts";
import { AccountId, VmId } from "../../../shared/model/ids.ts";
import type { Caller } from "../../../shared/model/token.ts";
import { CreateVmRequest } from "../../../shared/model/user-api.ts";
import { aHostInSession, okValue } from "../../support/joined-host.ts";
import { aWorld, type World } from "../../support/memory-world.ts";

const caller: Caller = { account: AccountId.parse("acme"), role: "operator" };
const id = VmId.parse("33333333-3333-4333-8333-333333333333");
const wish = (more: object = {}) =>
  CreateVmRequest.parse({ id, name: "web", spec: { cpus: 1, memoryMiB: 64 }, ...more });
const create = (world: World, more: object = {}, key?: string) =>
  createVm(world.deps, {
    caller,
    request: wish(more),
    requestHash: JSON.stringify(more),
    idempotencyKey: key,
  });

describe("creating a VM", () => {
  it("records it Stopped, of the caller's account", async () => {
    const world = aWorld();
    expect(await create(world)).toMatchObject({
      ok: true,
      value: { vm: { id, state: "Stopped", account: "acme", version: 1, haEnabled: false } },
    });
  });

  it("keeps its domain XML beside the record, and shows it", async () => {
    const world = aWorld();
    const spec = { cpus: 1, memoryMiB: 64, domainXml: "<domain/>" };
    await create(world, { spec });
    expect(world.memory.tables.apartments.get(id)?.vm.spec).not.toHaveProperty("domainXml");
    expect(okValue(await getVm(world.deps, { caller, vmId: id })).spec.domainXml).toBe("<domain/>");
  });

  it("with its start records VM and job together, and tells the apartment", async () => {
    const world = aWorld();
    await aHostInSession(world);
    const made = okValue(await create(world, { start: true, hostId: "host-a" }));
    expect(made.job).toMatchObject({ type: "vm.deploy", input: { hostId: "host-a" }, vmId: id });
    expect(world.taken()).toHaveLength(1);
  });

  it("with its start records nothing when no host is Up", async () => {
    const world = aWorld();
    expect(await create(world, { start: true })).toMatchObject({ code: "no_capacity" });
    expect(world.memory.tables.apartments.all()).toEqual([]);
  });

  it("refuses an id that is there, a host without a start, and a spec that would crowd the record", async () => {
    const world = aWorld();
    await create(world);
    expect(await create(world)).toMatchObject({ code: "vm_exists" });
    expect(await create(world, { hostId: "host-a" })).toMatchObject({ code: "invalid_request" });
    const disks = Array.from({ length: 16 }, (_, n) => ({ source: `/${"x".repeat(900)}${n}` }));
    const spec = { cpus: 1, memoryMiB: 64, disks };
    expect(await create(world, { id: undefined, spec })).toMatchObject({ code: "invalid_request" });
    expect(world.memory.tables.apartments.all()).toHaveLength(1);
  });

  it("answers a retry with its key by the same VM and job, whatever has become of the hosts", async () => {
    const world = aWorld();
    const host = await aHostInSession(world);
    const more = { id: undefined, start: true };
    const first = okValue(await create(world, more, "k1"));
    await world.deps.hosts.markSilent({
      hostId: host.hostId,
      lastReportAt: world.memory.tables.heartbeats.get(host.hostId)?.lastReportAt ?? 0,
      state: "Down",
    });
    const again = okValue(await create(world, more, "k1"));
    expect([again.vm.id, again.job?.id]).toEqual([first.vm.id, first.job?.id]);
    expect(world.memory.tables.apartments.all()).toHaveLength(1);
  });
});
