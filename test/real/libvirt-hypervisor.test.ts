/** The libvirt adapter on a real daemon with real guests. Needs root and `test/support/lab/install.sh`. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Hypervisor, HypervisorEvent } from "../../agent/hypervisor/hypervisor.ts";
import { connectLibvirt } from "../../agent/hypervisor/libvirt-hypervisor.ts";
import { systemTime } from "../../agent/time.ts";
import { VmId } from "../../shared/model/ids.ts";
import { hypervisorSuite, POLL } from "../contract/hypervisor.contract.ts";
import { aDisk, buildGuestImage, type GuestMode, overlay } from "../support/lab/guest-image.ts";
import { type LibvirtHost, startLibvirtHosts } from "../support/lab/libvirt-host.ts";

const run = promisify(execFile);

let folder: string;
let host: LibvirtHost;
let targetHost: LibvirtHost;
let hypervisor: Hypervisor;
let target: Hypervisor;
const events: HypervisorEvent[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vmsync-images-"));
  for (const mode of ["obeys", "ignores", "panics"] as const)
    await buildGuestImage({ path: image(mode), mode });
  [host, targetHost] = await startLibvirtHosts("real-a", "real-b");
  hypervisor = await connectTo(host);
  target = await connectTo(targetHost);
  hypervisor.subscribe((event) => events.push(event));
});
afterAll(async () => {
  await hypervisor?.close();
  await target?.close();
  await host?.stop();
  await targetHost?.stop();
  await rm(folder, { recursive: true, force: true });
});

function connectTo({ socketPath, migrationUri }: LibvirtHost): Promise<Hypervisor> {
  const time = systemTime();
  const note = () => {};
  return connectLibvirt({ socketPath, migrationUri, domainType: "qemu", time, note });
}

function image(mode: GuestMode): string {
  return join(folder, `${mode}.img`);
}

function request(mode: GuestMode) {
  const disks = [{ source: image(mode), readOnly: true }];
  return { name: `guest that ${mode}`, spec: { cpus: 1, memoryMiB: 8, disks } };
}

async function booted(vmId: VmId): Promise<void> {
  await expect.poll(() => host.guestMemory(vmId), POLL).toMatchObject({ listens: true });
}

async function started(mode: GuestMode): Promise<VmId> {
  const vmId = VmId.parse(randomUUID());
  expect(await hypervisor.start({ vmId, ...request(mode) })).toEqual({ ok: true });
  await booted(vmId);
  return vmId;
}

async function heard(kind: HypervisorEvent["kind"]): Promise<void> {
  await expect.poll(() => events.map((event) => event.kind), POLL).toContain(kind);
}

const detailOf = async (vmId: VmId) => {
  const read = await hypervisor.read(vmId);
  return read.ok ? read.detail : read.code;
};

describe("the contract, with real guests", () => {
  hypervisorSuite({
    hypervisor: () => hypervisor,
    target: () => target,
    disk: () => aDisk(folder),
    request: async (kind) => {
      if (kind !== "keeps") return request(kind);
      const source = await overlay(image("obeys"));
      return { ...request("obeys"), spec: { cpus: 1, memoryMiB: 8, disks: [{ source }] } };
    },
    booted,
    ignored: async (vmId) => {
      await expect.poll(() => host.guestMemory(vmId), POLL).toMatchObject({ ignored: 1 });
    },
    kill: async (vmId) => {
      process.kill(await host.guestPid(vmId), "SIGKILL");
    },
  });
});

test("libvirt's own words come through: obeyed, powered off, killed, panicked", async () => {
  const [obeyed, off, killed] = [
    await started("obeys"),
    await started("obeys"),
    await started("obeys"),
  ];
  await hypervisor.requestShutdown(obeyed);
  await hypervisor.powerOff(off);
  process.kill(await host.guestPid(killed), "SIGKILL");
  const panicked = await started("panics");
  await expect.poll(() => detailOf(obeyed), POLL).toBe("shut off (shutdown)");
  expect(await detailOf(off)).toBe("shut off (destroyed)");
  await expect.poll(() => detailOf(killed), POLL).toBe("shut off (crashed)");
  await expect.poll(() => detailOf(panicked), POLL).toBe("shut off (crashed)");
});

test("a domain XML of the owner's is started under the VM's id, by the name that it gives", async () => {
  const vmId = VmId.parse(randomUUID());
  const domainXml = (name: string) =>
    `<domain type='qemu'><name>${name}</name><memory unit='MiB'>8</memory><os><type>hvm</type></os></domain>`;
  const start = (xml: string) => hypervisor.start({ vmId, ...request("obeys"), domainXml: xml });
  expect(await start(domainXml("own-name"))).toEqual({ ok: true });
  expect(await host.virsh("domuuid", "own-name")).toContain(vmId);
  await hypervisor.powerOff(vmId);
  expect(await start(domainXml("new-name"))).toEqual({ ok: true });
  expect(await host.virsh("domuuid", "new-name")).toContain(vmId);
  await hypervisor.powerOff(vmId);
  expect(await start(`<domain><uuid>${randomUUID()}</uuid></domain>`)).toMatchObject({
    code: "invalid_domain_xml",
  });
  expect(await start("<domain type='qemu'><name>x</name></domain>")).toMatchObject({
    code: expect.stringMatching(/^libvirt_\d+$/),
  });
});

test("an interface comes to a running guest and goes, as a disk does", async () => {
  const vmId = await started("obeys");
  const bridge = "vmsync-real";
  const device = { kind: "network", bridge } as const;
  await run("ip", ["link", "add", bridge, "type", "bridge"]);
  try {
    for (let times = 0; times < 2; times += 1)
      expect(await hypervisor.attach(vmId, device)).toEqual({ ok: true });
    expect(await host.virsh("domiflist", vmId)).toContain(bridge);
    const { signal } = new AbortController();
    expect(await hypervisor.detach(vmId, device, signal)).toEqual({ ok: true });
    expect(await host.virsh("domiflist", vmId)).not.toContain(bridge);
  } finally {
    await run("ip", ["link", "del", bridge]);
  }
  await hypervisor.powerOff(vmId);
});

test("a name that another domain has is refused, that one is left alone, and so is the VM's own definition", async () => {
  const [first, own] = [await started("obeys"), await started("obeys")];
  await hypervisor.powerOff(own);
  const domainXml = `<domain type='qemu'><name>${first}</name><memory unit='MiB'>8</memory><os><type>hvm</type></os></domain>`;
  for (const vmId of [VmId.parse(randomUUID()), own])
    expect(await hypervisor.start({ vmId, ...request("obeys"), domainXml })).toMatchObject({
      code: "libvirt_9",
    });
  expect(await detailOf(first)).toBe("running (booted)");
  expect(await detailOf(own)).toBe("shut off (destroyed)");
  await hypervisor.powerOff(first);
});

test("what is done behind the agent's back is told by an event", async () => {
  const vmId = await started("obeys");
  events.length = 0;
  await host.virsh("suspend", vmId);
  await expect.poll(() => events, POLL).toContainEqual({ kind: "vm", vmId });
  expect(await hypervisor.read(vmId)).toMatchObject({ power: "paused", detail: "paused (user)" });
  await host.virsh("destroy", vmId);
  expect(await hypervisor.read(vmId)).toMatchObject({ power: "off" });
});

test("a daemon that is killed is lost and regained, its guests live on, and their deaths meanwhile are seen", async () => {
  const [lives, dies] = [await started("obeys"), await started("obeys")];
  const guest = await host.guestPid(dies);
  events.length = 0;
  process.kill(await host.daemonPid(), "SIGKILL");
  process.kill(guest, "SIGKILL");
  await heard("lost");
  expect(await hypervisor.list()).toMatchObject({ complete: false });
  await heard("regained");
  await expect.poll(() => detailOf(dies), POLL).toBe("shut off (crashed)");
  expect(await hypervisor.read(lives)).toMatchObject({ power: "on" });
  await hypervisor.powerOff(lives);
});

test("a daemon that hangs is lost, and regained when it goes on", async () => {
  events.length = 0;
  const daemon = await host.daemonPid();
  process.kill(daemon, "SIGSTOP");
  try {
    await heard("lost");
    expect(await hypervisor.list()).toMatchObject({ complete: false });
    expect(await hypervisor.powerOff(VmId.parse(randomUUID()))).toMatchObject({
      code: "hypervisor_unreachable",
    });
  } finally {
    process.kill(daemon, "SIGCONT");
  }
  await heard("regained");
  expect(await hypervisor.list()).toMatchObject({ complete: true });
});

test("a guest that hangs holds up no listing, and a power-off ends it all the same", async () => {
  const [hung, other] = [await started("obeys"), await started("obeys")];
  process.kill(await host.guestPid(hung), "SIGSTOP");
  const asked = hypervisor.requestShutdown(hung);
  const beganAt = Date.now();
  const listing = await hypervisor.list();
  expect(Date.now() - beganAt).toBeLessThan(3000);
  expect(listing.complete && listing.vms.find((vm) => vm.vmId === hung)?.power).toBe("on");
  expect(await hypervisor.powerOff(other)).toEqual({ ok: true });
  expect(await hypervisor.powerOff(hung)).toEqual({ ok: true });
  expect((await asked).ok).toBe(false);
});

test("after a host's power failure every VM is known and off, and none comes back by itself", async () => {
  const vmId = await started("obeys");
  await host.crash();
  await host.up();
  await expect.poll(() => detailOf(vmId), POLL).toBe("shut off (unknown)");
  const listing = await hypervisor.list();
  expect(listing.complete && listing.vms.filter((vm) => vm.held)).toEqual([]);
});
