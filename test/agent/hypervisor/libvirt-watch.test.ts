import { afterEach, beforeEach, expect, test } from "vitest";
import type { Hypervisor } from "../../../agent/hypervisor/hypervisor.ts";
import { connectLibvirt } from "../../../agent/hypervisor/libvirt-hypervisor.ts";
import { systemTime } from "../../../agent/time.ts";
import { vmId } from "../../support/agent/commands.ts";
import { type FakeLibvirtd, fakeLibvirtd, OPENING } from "../../support/agent/fake-libvirtd.ts";
import { type ManualTime, manualTime } from "../../support/agent/manual-time.ts";

const STATES = 344;
const GET_STATE = 212;
const DESTROY = 12;
const NO_VMS = { body: Buffer.alloc(4) };

let daemon: FakeLibvirtd;
let time: ManualTime;
let hypervisor: Hypervisor;
const heard: string[] = [];
beforeEach(async () => {
  daemon = await fakeLibvirtd();
  time = manualTime();
  hypervisor = await connected();
  heard.length = 0;
  hypervisor.subscribe((event) => heard.push(event.kind));
});
afterEach(async () => {
  await hypervisor.close();
  await daemon.stop();
});

function connected(): Promise<Hypervisor> {
  return connectLibvirt({
    socketPath: daemon.socketPath,
    domainType: "qemu",
    time,
    note: () => {},
  });
}

/** The next event of that kind; time passes meanwhile. */
async function untilHeard(kind: string): Promise<void> {
  while (!heard.includes(kind)) await time.advance(100);
}

test("H1: a host without VMs is a complete listing of none", async () => {
  daemon.answer = (call) =>
    call.procedure === STATES ? NO_VMS : (OPENING[call.procedure] ?? "silence");
  expect(await hypervisor.list()).toEqual({ complete: true, vms: [] });
});

test("H1: a daemon that died is not an empty listing, and is found again", async () => {
  daemon.answer = (call) =>
    call.procedure === STATES ? NO_VMS : (OPENING[call.procedure] ?? "silence");
  daemon.drop();
  await untilHeard("lost");
  expect(await hypervisor.list()).toMatchObject({ complete: false });
  expect(await hypervisor.read(vmId(1))).toMatchObject({ code: "hypervisor_unreachable" });
  await untilHeard("regained");
  expect(await hypervisor.list()).toEqual({ complete: true, vms: [] });
});

test("H3: a daemon that hangs is noticed though nobody asks, and its looks end", async () => {
  daemon.answer = () => "silence";
  const listing = hypervisor.list();
  await untilHeard("lost");
  expect(await listing).toMatchObject({
    complete: false,
    reason: expect.stringMatching(/did not answer in 5000 ms/),
  });
});

test("a daemon that goes on hanging takes no connection for a good one", async () => {
  daemon.answer = () => "silence";
  await untilHeard("lost");
  for (let waits = 0; waits < 200; waits += 1) await time.advance(100);
  expect(heard).toEqual(["lost"]);
});

test("H2: an action that was refused has libvirt's code", async () => {
  daemon.answer = (call) =>
    call.procedure === DESTROY
      ? { code: 38, message: "cannot do that" }
      : (OPENING[call.procedure] ?? "silence");
  expect(await hypervisor.powerOff(vmId(1))).toEqual({
    ok: false,
    code: "libvirt_38",
    detail: "cannot do that",
  });
});

test("H2: an action whose connection ended may have run; one that had none has not", async () => {
  daemon.answer = (call) => {
    if (call.procedure === DESTROY) daemon.drop();
    return OPENING[call.procedure] ?? "silence";
  };
  expect(await hypervisor.powerOff(vmId(1))).toMatchObject({ code: "outcome_unknown" });
  await daemon.stop();
  expect(await hypervisor.powerOff(vmId(1))).toMatchObject({ code: "hypervisor_unreachable" });
  daemon = await fakeLibvirtd();
});

test("a VM that libvirt does not know is not_found", async () => {
  daemon.answer = (call) =>
    call.procedure === GET_STATE
      ? { code: 42, message: "Domain not found" }
      : (OPENING[call.procedure] ?? "silence");
  expect(await hypervisor.read(vmId(1))).toEqual({
    ok: false,
    code: "not_found",
    detail: "Domain not found",
  });
});

test("libvirt that asks for authentication, or is not there, is one clear line", async () => {
  daemon.answer = () => ({ body: Buffer.from("0000000100000002", "hex") });
  await expect(connected()).rejects.toThrow(/libvirt cannot be reached: .*asks for authentication/);
  const nowhere = { socketPath: "/nowhere/sock", domainType: "qemu" } as const;
  await expect(connectLibvirt({ ...nowhere, time: systemTime(), note: () => {} })).rejects.toThrow(
    "libvirt cannot be reached: connect ENOENT /nowhere/sock",
  );
});
