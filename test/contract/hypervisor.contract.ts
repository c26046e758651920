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

/** `keeps`: obeys, and its disk is of a kind that keeps snapshots. */
export type GuestKind = "obeys" | "ignores" | "keeps";

export type HypervisorUnderTest = {
  readonly hypervisor: () => Hypervisor;
  /** Another host, to which it can move guests. */
  readonly target: () => Hypervisor;
  /** The path of a disk for one guest, not in use. */
  readonly disk: () => Promise<string>;
  /** A new VM whose guest behaves like that. */
  readonly request: (kind: GuestKind) => Promise<Omit<StartRequest, "vmId">>;
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
    const done = await under.hypervisor().start({ vmId, ...(await under.request(kind)) });
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
    const again = await under.hypervisor().start({ vmId, ...(await under.request("obeys")) });
    expect(again).toMatchObject({ ok: false, code: "already_running" });
    expect(await powerOf(vmId)).toBe("on");
    await under.hypervisor().powerOff(vmId);
  });

  test("a guest that obeys goes off when it is asked, stays known, and starts again", async () => {
    const vmId = await started("obeys");
    expect(await under.hypervisor().requestShutdown(vmId)).toEqual({ ok: true });
    await expect.poll(() => powerOf(vmId), POLL).toBe("off");
    expect(await listed(vmId)).toMatchObject({ power: "off", held: false });
    expect(await under.hypervisor().start({ vmId, ...(await under.request("obeys")) })).toEqual({
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

  changesSuite(under, started);
  migrationSuite(under, started);

  test("a host tells its size", async () => {
    const capacity = await under.hypervisor().capacity();
    expect(capacity?.cpus).toBeGreaterThan(0);
    expect(capacity?.memoryMiB).toBeGreaterThan(0);
  });
}

type Started = (kind: GuestKind) => Promise<VmId>;

const OWN_CODE = { ok: false, code: expect.stringMatching(/^(libvirt|simulated)_/) };

function changesSuite(under: HypervisorUnderTest, started: Started): void {
  const { hypervisor } = under;
  const powerOf = async (vmId: VmId) => {
    const read = await hypervisor().read(vmId);
    return read.ok ? read.power : read.code;
  };
  /** Restarts that were heard of, from now on. */
  const restarts = () => {
    const heard: VmId[] = [];
    hypervisor().subscribe((event) => {
      if (event.kind === "vm" && event.rebooted === true) heard.push(event.vmId);
    });
    return heard;
  };
  const memoryOf = async (vmId: VmId) => {
    const answer = await hypervisor().describe(vmId);
    return answer.ok ? answer.description.memoryMiB : answer.code;
  };

  test("what needs a VM is not_found where it was never", async () => {
    const vmId = VmId.parse(randomUUID());
    const device = { kind: "disk", source: "/none" } as const;
    const { signal } = new AbortController();
    const asked = [
      hypervisor().requestReboot(vmId),
      hypervisor().reset(vmId),
      hypervisor().suspend(vmId),
      hypervisor().resume(vmId),
      hypervisor().migrate({ vmId, targetUri: under.target().migrationUri ?? "", signal }),
      hypervisor().undefine(vmId),
      hypervisor().snapshot(vmId, "one"),
      hypervisor().revert(vmId, "one"),
      hypervisor().deleteSnapshot(vmId, "one"),
      hypervisor().attach(vmId, device),
      hypervisor().detach(vmId, device, signal),
      hypervisor().scale(vmId, { cpus: 2 }),
      hypervisor().describe(vmId),
    ];
    for (const answer of await Promise.all(asked))
      expect(answer).toMatchObject({ ok: false, code: "not_found" });
    expect(await hypervisor().isAtWork(vmId)).toBe("no");
  });

  test("what needs a guest that runs is refused by a code of the hypervisor's own when it is off", async () => {
    const vmId = await started("obeys");
    await hypervisor().powerOff(vmId);
    const device = { kind: "disk", source: await under.disk() } as const;
    const { signal } = new AbortController();
    for (const ask of [
      () => hypervisor().requestReboot(vmId),
      () => hypervisor().reset(vmId),
      () => hypervisor().suspend(vmId),
      () => hypervisor().resume(vmId),
      () => hypervisor().migrate({ vmId, targetUri: under.target().migrationUri ?? "", signal }),
      () => hypervisor().attach(vmId, device),
    ])
      expect(await ask()).toMatchObject(OWN_CODE);
    expect(await powerOf(vmId)).toBe("off");
  });

  test("a guest that obeys restarts when it is asked, and is on before and after", async () => {
    const vmId = await started("obeys");
    const heard = restarts();
    expect(await hypervisor().requestReboot(vmId)).toEqual({ ok: true });
    await expect.poll(() => heard, POLL).toContain(vmId);
    await expect.poll(() => powerOf(vmId), POLL).toBe("on");
    await hypervisor().powerOff(vmId);
  });

  test("a guest that ignores a reboot was asked all the same; a reset restarts it", async () => {
    const vmId = await started("ignores");
    const heard = restarts();
    expect(await hypervisor().requestReboot(vmId)).toEqual({ ok: true });
    await under.ignored(vmId);
    expect(heard).not.toContain(vmId);
    expect(await hypervisor().reset(vmId)).toEqual({ ok: true });
    await expect.poll(() => heard, POLL).toContain(vmId);
    expect(await powerOf(vmId)).toBe("on");
    await hypervisor().powerOff(vmId);
  });

  test("a guest is paused and goes on, however often it is said", async () => {
    const vmId = await started("obeys");
    for (let times = 0; times < 2; times += 1) {
      expect(await hypervisor().suspend(vmId)).toEqual({ ok: true });
      expect(await hypervisor().read(vmId)).toMatchObject({ power: "paused", held: true });
    }
    for (let times = 0; times < 2; times += 1) {
      expect(await hypervisor().resume(vmId)).toEqual({ ok: true });
      expect(await hypervisor().read(vmId)).toMatchObject({ power: "on", held: true });
    }
    await hypervisor().powerOff(vmId);
  });

  test("a VM is forgotten when it is off, its snapshots with it, and not before", async () => {
    const vmId = await started("keeps");
    await hypervisor().snapshot(vmId, "one");
    expect(await hypervisor().undefine(vmId)).toMatchObject({ code: "already_running" });
    await hypervisor().powerOff(vmId);
    expect(await powerOf(vmId)).toBe("off");
    expect(await hypervisor().undefine(vmId)).toEqual({ ok: true });
    expect(await powerOf(vmId)).toBe("not_found");
  });

  test("a snapshot brings back what was, power included; there is one of a name", async () => {
    const vmId = await started("keeps");
    for (let times = 0; times < 2; times += 1)
      expect(await hypervisor().snapshot(vmId, "while-on")).toEqual({ ok: true });
    await hypervisor().powerOff(vmId);
    expect(await hypervisor().snapshot(vmId, "while-off")).toEqual({ ok: true });
    expect(await hypervisor().revert(vmId, "while-on")).toEqual({ ok: true });
    expect(await powerOf(vmId)).toBe("on");
    expect(await hypervisor().revert(vmId, "while-off")).toEqual({ ok: true });
    expect(await powerOf(vmId)).toBe("off");
    for (let times = 0; times < 2; times += 1)
      expect(await hypervisor().deleteSnapshot(vmId, "while-on")).toEqual({ ok: true });
    const gone = { ok: false, code: "snapshot_not_found" };
    expect(await hypervisor().revert(vmId, "while-on")).toMatchObject(gone);
    expect(await powerOf(vmId)).toBe("off");
  });

  test("a device comes to a running guest and goes, however often it is said", async () => {
    const vmId = await started("obeys");
    const device = { kind: "disk", source: await under.disk() } as const;
    const { signal } = new AbortController();
    for (let times = 0; times < 2; times += 1)
      expect(await hypervisor().attach(vmId, device)).toEqual({ ok: true });
    for (let times = 0; times < 2; times += 1)
      expect(await hypervisor().detach(vmId, device, signal)).toEqual({ ok: true });
    await hypervisor().powerOff(vmId);
  });

  test("H2: a guest that does not let go of a device may do so later", async () => {
    const vmId = await started("ignores");
    const device = { kind: "disk", source: await under.disk() } as const;
    await hypervisor().attach(vmId, device);
    const detached = await hypervisor().detach(vmId, device, AbortSignal.timeout(50));
    expect(detached).toMatchObject({ ok: false, code: "outcome_unknown" });
    await hypervisor().powerOff(vmId);
  });

  test("a VM that is off is given another size, one that is on is not", async () => {
    const vmId = await started("obeys");
    const before = await memoryOf(vmId);
    const size = { cpus: 2, memoryMiB: 24 };
    expect(await hypervisor().scale(vmId, size)).toMatchObject({ code: "already_running" });
    expect(await memoryOf(vmId)).toBe(before);
    await hypervisor().powerOff(vmId);
    expect(await hypervisor().scale(vmId, size)).toEqual({ ok: true });
    expect(await hypervisor().describe(vmId)).toMatchObject({
      ok: true,
      description: { ...size, domainXml: expect.stringContaining(vmId) },
    });
    expect(await hypervisor().scale(vmId, { cpus: 1 })).toEqual({ ok: true });
    expect(await hypervisor().describe(vmId)).toMatchObject({
      description: { cpus: 1, memoryMiB: 24 },
    });
  });
}

function migrationSuite(under: HypervisorUnderTest, started: Started): void {
  const { hypervisor, target } = under;
  const migrate = (vmId: VmId, signal = new AbortController().signal) =>
    hypervisor().migrate({ vmId, targetUri: target().migrationUri ?? "", signal });

  test("a guest that moves runs on at the target, and this host forgets it", async () => {
    const vmId = await started("obeys");
    expect(await hypervisor().isAtWork(vmId)).toBe("no");
    expect(await migrate(vmId)).toEqual({ ok: true });
    expect(await target().read(vmId)).toMatchObject({ power: "on", held: true });
    expect(await hypervisor().read(vmId)).toMatchObject({ code: "not_found" });
    await target().powerOff(vmId);
    expect(await target().read(vmId)).toMatchObject({ power: "off" });
    await target().undefine(vmId);
  });

  test("while a guest moves both hosts have it, and neither says that it is on twice", async () => {
    const vmId = await started("obeys");
    const sights: string[] = [];
    const watch = setInterval(async () => {
      const there = await target().read(vmId); // First: when it is on there, it is not on here any more.
      const here = await hypervisor().read(vmId);
      sights.push([there, here].map((read) => (read.ok ? read.power : read.code)).join(" "));
    }, 5);
    try {
      expect(await migrate(vmId)).toEqual({ ok: true });
    } finally {
      clearInterval(watch);
    }
    expect(sights).toContain("unknown on");
    expect(sights).not.toContain("on on");
    await target().powerOff(vmId);
    await target().undefine(vmId);
  });

  test("a migration that cannot be leaves the guest as it was", async () => {
    const vmId = await started("obeys");
    const { signal } = new AbortController();
    for (const targetUri of ["qemu+unix:///system?socket=/none", "qemu+ext:///system?command=/x"])
      expect(await hypervisor().migrate({ vmId, targetUri, signal })).toMatchObject({ ok: false });
    expect(await hypervisor().read(vmId)).toMatchObject({ power: "on" });
    await hypervisor().powerOff(vmId);
  });

  test("a migration that is called off ends at one host or the other, as it answers", async () => {
    const vmId = await started("obeys");
    const done = await migrate(vmId, AbortSignal.timeout(20));
    const [here, there] = done.ok ? [target(), hypervisor()] : [hypervisor(), target()];
    if (!done.ok) expect(done.code).toBe("aborted");
    await expect
      .poll(async () => {
        const read = await here.read(vmId);
        return read.ok && read.power;
      }, POLL)
      .toBe("on");
    expect(await there.read(vmId)).toMatchObject({ code: "not_found" });
    await here.powerOff(vmId);
    await here.undefine(vmId);
  });
}
