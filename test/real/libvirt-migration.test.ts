/**
 * Live migrations that do not go to their end, between two real libvirt hosts. A guest of 1 GiB at 1 MiB/s takes about seven
 * seconds to move: time to end it in.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Done, Failure, Hypervisor } from "../../agent/hypervisor/hypervisor.ts";
import { connectLibvirt } from "../../agent/hypervisor/libvirt-hypervisor.ts";
import { systemTime } from "../../agent/time.ts";
import { VmId } from "../../shared/model/ids.ts";
import { POLL } from "../contract/hypervisor.contract.ts";
import { buildGuestImage } from "../support/lab/guest-image.ts";
import { type LibvirtHost, startLibvirtHosts } from "../support/lab/libvirt-host.ts";

let folder: string;
let here: LibvirtHost;
let there: LibvirtHost;
let source: Hypervisor;
let target: Hypervisor;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vmsync-images-"));
  await buildGuestImage({ path: join(folder, "obeys"), mode: "obeys" });
  [here, there] = await startLibvirtHosts("real-a", "real-b");
  source = await connectTo(here);
  target = await connectTo(there);
});
afterEach(async () => {
  for (const hypervisor of [source, target]) {
    const listing = await hypervisor.list();
    if (!listing.complete) continue;
    for (const { vmId } of listing.vms) await hypervisor.powerOff(vmId);
  }
});
afterAll(async () => {
  await source?.close();
  await target?.close();
  await here?.stop();
  await there?.stop();
  await rm(folder, { recursive: true, force: true });
});

function connectTo({ socketPath, migrationUri }: LibvirtHost): Promise<Hypervisor> {
  const time = systemTime();
  const note = () => {};
  return connectLibvirt({ socketPath, migrationUri, domainType: "qemu", time, note });
}

type Moving = {
  readonly vmId: VmId;
  readonly done: Promise<Done | Failure>;
  readonly callOff: () => void;
};

/** A guest that runs here and has begun to arrive there. */
async function moving(by = source): Promise<Moving> {
  const vmId = VmId.parse(randomUUID());
  const disks = [{ source: join(folder, "obeys"), readOnly: true }];
  const spec = { cpus: 1, memoryMiB: 1024, disks };
  expect(await source.start({ vmId, name: "large", spec })).toEqual({ ok: true });
  await here.virsh("migrate-setspeed", vmId, "1");
  const stop = new AbortController();
  const targetUri = target.migrationUri ?? "";
  const done = by.migrate({ vmId, targetUri, signal: stop.signal });
  await expect.poll(() => powerOf(target, vmId), POLL).toBe("unknown");
  await expect.poll(() => source.isAtWork(vmId), POLL).toBe("yes");
  expect(await powerOf(source, vmId)).toBe("on");
  return { vmId, done, callOff: () => stop.abort() };
}

async function powerOf(hypervisor: Hypervisor, vmId: VmId): Promise<string> {
  const read = await hypervisor.read(vmId);
  return read.ok ? read.power : read.code;
}

/** As it was: on here, nothing of it there, and nothing under way. */
async function expectHere({ vmId }: Moving): Promise<void> {
  await expect.poll(() => powerOf(source, vmId), POLL).toBe("on");
  await expect.poll(() => powerOf(target, vmId), POLL).toBe("not_found");
  await expect.poll(() => source.isAtWork(vmId), POLL).toBe("no");
}

test("one that is called off is aborted, and can be tried again", async () => {
  const guest = await moving();
  guest.callOff();
  expect(await guest.done).toMatchObject({ ok: false, code: "aborted" });
  await expectHere(guest);
  await here.virsh("migrate-setspeed", guest.vmId, "1000");
  const { signal } = new AbortController();
  const targetUri = target.migrationUri ?? "";
  expect(await source.migrate({ vmId: guest.vmId, targetUri, signal })).toEqual({ ok: true });
  expect(await powerOf(target, guest.vmId)).toBe("on");
});

test("one whose target's libvirtd is killed fails, and the guest goes on here", async () => {
  const guest = await moving();
  process.kill(await there.daemonPid(), "SIGKILL");
  expect(await guest.done).toMatchObject({ ok: false });
  await expectHere(guest);
});

test("one whose target loses its power fails, and the guest goes on here", async () => {
  const guest = await moving();
  await there.crash();
  expect(await guest.done).toMatchObject({ ok: false });
  await there.up();
  await expectHere(guest);
});

test("one whose own libvirtd is killed leaves the outcome open, and the guest here", async () => {
  const guest = await moving();
  process.kill(await here.daemonPid(), "SIGKILL");
  expect(await guest.done).toMatchObject({ ok: false, code: "outcome_unknown" });
  expect(await source.isAtWork(guest.vmId)).toBe("cannot_tell");
  await expectHere(guest);
});

test("one whose guest is killed leaves it at neither", async () => {
  const guest = await moving();
  process.kill(await here.guestPid(guest.vmId), "SIGKILL");
  expect(await guest.done).toMatchObject({ ok: false });
  await expect.poll(() => powerOf(source, guest.vmId), POLL).toBe("crashed");
  await expect.poll(() => powerOf(target, guest.vmId), POLL).toBe("not_found");
});

test("one whose guest is powered off leaves it off here, and not there", async () => {
  const guest = await moving();
  expect(await source.powerOff(guest.vmId)).toEqual({ ok: true });
  expect(await guest.done).toMatchObject({ ok: false });
  expect(await powerOf(source, guest.vmId)).toBe("off");
  await expect.poll(() => powerOf(target, guest.vmId), POLL).toBe("not_found");
});

test("one whose asker is gone goes on to its end", async () => {
  const asker = await connectTo(here);
  const guest = await moving(asker);
  await asker.close();
  expect(await guest.done).toMatchObject({ ok: false, code: "outcome_unknown" });
  await expect.poll(() => powerOf(target, guest.vmId), POLL).toBe("on");
  await expect.poll(() => powerOf(source, guest.vmId), POLL).toBe("not_found");
});
