/** A simulated host: its machine, its hypervisor, and its agent as long as one runs. */
import type { Hypervisor } from "../agent/hypervisor/hypervisor.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "../agent/hypervisor/simulated.ts";
import { joinHost } from "../shared/app/join-host.ts";
import { registerHost } from "../shared/app/register-host.ts";
import { HostId, type VmId } from "../shared/model/ids.ts";
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
/** What starts an agent again when it ended, takes about this long. */
const RESTART_MS = { least: 100, most: 15_000 };

/** Registers the host, joins it and starts its agent. */
export async function addSimHost(
  world: World,
  n: number,
  mayBeOn: (vmId: VmId) => void,
): Promise<SimHost> {
  const hostId = HostId.parse(`host-${n}`);
  const random = world.random(hostId);
  const hypervisor = simulatedHypervisor({
    time: { wallNow: world.time.now, monotonicNow: world.time.now, after: world.time.after },
    random: random.next,
    capacity: CAPACITY,
    network: world.hypervisors,
    migrationUri: `simulated:${hostId}`,
  });
  world.holds.set(hostId, (vmId) => hypervisor.behindTheBack.seen(vmId)?.held === true);
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
    hypervisor: watchedHypervisor(world, hypervisor, {
      hostId,
      disk: () => machine.disk,
      mayBeOn,
    }),
    random,
    disk: "",
    lease: undefined,
    skewMs: 0,
    boots: 1,
    agents: 0,
    isCutOff: false,
    isOn: true,
    heldOffBy: 0,
    isHung: false,
  };
  const host: SimHost = { hostId, hypervisor, machine, process: undefined };
  startAgent(world, host);
  return host;
}

/** Starts an agent, and another when that one ends without having been killed. */
export function startAgent(world: World, host: SimHost): void {
  const { time, latency, history } = world;
  const ended = () => {
    if (host.process !== mine) return;
    host.process = undefined;
    history.tell(() => `${host.hostId}: the agent ended`);
    time.after(latency.int(RESTART_MS.least, RESTART_MS.most), () => {
      if (host.process === undefined && host.machine.isOn) startAgent(world, host);
    });
  };
  // Not at once: it may die in the middle of its start.
  const mine = startHostProcess(world, host.machine, () => {
    time.after(0, ended);
  });
  host.process = mine;
}

/** As `kill -9`. */
export function killAgent(host: SimHost): void {
  host.process?.kill();
  host.process = undefined;
}

/**
 * Tells of each call that may turn a VM on which command it is for: the one that the log says has begun
 * (`agent/runner.ts`, R2).
 */
function watchedHypervisor(
  { watch }: World,
  hypervisor: SimulatedHypervisor,
  at: {
    readonly hostId: HostId;
    readonly disk: () => string;
    readonly mayBeOn: (vmId: VmId) => void;
  },
): Hypervisor {
  const watched = async <T>(vmId: VmId, turnOn: () => Promise<T>): Promise<T> => {
    watch.turnsOn({ hostId: at.hostId, commandId: lastBegun(at.disk(), vmId), vmId });
    const done = turnOn();
    at.mayBeOn(vmId);
    return done.finally(() => at.mayBeOn(vmId));
  };
  return {
    ...hypervisor,
    start: (request) => watched(request.vmId, () => hypervisor.start(request)),
    migrate: (request) => watched(request.vmId, () => hypervisor.migrate(request)),
    revert: (vmId, name) => watched(vmId, () => hypervisor.revert(vmId, name)),
  };
}

/** The command for a VM that began last; its id begins with the VM's. */
function lastBegun(log: string, vmId: VmId): string {
  const begun = `{"entry":"begun","commandId":"`;
  const at = log.lastIndexOf(`${begun}${vmId}.`);
  if (at < 0) return `none for ${vmId}`;
  return log.slice(at + begun.length, log.indexOf(`"`, at + begun.length));
}
