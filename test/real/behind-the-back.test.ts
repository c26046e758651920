/**
 * What happens to real guests without vmsync's doing, until its record says so (issue 4.9). Each test prints the seconds from
 * the deed to the record.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connectLibvirt } from "../../agent/hypervisor/libvirt-hypervisor.ts";
import { systemTime } from "../../agent/time.ts";
import { IncidentPage } from "../../shared/model/user-api.ts";
import type { Vm } from "../../shared/model/vm.ts";
import type { GuestMode } from "../support/lab/guest-image.ts";
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

beforeAll(async () => {
  real = await realStack({ hosts: ["real-a", "real-b"], set: ["reportIntervalSeconds=5"] });
  [a, b] = real.hosts;
});
afterAll(async () => {
  await real?.stop();
});

const made: Vm[] = [];
afterEach(async () => {
  for (const vm of made.splice(0)) await real.client.run(vm.id, "stop", { forced: true });
});

async function running(host: RealHost, mode: GuestMode = "obeys"): Promise<Vm> {
  const vm = await real.aVm(mode);
  made.push(vm);
  const started = await real.client.run(vm.id, "start", { hostId: host.hostId });
  expect(started, JSON.stringify(started)).toMatchObject({ status: "succeeded" });
  if (mode === "obeys") await real.booted(vm, host);
  return vm;
}

async function stateOf(vm: Vm): Promise<string> {
  return (await real.client.vm(vm.id)).state;
}

/** Waits until the record says so and no job is at it any more; prints how long that took. */
async function becomes(vm: Vm, what: string, then: object): Promise<void> {
  await timed(what, () => expect.poll(() => real.client.vm(vm.id), POLL).toMatchObject(then));
  await expect.poll(async () => (await real.client.vm(vm.id)).activeJobId, POLL).toBeUndefined();
  expect(await real.client.vm(vm.id)).toMatchObject(then);
}

/** Of incidents ever opened for the VM. */
async function incidentsOf(vm: Vm): Promise<readonly string[]> {
  const { body } = await real.client.call("GET", `/v1/incidents?vmId=${vm.id}`);
  return IncidentPage.parse(body).items.map(({ kind }) => kind);
}

describe("a guest that ends by itself", () => {
  test("killed: its QEMU gets kill -9", async () => {
    const vm = await running(a);
    process.kill(await a.lab.guestPid(vm.id), "SIGKILL");
    await becomes(vm, "kill -9 of its QEMU", { state: "Stopped", power: { state: "crashed" } });
  });

  test("powered off by itself", async () => {
    const vm = await running(a, "powers-off");
    await expect.poll(() => a.lab.virsh("domstate", vm.id), POLL).toContain("shut off");
    await becomes(vm, "a guest that powers itself off", {
      ...{ state: "Stopped", power: { state: "off", detail: "shut off (shutdown)" } },
    });
  });

  test("panicked", async () => {
    const vm = await running(a, "panics");
    await expect.poll(() => a.lab.virsh("domstate", vm.id), POLL).toContain("shut off");
    await becomes(vm, "a guest that panics", { state: "Stopped", power: { state: "crashed" } });
  });
});

describe("an operator with virsh", () => {
  test("destroys and starts it", async () => {
    const vm = await running(a);
    await a.lab.virsh("destroy", vm.id);
    await becomes(vm, "virsh destroy", { state: "Stopped", power: { state: "off" } });
    await a.lab.virsh("start", vm.id);
    await becomes(vm, "virsh start", { state: "Running", hostId: a.hostId });
    expect(await incidentsOf(vm)).toEqual(["out_of_band_power_on", "out_of_band_power_off"]);
  });

  test("suspends and resumes it", async () => {
    const vm = await running(a);
    await a.lab.virsh("suspend", vm.id);
    await becomes(vm, "virsh suspend", { state: "Suspended", hostId: a.hostId });
    await a.lab.virsh("resume", vm.id);
    await becomes(vm, "virsh resume", { state: "Running", hostId: a.hostId });
  });

  test.each([
    { how: "and forgets it here", flags: ["--persistent", "--undefinesource"] },
    { how: "and leaves its definition here, and none there", flags: [] },
  ])("moves it live $how: a migration, and never a split brain", async ({ how, flags }) => {
    const vm = await running(a);
    const { migrationUri } = b.lab;
    await a.lab.virsh("migrate", "--live", "--p2p", ...flags, vm.id, migrationUri);
    await becomes(vm, `virsh migrate, ${how}`, { state: "Running", hostId: b.hostId });
    expect(await incidentsOf(vm)).toEqual(["out_of_band_migration"]);
  });

  test("moves one live that takes long: Running all the while, at the one host and then the other", async () => {
    const disks = [{ source: real.image("obeys"), readOnly: true }];
    const vm = await real.aVm("obeys", { spec: { cpus: 1, memoryMiB: 1024, disks } });
    made.push(vm);
    await real.client.run(vm.id, "start", { hostId: a.hostId });
    await a.lab.virsh("migrate-setspeed", vm.id, "1");
    const states = new Set<string>();
    const watch = setInterval(async () => states.add(await stateOf(vm)), 250);
    try {
      await a.lab.virsh("migrate", "--live", "--p2p", vm.id, b.lab.migrationUri);
      await becomes(vm, "virsh migrate of a large guest, from its end", {
        ...{ state: "Running", hostId: b.hostId },
      });
    } finally {
      clearInterval(watch);
    }
    expect([...states]).toEqual(["Running"]);
    expect(await incidentsOf(vm)).toEqual(["out_of_band_migration"]);
  });
});

