/**
 * The whole path, real at both ends: HTTP API, job, queue, apartment, command, the agent in a process of its own, libvirt,
 * QEMU, and back. Needs root and `test/support/lab/install.sh`.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Vm } from "../../shared/model/vm.ts";
import { type AgentProcess, startAgentProcess } from "../support/agent-process.ts";
import { buildGuestImage, type GuestMode } from "../support/lab/guest-image.ts";
import { type LibvirtHost, startLibvirtHost } from "../support/lab/libvirt-host.ts";
import {
  type Client,
  type RunningStack,
  registerHost,
  runningStack,
} from "../support/running-stack.ts";

const POLL = { timeout: 20_000, interval: 50 };

describe("real guests on a real host, through the API", () => {
  let folder: string;
  let host: LibvirtHost;
  let stack: RunningStack;
  let client: Client;
  let agent: AgentProcess;
  let joinToken: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "vmsync-real-"));
    for (const mode of ["obeys", "ignores"] as const)
      await buildGuestImage({ path: image(mode), mode });
    [host, stack] = await Promise.all([startLibvirtHost({ name: "real-e2e" }), runningStack()]);
    client = stack.client;
    ({ joinToken } = await registerHost(client, "real-e2e"));
    agent = runAgent();
    await vi.waitFor(async () => {
      const { body } = await client.call("GET", "/v1/hosts/real-e2e");
      expect(body, agent.output()).toMatchObject({ state: "Up" });
    }, POLL);
  });
  afterAll(async () => {
    await agent?.stop();
    await stack?.stop();
    await host?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function runAgent(): AgentProcess {
    return startAgentProcess([
      ...["--control-plane", stack.stack.url, "--host", "real-e2e", "--join-token", joinToken],
      ...["--data", join(folder, "agent"), "--libvirt-socket", host.socketPath],
    ]);
  }

  function image(mode: GuestMode): string {
    return join(folder, `${mode}.img`);
  }

  async function aGuest(mode: GuestMode): Promise<Vm> {
    const disks = [{ source: image(mode), readOnly: true }];
    return client.createVm({ name: `guest-${mode}`, spec: { cpus: 1, memoryMiB: 8, disks } });
  }

  /** Its boot sector has run, and it hears the power button. */
  async function booted(vm: Vm): Promise<void> {
    await expect.poll(() => host.guestMemory(vm.id), POLL).toMatchObject({ listens: true });
  }

  async function domainState(vm: Vm): Promise<string> {
    return (await host.virsh("domstate", vm.id)).trim();
  }

  it("starts a guest that boots, stops it when it obeys, and starts it again", async () => {
    const vm = await aGuest("obeys");
    for (let round = 0; round < 2; round += 1) {
      const started = await client.run(vm.id, "start");
      expect(started).toMatchObject({ status: "succeeded", result: { hostId: "real-e2e" } });
      expect(await domainState(vm)).toBe("running");
      expect(await client.vm(vm.id)).toMatchObject({ state: "Running", power: { state: "on" } });
      await booted(vm);

      const stopped = await client.run(vm.id, "stop");
      expect(stopped).toMatchObject({ status: "succeeded", result: { forced: false } });
      expect(await domainState(vm)).toBe("shut off");
      expect(await client.vm(vm.id)).toMatchObject({ state: "Stopped", power: { state: "off" } });
    }
  });

  it("leaves a guest that ignores the shutdown running, and takes its power when forced", async () => {
    const vm = await aGuest("ignores");
    await client.run(vm.id, "start");
    await booted(vm);
    const ignored = await client.run(vm.id, "stop", { graceSeconds: 2 });
    expect(ignored).toMatchObject({ status: "failed", error: { code: "timed_out" } });
    expect(await domainState(vm)).toBe("running");
    expect(await client.vm(vm.id)).toMatchObject({ state: "Running" });
    expect(await host.guestMemory(vm.id)).toMatchObject({ ignored: 1 });

    const forced = await client.run(vm.id, "stop", { forced: true });
    expect(forced).toMatchObject({ status: "succeeded", result: { forced: true } });
    expect(await domainState(vm)).toBe("shut off");
    expect(await client.vm(vm.id)).toMatchObject({ state: "Stopped" });
  });

  it("takes the power after the grace, if asked to", async () => {
    const vm = await aGuest("ignores");
    await client.run(vm.id, "start");
    await booted(vm);
    const stopped = await client.run(vm.id, "stop", { graceSeconds: 1, thenForce: true });
    expect(stopped.status).toBe("succeeded");
    expect(stopped.journal?.map((entry) => entry.step)).toEqual(["asking", "forcing", "ended"]);
    expect(await domainState(vm)).toBe("shut off");
  });

  it("starts a domain from its own XML", async () => {
    const id = randomUUID();
    const domainXml = `<domain type='qemu'><name>own-xml</name><uuid>${id}</uuid><memory unit='MiB'>8</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features><devices>
      <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${image("obeys")}'/><target dev='vda' bus='virtio'/><readonly/><shareable/></disk>
      <controller type='usb' model='none'/><memballoon model='none'/></devices></domain>`;
    const vm = await client.createVm({
      id,
      name: "own-xml",
      spec: { cpus: 1, memoryMiB: 8, domainXml },
    });
    expect(await client.run(vm.id, "start")).toMatchObject({ status: "succeeded" });
    expect(await host.virsh("list", "--name")).toContain("own-xml");
    expect(await client.run(vm.id, "stop", { forced: true })).toMatchObject({
      status: "succeeded",
    });
  });

  it("says in the job's error what the hypervisor said", async () => {
    const disks = [{ source: join(folder, "nothing.img"), readOnly: true }];
    const vm = await client.createVm({ name: "no-disk", spec: { cpus: 1, memoryMiB: 8, disks } });
    const failed = await client.run(vm.id, "start");
    expect(failed).toMatchObject({ status: "failed", error: { code: "host_refused" } });
    expect(failed.error?.detail).toMatch(/libvirt_\d+.*nothing\.img/s);
    expect(await client.vm(vm.id)).toMatchObject({ state: "Stopped" });
    expect((await client.vm(vm.id)).hostId).toBeUndefined();
  });

  it("records a guest's death from the report of its event", async () => {
    const vm = await aGuest("obeys");
    await client.run(vm.id, "start");
    const killedAt = Date.now();
    process.kill(await host.guestPid(await domainName(vm)), "SIGKILL");
    await expect.poll(async () => (await client.vm(vm.id)).power.state, POLL).toBe("crashed");
    process.stdout.write(`from kill -9 of a guest to our record: ${Date.now() - killedAt} ms\n`);
  });

  it("does a command that the agent's death interrupted, once, after the agent is back", async () => {
    const vm = await aGuest("obeys");
    await agent.kill();
    const job = await client.submit(vm.id, "start");
    await expect
      .poll(async () => (await client.call("GET", `/v1/vms/${vm.id}/apartment`)).body, POLL)
      .toMatchObject({ active: { step: "starting" } });
    agent = runAgent();
    const ended = await client.ended(job.id);
    expect(ended, JSON.stringify(ended.journal)).toMatchObject({ status: "succeeded" });
    expect(await domainState(vm)).toBe("running");
    await client.run(vm.id, "stop", { forced: true });
  });

  it("stops the agent cleanly", async () => {
    expect(await agent.stop()).toBe(0);
  });

  async function domainName(vm: Vm): Promise<string> {
    return (await host.virsh("domname", vm.id)).trim();
  }
});
