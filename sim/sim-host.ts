/** A simulated host: its machine, its hypervisor, and its agent as long as one runs. */
import { type SimulatedHypervisor, simulatedHypervisor } from "../agent/hypervisor/simulated.ts";
import { joinHost } from "../shared/app/join-host.ts";
import { registerHost } from "../shared/app/register-host.ts";
import { HostId } from "../shared/model/ids.ts";
import { type HostProcess, startHostProcess } from "./host-process.ts";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

export type SimHost = {
  readonly hostId: HostId;
  readonly hypervisor: SimulatedHypervisor;
  readonly machine: Machine;
  process: HostProcess | undefined;
};

/** Room for some of the VMs: that none is left must happen too. */
const CAPACITY = { cpus: 8, memoryMiB: 8_192 };

/** Registers the host, joins it and starts its agent. */
export async function addSimHost(world: World, n: number): Promise<SimHost> {
  const hostId = HostId.parse(`host-${n}`);
  const random = world.random(hostId);
  const hypervisor = simulatedHypervisor({
    time: { wallNow: world.time.now, monotonicNow: world.time.now, after: world.time.after },
    random: random.next,
    capacity: CAPACITY,
    network: world.hypervisors,
    migrationUri: `simulated:${hostId}`,
  });
  const publicKey = `${String(n).padStart(43, "0")}=`;
  const { ports } = world.memory;
  const registered = await registerHost(ports, { id: hostId });
  if (!registered.ok) throw new Error(registered.detail);
  const { joinToken } = registered.value;
  const joined = await joinHost(ports, { hostId, joinToken, publicKey });
  if (!joined.ok) throw new Error(joined.detail);
  const machine: Machine = {
    hostId,
    publicKey,
    hypervisor,
    random,
    disk: "",
    lease: undefined,
    skewMs: 0,
    boots: 1,
    agents: 0,
    isCutOff: false,
  };
  const host: SimHost = { hostId, hypervisor, machine, process: undefined };
  startAgent(world, host);
  return host;
}

export function startAgent(world: World, host: SimHost): void {
  host.process = startHostProcess(world, host.machine);
  host.process.agent.stopped.catch(() => {
    host.process = undefined;
  });
}

/** As `kill -9`. */
export function killAgent(host: SimHost): void {
  host.process?.kill();
  host.process = undefined;
}
