/**
 * A real host that loses its power and is not back for a while: what becomes of its VMs, with and without HA; and a VM found
 * on a host that nobody here knows. Each prints its seconds; hosts count as Down soon here.
 */
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { IncidentPage } from "../../shared/model/user-api.ts";
import { Vm } from "../../shared/model/vm.ts";
import {
  POLL,
  type RealHost,
  type RealStack,
  realStack,
  timed,
} from "../support/lab/real-stack.ts";

const DOWN_AFTER_SECONDS = 20;

let real: RealStack;
let a: RealHost;
let b: RealHost;

beforeAll(async () => {
  const set = [
    ...["reportIntervalSeconds=2", "hostDisconnectedAfterSeconds=12"],
    `hostDownAfterSeconds=${DOWN_AFTER_SECONDS}`,
  ];
  real = await realStack({ hosts: ["real-a", "real-b"], set });
  [a, b] = real.hosts;
});
afterAll(async () => {
  await real?.stop();
});

async function running(host: RealHost, more: object = {}): Promise<Vm> {
  const vm = await real.aVm("obeys", more);
  const started = await real.client.run(vm.id, "start", { hostId: host.hostId });
  expect(started, JSON.stringify(started)).toMatchObject({ status: "succeeded" });
  await real.booted(vm, host);
  return vm;
}

async function domainState(host: RealHost, vm: Pick<Vm, "id">): Promise<string> {
  return (await host.lab.virsh("domstate", vm.id)).trim();
}

const SLOW = { ...POLL, timeout: 150_000 };

test("a VM found on a host is adopted with what it is made of, and started again from it", async () => {
  const id = randomUUID();
  const xml = `<domain type='qemu'><name>found</name><uuid>${id}</uuid><title>somebody</title><memory unit='MiB'>12</memory>
    <vcpu>2</vcpu><os><type>hvm</type></os><features><acpi/></features><devices><disk type='file' device='disk'>
    <driver name='qemu' type='raw'/><source file='${real.image("obeys")}'/><target dev='vda' bus='virtio'/><readonly/><shareable/>
    </disk><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>`;
  const file = join(real.folder, "found.xml");
  await writeFile(file, xml);
  await a.lab.virsh("define", file);
  await a.lab.virsh("start", "found");
  const adopted = await timed("an orphan, until it can be adopted", async () => {
    let body: unknown;
    const adopt = async () => {
      const path = `/v1/hosts/${a.hostId}/orphans/${id}/adopt`;
      const reply = await real.client.call("POST", path, {});
      body = reply.body;
      return reply.status;
    };
    await expect.poll(adopt, POLL).toBe(201);
    return Vm.parse(body);
  });
  await timed("an adopted VM is Running", () =>
    expect
      .poll(() => real.client.vm(adopted.id), POLL)
      .toMatchObject({
        ...{ id, state: "Running", hostId: a.hostId },
        spec: { cpus: 2, memoryMiB: 12 },
      }),
  );
  expect(await real.client.run(id, "stop", { forced: true })).toMatchObject({
    status: "succeeded",
  });
  expect(await real.client.run(id, "start", { hostId: b.hostId })).toMatchObject({
    status: "succeeded",
  });
  expect(await b.lab.virsh("dumpxml", id)).toContain("<title>somebody</title>");
  expect(await real.client.run(id, "stop", { forced: true })).toMatchObject({
    status: "succeeded",
  });
});

test("a host without power: Down, its VMs Unknown; fenced, its HA VMs run elsewhere; back, what is true", async () => {
  const [plain, ha] = [await running(a), await running(a, { haEnabled: true })];
  await Promise.all([a.lab.crash(), a.agent().kill()]);
  const hostState = async () => {
    const { body } = await real.client.call("GET", `/v1/hosts/${a.hostId}`);
    return body;
  };
  await timed(`no power, until the host is Down (after ${DOWN_AFTER_SECONDS} s of silence)`, () =>
    expect.poll(hostState, SLOW).toMatchObject({ state: "Down" }),
  );
  await timed("its VM is Unknown", () =>
    expect.poll(() => real.client.vm(plain.id), SLOW).toMatchObject({ state: "Unknown" }),
  );
  const { body } = await real.client.call("GET", `/v1/incidents?hostId=${a.hostId}&state=open`);
  expect(IncidentPage.parse(body).items.map(({ kind }) => kind)).toContain("host_down");

  const fenced = await real.client.call("POST", `/v1/hosts/${a.hostId}/fenced`);
  expect(fenced.status, JSON.stringify(fenced.body)).toBe(200);
  await timed("fenced, until its HA VM runs elsewhere", () =>
    expect
      .poll(() => real.client.vm(ha.id), SLOW)
      .toMatchObject({ state: "Running", hostId: b.hostId }),
  );
  expect(await domainState(b, ha)).toBe("running");

  await a.lab.up();
  a.startAgent();
  await timed("the host's return, until it is Up", () =>
    expect.poll(hostState, SLOW).toMatchObject({ state: "Up" }),
  );
  await timed("and its VM is Stopped", () =>
    expect.poll(() => real.client.vm(plain.id), SLOW).toMatchObject({ state: "Stopped" }),
  );
  expect(await real.client.vm(ha.id)).toMatchObject({ state: "Running", hostId: b.hostId });
  expect([await domainState(a, ha), await domainState(a, plain)]).toEqual(["shut off", "shut off"]);
  expect(await real.client.run(plain.id, "start")).toMatchObject({ status: "succeeded" });
});
