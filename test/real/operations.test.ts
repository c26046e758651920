/** Every operation through the API, the local stack and two agents, on real guests on two real hosts. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Hypervisor } from "../../agent/hypervisor/hypervisor.ts";
import { connectLibvirt } from "../../agent/hypervisor/libvirt-hypervisor.ts";
import { systemTime } from "../../agent/time.ts";
import { VmId } from "../../shared/model/ids.ts";
import { Job } from "../../shared/model/job.ts";
import { VmAndJob } from "../../shared/model/user-api.ts";
import type { Vm } from "../../shared/model/vm.ts";
import { aDisk, overlay } from "../support/lab/guest-image.ts";
import {
  POLL,
  type RealHost,
  type RealStack,
  realStack,
  timed,
} from "../support/lab/real-stack.ts";

let real: RealStack;
let a: RealHost;
let b: RealHost;
/** Looks at what the hosts themselves say. */
let looks: Map<RealHost, Hypervisor>;
/** Restarts heard of, at either host. */
const restarts: string[] = [];

beforeAll(async () => {
  real = await realStack({ hosts: ["real-a", "real-b"] });
  [a, b] = real.hosts;
  looks = new Map();
  for (const host of real.hosts) {
    const { socketPath } = host.lab;
    const note = () => {};
    const look = await connectLibvirt({ socketPath, domainType: "qemu", time: systemTime(), note });
    look.subscribe((event) => {
      if (event.kind === "vm" && event.rebooted === true) restarts.push(event.vmId);
    });
    looks.set(host, look);
  }
});
afterAll(async () => {
  for (const look of looks?.values() ?? []) await look.close();
  await real?.stop();
});

/** Runs it, prints its seconds, and wants it to succeed. */
async function does(vm: Pick<Vm, "id">, verb: string, body: object = {}): Promise<Job> {
  const job = await timed(`${verb} ${JSON.stringify(body)}`, () =>
    real.client.run(vm.id, verb, body),
  );
  expect(job, JSON.stringify(job)).toMatchObject({ status: "succeeded" });
  return job;
}

/** What a host says of the VM, now. */
async function at(host: RealHost, vm: Pick<Vm, "id">): Promise<string> {
  const read = await looks.get(host)?.read(VmId.parse(vm.id));
  return read?.ok === true ? read.power : (read?.code ?? "no look");
}

async function sizeAt(host: RealHost, vm: Pick<Vm, "id">) {
  const answer = await looks.get(host)?.describe(VmId.parse(vm.id));
  return answer?.ok === true ? answer.description : undefined;
}

async function expectState(vm: Pick<Vm, "id">, state: string, host?: RealHost): Promise<void> {
  const shown = await real.client.vm(vm.id);
  expect(shown).toMatchObject({ state, ...(host && { hostId: host.hostId }) });
}

async function running(host: RealHost, more: object = {}): Promise<Vm> {
  const vm = await real.aVm("obeys", more);
  await does(vm, "start", { hostId: host.hostId });
  await real.booted(vm, host);
  return vm;
}

test("deploy: created and started in one, on the host that was asked for", async () => {
  const disks = [{ source: real.image("obeys"), readOnly: true }];
  const { status, body } = await real.client.call("POST", "/v1/vms", {
    ...{ name: "deployed", start: true, hostId: b.hostId },
    spec: { cpus: 1, memoryMiB: 8, disks },
  });
  expect(status).toBe(202);
  const { vm, job } = VmAndJob.parse(body);
  const ended = await timed("deploy", () => real.client.ended(job.id));
  expect(ended).toMatchObject({ type: "vm.deploy", status: "succeeded" });
  await expectState(vm, "Running", b);
  expect([await at(a, vm), await at(b, vm)]).toEqual(["not_found", "on"]);
  await does(vm, "stop");
  expect(await at(b, vm)).toBe("off");
});

test("start and stop: a guest that boots, obeys, and starts again", async () => {
  const vm = await real.aVm("obeys");
  for (let round = 0; round < 2; round += 1) {
    const started = await does(vm, "start", { hostId: a.hostId });
    expect(started.result).toEqual({ hostId: a.hostId });
    await expectState(vm, "Running", a);
    await real.booted(vm, a);
    expect((await does(vm, "stop")).result).toEqual({ forced: false });
    await expectState(vm, "Stopped");
    expect(await at(a, vm)).toBe("off");
  }
});

