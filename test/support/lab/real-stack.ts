/**
 * The whole path, real at both ends: the local stack, two libvirt hosts with QEMU guests, and an agent on each, in a process
 * of its own. Needs root and `install.sh`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import type { Vm } from "../../../shared/model/vm.ts";
import { type AgentProcess, startAgentProcess } from "../agent-process.ts";
import { type Client, type RunningStack, registerHost, runningStack } from "../running-stack.ts";
import { buildGuestImage, type GuestMode } from "./guest-image.ts";
import { type LibvirtHost, startLibvirtHosts } from "./libvirt-host.ts";

/** Generous: a loaded machine is slow, and a wait that succeeds costs only what it takes. */
export const POLL = { timeout: 60_000, interval: 50 };

export type RealHost = {
  readonly hostId: string;
  readonly lab: LibvirtHost;
  /** The agent's process, the last one that was started. */
  readonly agent: () => AgentProcess;
  /** Starts an agent, on the folder of the one before; `via` is another way to the control plane. */
  readonly startAgent: (via?: string) => void;
  /** Resolves when the control plane takes it for up. */
  readonly isUp: () => Promise<void>;
};

export type RealStack = {
  readonly client: Client;
  readonly stack: RunningStack["stack"];
  readonly folder: string;
  readonly hosts: readonly [RealHost, RealHost];
  readonly image: (mode: GuestMode) => string;
  /** Records a VM with a guest of that kind; it is Stopped. */
  readonly aVm: (mode: GuestMode, more?: object) => Promise<Vm>;
  /** Its boot sector has run, and it hears the power button. */
  readonly booted: (vm: Pick<Vm, "id">, host: RealHost) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** More than this machine has: guests that sleep need little of it. */
const CAPACITY = { cpus: 32, memoryMiB: 16_384 };
const MODES = ["obeys", "ignores", "powers-off", "panics"] as const;

/** Hosts of these names; both are up when it resolves. */
export async function realStack(wish: {
  readonly hosts: readonly [string, string];
  readonly set?: readonly string[];
}): Promise<RealStack> {
  const folder = await mkdtemp(join(tmpdir(), "vmsync-real-"));
  const image = (mode: GuestMode) => join(folder, `${mode}.img`);
  await Promise.all(MODES.map((mode) => buildGuestImage({ path: image(mode), mode })));
  const [labs, running] = await Promise.all([
    startLibvirtHosts(...wish.hosts),
    runningStack(wish.set === undefined ? {} : { set: wish.set }),
  ]);
  const { client, stack } = running;
  const [first, second] = labs;
  const hostOf = (lab: LibvirtHost) => realHost({ lab, client, url: stack.url, folder });
  const hosts: RealStack["hosts"] = [await hostOf(first), await hostOf(second)];
  const stop = async () => {
    await Promise.all(hosts.map((host) => host.agent().stop()));
    await running.stop();
    await Promise.all(labs.map((lab) => lab.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  for (const host of hosts) host.startAgent();
  try {
    await Promise.all(hosts.map((host) => host.isUp()));
  } catch (error) {
    await stop(); // Nobody else can: a host would outlive the tests.
    throw error;
  }
  return {
    ...{ client, stack, folder, hosts, image, stop },
    aVm: (mode, more) => {
      const disks = [{ source: image(mode), readOnly: true }];
      const spec = { cpus: 1, memoryMiB: 8, disks };
      return client.createVm({ name: `guest-${mode}`, spec, ...more });
    },
    booted: async (vm, { lab }) => {
      await expect.poll(() => lab.guestMemory(vm.id), POLL).toMatchObject({ listens: true });
    },
  };
}

/** Does it, prints how long it took, and answers what it answers. */
export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const beganAt = performance.now();
  const answer = await work();
  const seconds = (performance.now() - beganAt) / 1000;
  process.stdout.write(`${what}: ${seconds.toFixed(2)} s\n`);
  return answer;
}

async function realHost(at: {
  readonly lab: LibvirtHost;
  readonly client: Client;
  readonly url: string;
  readonly folder: string;
}): Promise<RealHost> {
  const { lab, client, folder } = at;
  const { hostId, joinToken } = await registerHost(client, lab.name, { capacity: CAPACITY });
  let agent: AgentProcess | undefined;
  const current = () => {
    if (agent === undefined) throw new Error(`no agent was started on ${hostId}`);
    return agent;
  };
  return {
    hostId,
    lab,
    agent: current,
    startAgent: (via = at.url) => {
      agent = startAgentProcess([
        ...["--control-plane", via, "--host", hostId, "--join-token", joinToken],
        ...["--data", join(folder, hostId), "--libvirt-socket", lab.socketPath],
        ...["--migration-uri", lab.migrationUri],
      ]);
    },
    isUp: () =>
      vi.waitFor(async () => {
        const { body } = await client.call("GET", `/v1/hosts/${hostId}`);
        expect(body, current().output()).toMatchObject({ state: "Up" });
      }, POLL),
  };
}
