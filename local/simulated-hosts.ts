/**
 * `--hosts N --vms-per-host M`: that many simulated hosts in this process. They are registered, join and speak the agent
 * protocol through the public API, as any other host; only their hypervisor is made up.
 *
 * What ran on a simulated host when this process ended runs again at the next start, as guests of a real host would
 * not have noticed: each host notes its guests in its folder.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { type SimulatedHypervisor, simulatedHypervisor } from "../agent/hypervisor/simulated.ts";
import {
  type SimulatedNetwork,
  simulatedNetwork,
} from "../agent/hypervisor/simulated-migration.ts";
import type { Note } from "../agent/note.ts";
import { startAgent } from "../agent/start-agent.ts";
import { systemTime } from "../agent/time.ts";
import { HostId, VmId } from "../shared/model/ids.ts";
import { type ApiClient, apiClient } from "./api-client.ts";
import { StartError } from "./start-error.ts";
import { orTakenDown, type Teardown, teardown } from "./teardown.ts";

export interface SimulatedHosts {
  readonly stop: () => Promise<void>;
}

export interface SimulatedHostsProps {
  readonly url: string;
  readonly adminToken: string;
  /** Each host has a folder in it. */
  readonly folder: string;
  readonly hosts: number;
  readonly vmsPerHost: number;
  readonly onNote: (note: Note & { readonly hostId: string }) => void;
}

/** Hosts and VMs that are brought up side by side: the functions' first workers start meanwhile. */
const SIDE_BY_SIDE = 8;
const VM_SPEC = { cpus: 1, memoryMiB: 512 };

/** Resolves when every host is up and every VM is recorded; the VMs' starts are jobs that go on. */
export function startSimulatedHosts(props: SimulatedHostsProps): Promise<SimulatedHosts> {
  return orTakenDown(teardown(), async (down) => {
    await makeHosts(props, down);
    return { stop: down.run };
  });
}

async function makeHosts(props: SimulatedHostsProps, down: Teardown): Promise<void> {
  const api = apiClient(props);
  const hostIds = Array.from({ length: props.hosts }, (_, at) => HostId.parse(`sim-${at + 1}`));
  const network = simulatedNetwork();
  await sideBySide(hostIds, async (hostId) => {
    const host = await startHost(api, { ...props, network }, hostId);
    down.defer(host.stop);
  });
  const there = await api.vmNames();
  const wanted = hostIds.flatMap((hostId) =>
    Array.from({ length: props.vmsPerHost }, (_, at) => ({
      hostId,
      name: `${hostId}-vm-${at + 1}`,
    })),
  );
  await sideBySide(
    wanted.filter(({ name }) => !there.has(name)),
    ({ name, hostId }) => api.createVm({ name, spec: VM_SPEC, start: true, hostId }),
  );
}

async function startHost(
  api: ApiClient,
  props: SimulatedHostsProps & { readonly network: SimulatedNetwork },
  hostId: HostId,
) {
  const folder = join(props.folder, hostId);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const joined = existsSync(join(folder, "identity.json"));
  const guestsFile = join(folder, "guests.json");
  const hypervisor = simulatedHypervisor({
    time: systemTime(),
    random: Math.random,
    running: readGuests(guestsFile),
    network: props.network,
    migrationUri: `simulated:${hostId}`,
  });
  const unsubscribe = hypervisor.subscribe(() => {
    noteGuests(hypervisor, guestsFile).catch((error: unknown) => {
      const detail = String(error); // A full disk, say: the guests of this start run on all the same.
      props.onNote({ level: "warn", message: "guests not noted", detail, hostId });
    });
  });
  const agent = await startAgent({
    controlPlaneUrl: props.url,
    hostId,
    joinToken: joined ? undefined : await api.joinToken(hostId),
    dataFolder: folder,
    hypervisor,
    note: (note) => props.onNote({ ...note, hostId }),
  });
  return {
    stop: async () => {
      await agent.stop();
      unsubscribe();
      await hypervisor.close();
    },
  };
}

const Guests = z.array(z.object({ vmId: VmId, name: z.string() }));

function readGuests(file: string): z.infer<typeof Guests> {
  return existsSync(file) ? z.parse(Guests, JSON.parse(readFileSync(file, "utf8"))) : [];
}

async function noteGuests(hypervisor: SimulatedHypervisor, file: string): Promise<void> {
  const seen = await hypervisor.list();
  if (!seen.complete) return;
  const on = seen.vms
    .filter(({ power }) => power === "on")
    .map(({ vmId, name }) => ({ vmId, name: name ?? vmId }));
  writeFileSync(`${file}.new`, JSON.stringify(on));
  renameSync(`${file}.new`, file);
}

/** Works off the list with a few workers; the first failure is the whole's. */
async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<unknown>) {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  const outcomes = await Promise.allSettled(Array.from({ length: SIDE_BY_SIDE }, worker));
  for (const outcome of outcomes)
    if (outcome.status === "rejected")
      throw outcome.reason instanceof Error
        ? new StartError(`a simulated host does not come up: ${outcome.reason.message}`, {
            cause: outcome.reason,
          })
        : outcome.reason;
}