test("what the hypervisor refuses is told in its words", async () => {
  const disks = [{ source: `${real.folder}/nothing.img`, readOnly: true }];
  const vm = await real.aVm("obeys", { spec: { cpus: 1, memoryMiB: 8, disks } });
  const failed = await real.client.run(vm.id, "start", { hostId: a.hostId });
  expect(failed).toMatchObject({ status: "failed", error: { code: "host_refused" } });
  expect(failed.error?.detail).toMatch(/libvirt_\d+.*nothing\.img/s);
  await expectState(vm, "Stopped");
  expect((await real.client.vm(vm.id)).hostId).toBeUndefined();
});

test("reboot: by the guest, or forced under it; the same QEMU runs on", async () => {
  const vm = await running(a);
  const pid = await a.lab.guestPid(vm.id);
  for (const body of [{}, { forced: true }]) {
    restarts.length = 0;
    await does(vm, "reboot", body);
    await expect.poll(() => restarts, POLL).toContain(vm.id);
    await expectState(vm, "Running", a);
    await real.booted(vm, a);
  }
  expect(await a.lab.guestPid(vm.id)).toBe(pid);
  await does(vm, "stop", { forced: true });
});

test("suspend and resume", async () => {
  const vm = await running(a);
  await does(vm, "suspend");
  await expectState(vm, "Suspended", a);
  expect(await at(a, vm)).toBe("paused");
  await does(vm, "resume");
  await expectState(vm, "Running", a);
  expect(await at(a, vm)).toBe("on");
  await does(vm, "stop", { forced: true });
});

test("migrate: live to a named host, back by placement; the guest does not notice, its old host forgets it", async () => {
  const vm = await running(a);
  restarts.length = 0;
  await does(vm, "migrate", { hostId: b.hostId });
  await expectState(vm, "Running", b);
  expect([await at(a, vm), await at(b, vm)]).toEqual(["not_found", "on"]);
  await does(vm, "migrate");
  await expectState(vm, "Running", a);
  expect([await at(a, vm), await at(b, vm)]).toEqual(["on", "not_found"]);
  expect(restarts).toEqual([]);
  await does(vm, "stop");
  expect(await at(a, vm)).toBe("off");
});

test("snapshot, revert, delete-snapshot: of a running guest and of one that is off", async () => {
  const disks = [{ source: await overlay(real.image("obeys")) }];
  const vm = await running(a, { spec: { cpus: 1, memoryMiB: 8, disks } });
  await does(vm, "snapshot", { name: "while-on" });
  await does(vm, "stop", { forced: true });
  await does(vm, "snapshot", { name: "while-off" });
  await does(vm, "revert", { snapshot: "while-on" });
  await expectState(vm, "Running", a);
  expect(await at(a, vm)).toBe("on");
  await does(vm, "revert", { snapshot: "while-off" });
  await expectState(vm, "Stopped");
  expect(await at(a, vm)).toBe("off");
  await does(vm, "delete-snapshot", { snapshot: "while-on" });
  expect(await a.lab.virsh("snapshot-list", vm.id, "--name")).not.toContain("while-on");
  const gone = await real.client.run(vm.id, "revert", { snapshot: "while-on" });
  expect(gone.status).toBe("failed");
});

test("attach and detach: at once on a running guest, and in what its next start brings", async () => {
  const vm = await running(a);
  const device = { kind: "disk", source: await aDisk(real.folder) } as const;
  const disksAt = () => a.lab.virsh("domblklist", vm.id);
  await does(vm, "attach", { device });
  expect(await disksAt()).toContain(device.source);
  await does(vm, "stop", { forced: true });
  await does(vm, "start");
  await real.booted(vm, a);
  expect(await disksAt()).toContain(device.source);
  await does(vm, "detach", { device });
  expect(await disksAt()).not.toContain(device.source);
  await does(vm, "stop", { forced: true });
  await does(vm, "start");
  expect(await disksAt()).not.toContain(device.source);
  await does(vm, "stop", { forced: true });
});