describe("a host's own troubles", () => {
  test("libvirtd restarted: its guests run on, and so does the record", async () => {
    const vm = await running(a);
    const version = (await real.client.vm(vm.id)).version;
    await timed("libvirtd restarted, until its host is seen whole again", async () => {
      process.kill(await a.lab.daemonPid(), "SIGKILL");
      await expect
        .poll(() => a.lab.virsh("domstate", vm.id).catch(() => ""), POLL)
        .toContain("running");
      await a.lab.virsh("suspend", vm.id);
      await expect.poll(() => stateOf(vm), POLL).toBe("Suspended");
    });
    await a.lab.virsh("resume", vm.id);
    await becomes(vm, "virsh resume after it", { state: "Running" });
    expect((await real.client.vm(vm.id)).version).toBeGreaterThan(version);
    expect(await incidentsOf(vm)).toEqual([]);
  });

  test("a guest that dies while libvirtd is down", async () => {
    const [dies, lives] = [await running(a), await running(a)];
    const guest = await a.lab.guestPid(dies.id);
    process.kill(await a.lab.daemonPid(), "SIGKILL");
    process.kill(guest, "SIGKILL");
    await becomes(dies, "a guest that dies while libvirtd is down", {
      ...{ state: "Stopped", power: { state: "crashed" } },
    });
    expect(await stateOf(lives)).toBe("Running");
  });

  test("the agent killed, and restarted after what it did not see", async () => {
    const [stops, stays] = [await running(a), await running(a)];
    await a.agent().kill();
    await a.lab.virsh("destroy", stops.id);
    a.startAgent();
    await becomes(stops, "virsh destroy while the agent is dead, from its restart", {
      ...{ state: "Stopped", power: { state: "off" } },
    });
    expect(await stateOf(stays)).toBe("Running");
  });

  test("a power failure, and its return: everything is off, and known to be", async () => {
    const vms = [await running(a), await running(a), await running(a), await running(a)];
    const elsewhere = await running(b);
    await Promise.all([a.lab.crash(), a.agent().kill()]);
    await a.lab.up();
    a.startAgent();
    await timed("power failure, from the agent's restart", async () => {
      for (const vm of vms) await expect.poll(() => stateOf(vm), POLL).toBe("Stopped");
    });
    for (const vm of vms) {
      const { power } = await real.client.vm(vm.id);
      expect(power).toMatchObject({ state: "off", detail: "shut off (unknown)" });
    }
    expect(await stateOf(elsewhere)).toBe("Running");
  });
});

/** Each is a state change behind the back. */
const SAMPLES = 40;
const P99_MS_MAX = 2000;

test("from the hypervisor's event to the record it takes less than two seconds, for 99 of 100", async () => {
  const vm = await running(a);
  const { socketPath } = a.lab;
  const time = systemTime();
  const look = await connectLibvirt({ socketPath, domainType: "qemu", time, note: () => {} });
  let heardAt = 0;
  look.subscribe(() => {
    if (heardAt === 0) heardAt = performance.now();
  });
  const tookMs: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const [verb, state] = sample % 2 === 0 ? ["suspend", "Suspended"] : ["resume", "Running"];
    heardAt = 0;
    await a.lab.virsh(String(verb), vm.id);
    await expect.poll(() => stateOf(vm), { ...POLL, interval: 10 }).toBe(state);
    expect(heardAt).toBeGreaterThan(0);
    tookMs.push(performance.now() - heardAt);
  }
  await look.close();
  const sorted = tookMs.sort((one, other) => one - other);
  const share = (part: number) => Math.round(sorted[Math.ceil(SAMPLES * part) - 1] ?? 0);
  process.stdout.write(
    `from libvirt's event to the record: p50 ${share(0.5)} ms, p99 ${share(0.99)} ms of ${SAMPLES} (target: p99 under ${P99_MS_MAX} ms)\n`,
  );
  expect(share(0.99)).toBeLessThan(P99_MS_MAX);
});
