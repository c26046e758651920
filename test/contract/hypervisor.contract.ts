/**
 * What every hypervisor has to do for the agent (`agent/hypervisor/hypervisor.ts`): run on the simulated one, and on
 * libvirt with real guests.
 */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { Hypervisor, StartRequest } from "../../agent/hypervisor/hypervisor.ts";
import { VmId } from "../../shared/model/ids.ts";

/** Generous: a loaded machine is slow, and a wait that succeeds costs only what it takes. */
export const POLL = { timeout: 60_000, interval: 20 };

export type GuestKind = "obeys" | "ignores";

export type HypervisorUnderTest = {
  readonly hypervisor: () => Hypervisor;
  /** A new VM whose guest behaves like that. */
  readonly request: (kind: GuestKind) => Omit<StartRequest, "vmId">;
  /** Resolves when the guest hears a shutdown. */
  readonly booted: (vmId: VmId) => Promise<void>;
  /** Resolves when the guest has heard a shutdown and done nothing. */
  readonly ignored: (vmId: VmId) => Promise<void>;
  /** Its QEMU dies, or what comes next to it. */
  readonly kill: (vmId: VmId) => Promise<void>;
};

export function hypervisorSuite(under: HypervisorUnderTest): void {
  const powerOf = async (vmId: VmId) => {
    const read = await under.hypervisor().read(vmId);
    return read.ok ? read.power : read.code;
  };
  const started = async (kind: GuestKind): Promise<VmId> => {
    const vmId = VmId.parse(randomUUID());
    const done = await under.hypervisor().start({ vmId, ...under.request(kind) });
    expect(done).toEqual({ ok: true });
    await under.booted(vmId);
    return vmId;
  };
  const listed = async (vmId: VmId) => {
    const listing = await under.hypervisor().list();
    return listing.complete ? listing.vms.find((vm) => vm.vmId === vmId) : undefined;
  };

  test("a VM that was never here is not_found, and not listed", async () => {
    const vmId = VmId.parse(randomUUID());
    expect(await under.hypervisor().read(vmId)).toMatchObject({ ok: false, code: "not_found" });
    expect(await under.hypervisor().powerOff(vmId)).toMatchObject({ code: "not_found" });
    expect(await under.hypervisor().requestShutdown(vmId)).toMatchObject({ code: "not_found" });
    expect(await listed(vmId)).toBeUndefined();
  });

  test("a started VM is on, read and listed alike, and held", async () => {
    const vmId = await started("obeys");
    expect(await under.hypervisor().read(vmId)).toMatchObject({ power: "on", held: true });
    expect(await listed(vmId)).toMatchObject({ power: "on", held: true });
    await under.hypervisor().powerOff(vmId);
  });

  test("starting what is on is already_running and leaves it on", async () => {
    const vmId = await started("obeys");
    const again = await under.hypervisor().start({ vmId, ...under.request("obeys") });
    expect(again).toMatchObject({ ok: false, code: "already_running" });
    expect(await powerOf(vmId)).toBe("on");
    await under.hypervisor().powerOff(vmId);
  });

  test("a guest that obeys goes off when it is asked, stays known, and starts again", async () => {
    const vmId = await started("obeys");
    expect(await under.hypervisor().requestShutdown(vmId)).toEqual({ ok: true });
    await expect.poll(() => powerOf(vmId), POLL).toBe("off");
    expect(await listed(vmId)).toMatchObject({ power: "off", held: false });
    expect(await under.hypervisor().start({ vmId, ...under.request("obeys") })).toEqual({
      ok: true,
    });
    await under.hypervisor().powerOff(vmId);
  });

  test("a guest that ignores a shutdown was asked all the same; a power-off ends it", async () => {
    const vmId = await started("ignores");
    expect(await under.hypervisor().requestShutdown(vmId)).toEqual({ ok: true });
    await under.ignored(vmId);
    expect(await powerOf(vmId)).toBe("on");
    expect(await under.hypervisor().powerOff(vmId)).toEqual({ ok: true });
    expect(await under.hypervisor().read(vmId)).toMatchObject({ power: "off", held: false });
  });

  test("powering off what is off is done", async () => {
    const vmId = await started("obeys");
    await under.hypervisor().powerOff(vmId);
    expect(await under.hypervisor().powerOff(vmId)).toEqual({ ok: true });
  });

  test("a shutdown of what is off is refused by a code of the hypervisor's own", async () => {
    const vmId = await started("obeys");
    await under.hypervisor().powerOff(vmId);
    const asked = await under.hypervisor().requestShutdown(vmId);
    expect(asked).toMatchObject({
      ok: false,
      code: expect.stringMatching(/^(libvirt|simulated)_/),
    });
  });

  test("a guest that dies is crashed, is not held, and an event says that something happened", async () => {
    const vmId = await started("obeys");
    const heard: VmId[] = [];
    const unsubscribe = under.hypervisor().subscribe((event) => {
      if (event.kind === "vm") heard.push(event.vmId);
    });
    await under.kill(vmId);
    await expect.poll(() => heard, POLL).toContain(vmId);
    await expect.poll(() => powerOf(vmId), POLL).toBe("crashed");
    expect(await listed(vmId)).toMatchObject({ held: false });
    unsubscribe();
  });

  test("a host tells its size", async () => {
    const capacity = await under.hypervisor().capacity();
    expect(capacity?.cpus).toBeGreaterThan(0);
    expect(capacity?.memoryMiB).toBeGreaterThan(0);
  });
}