test("scale: another size from the next start on", async () => {
  const vm = await running(a);
  await does(vm, "stop", { forced: true });
  await does(vm, "scale", { cpus: 2, memoryMiB: 24 });
  await does(vm, "start", { hostId: a.hostId });
  expect(await sizeAt(a, vm)).toMatchObject({ cpus: 2, memoryMiB: 24 });
  await does(vm, "stop", { forced: true });
});

test("an owner's own domain XML is scaled and given devices in place", async () => {
  const source = real.image("obeys");
  const domainXml = `<domain type='qemu'><name>own-xml-2</name><description>mine</description><memory unit='MiB'>8</memory>
    <vcpu>1</vcpu><os><type>hvm</type></os><features><acpi/></features><devices><disk type='file' device='disk'>
    <driver name='qemu' type='raw'/><source file='${source}'/><target dev='vda' bus='virtio'/><readonly/><shareable/></disk>
    <controller type='usb' model='none'/><memballoon model='none'/></devices></domain>`;
  const vm = await real.aVm("obeys", { spec: { cpus: 1, memoryMiB: 8, domainXml } });
  const device = { kind: "disk", source: await aDisk(real.folder) } as const;
  await does(vm, "attach", { device });
  await does(vm, "scale", { memoryMiB: 16 });
  await does(vm, "start", { hostId: b.hostId });
  const xml = await b.lab.virsh("dumpxml", vm.id);
  expect(xml).toContain("<description>mine</description>");
  expect(xml).toContain(device.source);
  expect(await sizeAt(b, vm)).toMatchObject({ cpus: 1, memoryMiB: 16 });
  await does(vm, "stop", { forced: true });
});

test("destroy, recover, destroy and expunge: gone, and no host knows it", async () => {
  const vm = await running(b);
  await does(vm, "destroy", { forced: true });
  await expectState(vm, "Destroyed");
  expect(await at(b, vm)).toBe("off");
  await does(vm, "recover");
  await expectState(vm, "Stopped");
  await does(vm, "start", { hostId: b.hostId });
  await real.booted(vm, b);
  await does(vm, "destroy", { expunge: true });
  expect((await real.client.call("GET", `/v1/vms/${vm.id}`)).status).toBe(404);
  expect([await at(a, vm), await at(b, vm)]).toEqual(["not_found", "not_found"]);
});

test("expunge of one that is Destroyed, with its snapshots", async () => {
  const disks = [{ source: await overlay(real.image("obeys")) }];
  const vm = await running(a, { spec: { cpus: 1, memoryMiB: 8, disks } });
  await does(vm, "snapshot", { name: "one" });
  await does(vm, "destroy", { forced: true });
  await does(vm, "expunge");
  expect((await real.client.call("GET", `/v1/vms/${vm.id}`)).status).toBe(404);
  expect(await at(a, vm)).toBe("not_found");
});

test("maintenance: a host's guests move away live, those of the other stay, and it takes VMs again afterwards", async () => {
  const moved = [await running(a), await running(a), await running(a)];
  const stays = await running(b);
  restarts.length = 0;
  const path = `/v1/hosts/${a.hostId}/maintenance`;
  const begun = await real.client.call("POST", path, { enabled: true });
  expect(begun.status, JSON.stringify(begun.body)).toBe(202);
  const ended = await timed(`maintenance of a host with ${moved.length} VMs`, () =>
    real.client.ended(Job.parse(begun.body).id),
  );
  expect(ended, JSON.stringify(ended)).toMatchObject({ status: "succeeded" });
  for (const vm of [...moved, stays]) {
    await expectState(vm, "Running", b);
    expect([await at(a, vm), await at(b, vm)]).toEqual(["not_found", "on"]);
  }
  expect(restarts).toEqual([]);
  expect((await real.client.call("POST", path, { enabled: false })).status).toBe(200);
  for (const vm of [...moved, stays]) await does(vm, "stop", { forced: true });
  const back = await running(a);
  await does(back, "stop", { forced: true });
});
