/** The agent on a real libvirt host with real guests, against a control plane in memory. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Agent, runAgent } from "../../agent/agent.ts";
import { commandLog } from "../../agent/command-log.ts";
import type { Hypervisor } from "../../agent/hypervisor/hypervisor.ts";
import { connectLibvirt } from "../../agent/hypervisor/libvirt-hypervisor.ts";
import { lease } from "../../agent/lease.ts";
import { openLogFile } from "../../agent/log-file.ts";
import { systemTime } from "../../agent/time.ts";
import { Command } from "../../shared/model/command.ts";
import { BootId } from "../../shared/model/ids.ts";
import { POLL } from "../contract/hypervisor.contract.ts";
import { aCommand, startArgs } from "../support/agent/commands.ts";
import { fakeControlPlane } from "../support/agent/fake-control-plane.ts";
import { buildGuestImage } from "../support/lab/guest-image.ts";
import { type LibvirtHost, startLibvirtHost } from "../support/lab/libvirt-host.ts";

const BOOT = "boot-real";
const plane = fakeControlPlane();

let folder: string;
let host: LibvirtHost;
let hypervisor: Hypervisor;
let agent: Agent;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vmsync-agent-"));
  for (const mode of ["obeys", "ignores"] as const)
    await buildGuestImage({ path: join(folder, mode), mode });
  host = await startLibvirtHost({ name: "real-b" });
  const time = systemTime();
  const note = () => {};
  hypervisor = await connectLibvirt({
    socketPath: host.socketPath,
    domainType: "qemu",
    time,
    note,
  });
  agent = runAgent({
    time,
    random: Math.random,
    newBootId: () => BootId.parse(BOOT),
    controlPlane: plane.port,
    openCommandSource: plane.openCommandSource,
    hypervisor,
    log: commandLog(await openLogFile(join(folder, "log"))),
    lease: lease({ time, machineBootId: "machine", stored: undefined, store: () => {} }),
    note,
  });
  await agent.ready;
});
afterAll(async () => {
  await agent?.stop();
  await hypervisor?.close();
  await host?.stop();
  await rm(folder, { recursive: true, force: true });
});

let commands = 0;

/** Sends it for that VM, and answers its result. */
async function done(vmId: string, verb: string, args?: Command["args"]) {
  const commandId = `${vmId}.${++commands}`;
  const made = aCommand({ commandId, verb, epoch: commands, bootId: BOOT, ...(args && { args }) });
  plane.send(Command.parse({ ...made, vmId }));
  const result = () => plane.results.find((one) => one.commandId === commandId);
  await expect.poll(result, POLL).toBeDefined();
  return result();
}

const started = async (mode: "obeys" | "ignores") => {
  const vmId = randomUUID();
  const disks = [{ source: join(folder, mode), readOnly: true }];
  const args = startArgs({ spec: { cpus: 1, memoryMiB: 8, disks } });
  expect(await done(vmId, "start", args)).toMatchObject({ status: "done", power: "on" });
  await expect.poll(() => host.guestMemory(vmId), POLL).toMatchObject({ listens: true });
  return vmId;
};

const reported = (vmId: string) => plane.reports.at(-1)?.vms.find((vm) => vm.vmId === vmId);

test("a real guest is started, reported on, and obeys a shutdown", async () => {
  const vmId = await started("obeys");
  await expect.poll(() => reported(vmId), POLL).toMatchObject({ power: "on" });
  expect(await done(vmId, "start", startArgs())).toMatchObject({ code: "already_running" });
  expect(await done(vmId, "shutdown")).toMatchObject({ status: "done", power: "off" });
  const off = { power: "off", detail: "shut off (shutdown)", epoch: commands };
  await expect.poll(() => reported(vmId), POLL).toMatchObject(off);
});

test("a real guest that ignores a shutdown is on when its grace is over, and is powered off", async () => {
  const vmId = await started("ignores");
  const ignored = await done(vmId, "shutdown", { graceSeconds: 1 });
  expect(ignored).toMatchObject({ status: "failed", code: "timeout", power: "on" });
  expect(await done(vmId, "probe")).toMatchObject({ status: "done", power: "on", busy: false });
  expect(await done(vmId, "poweroff")).toMatchObject({ status: "done", power: "off" });
});

test("a real guest that is killed is reported by an event, not at the next interval", async () => {
  const vmId = await started("obeys");
  process.kill(await host.guestPid(vmId), "SIGKILL");
  const crashed = { power: "crashed", detail: "shut off (crashed)" };
  await expect.poll(() => reported(vmId), { ...POLL, timeout: 10_000 }).toMatchObject(crashed);
  expect(plane.reports.at(-1)?.kind).toBe("event");
});

test("while libvirt is away the reports are not complete, and whole again afterwards", async () => {
  const vmId = await started("obeys");
  process.kill(await host.daemonPid(), "SIGKILL");
  await expect.poll(() => plane.reports.at(-1)?.complete, POLL).toBe(false);
  expect(plane.reports.at(-1)?.vms).toEqual([]);
  await expect.poll(() => plane.reports.at(-1)?.complete, POLL).toBe(true);
  await expect.poll(() => reported(vmId), POLL).toMatchObject({ power: "on" });
  await done(vmId, "poweroff");
});
