/** The whole stack in this process, with simulated hosts, for end-to-end tests and benchmarks. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type SimulatedHypervisor,
  type SimulatedOptions,
  simulatedHypervisor,
} from "../../agent/hypervisor/simulated.ts";
import { simulatedNetwork } from "../../agent/hypervisor/simulated-migration.ts";
import { startAgent } from "../../agent/start-agent.ts";
import { systemTime } from "../../agent/time.ts";
import { type Stack, type StackOptions, startStack } from "../../local/start-stack.ts";
import { HostId } from "../../shared/model/ids.ts";
import { Job } from "../../shared/model/job.ts";
import { parseSettings } from "../../shared/model/settings.ts";
import { HostAndJoinToken } from "../../shared/model/user-api.ts";
import { Vm } from "../../shared/model/vm.ts";

export type Reply = { readonly status: number; readonly body: unknown; readonly headers: Headers };

/** A client of the HTTP API; answers are what came, whatever the status. */
export interface Client {
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Reply>;
  readonly createVm: (vm: {
    readonly name: string;
    readonly spec?: object;
    readonly [field: string]: unknown;
  }) => Promise<Vm>;
  readonly vm: (id: string) => Promise<Vm>;
  /** Submits a verb; throws unless it was accepted. */
  readonly submit: (vmId: string, verb: string, body?: object) => Promise<Job>;
  /** Waits for a job's end. */
  readonly ended: (jobId: string) => Promise<Job>;
  /** Both. */
  readonly run: (vmId: string, verb: string, body?: object) => Promise<Job>;
}

export type RunningHost = {
  readonly hostId: HostId;
  readonly hypervisor: SimulatedHypervisor;
  readonly stop: () => Promise<void>;
};

export type HostOptions = Partial<SimulatedOptions> & {
  /** `untold`: the hypervisor keeps its events to itself, so that nothing is reported between two intervals. */
  readonly events?: "told" | "untold";
};

export type RunningStack = {
  readonly stack: Stack;
  readonly client: Client;
  /** Registers a host, joins it and runs its agent on a simulated hypervisor. */
  readonly addHost: (name: string, options?: HostOptions) => Promise<RunningHost>;
  readonly stop: () => Promise<void>;
};

/** Rounds of waiting for a job; each up to the API's 20 s. */
const WAIT_ROUNDS_MAX = 15;

export async function runningStack(
  options: Partial<StackOptions> & { readonly set?: readonly string[] } = {},
): Promise<RunningStack> {
  const { set, ...rest } = options;
  const settings = parseSettings(set ?? []);
  if (!settings.ok) throw new Error(settings.reason);
  const folder = await mkdtemp(join(tmpdir(), "vmsync-stack-"));
  const stack = await startStack({
    stage: "vmsync",
    settings: settings.settings,
    port: 0,
    data: { kind: "ephemeral" },
    ...rest,
  });
  const client = clientOf({ url: stack.url, token: stack.adminToken });
  const hosts: RunningHost[] = [];
  const network = simulatedNetwork();
  return {
    stack,
    client,
    addHost: async (name, hypervisorOptions) => {
      const wish = { network, migrationUri: `simulated:${name}`, ...hypervisorOptions };
      const host = await addHost({ stack, client, folder }, name, wish);
      hosts.push(host);
      return host;
    },
    stop: async () => {
      await Promise.all(hosts.map((host) => host.stop()));
      await stack.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function clientOf(access: { readonly url: string; readonly token: string }): Client {
  const call: Client["call"] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${access.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${access.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: unknown = text === "" ? undefined : JSON.parse(text);
    return { status: response.status, body: parsed, headers: response.headers };
  };
  const ok = async (doing: string, wanted: number, reply: Promise<Reply>): Promise<unknown> => {
    const { status, body } = await reply;
    if (status !== wanted) throw new Error(`${doing}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const ended: Client["ended"] = async (jobId) => {
    for (let round = 0; round < WAIT_ROUNDS_MAX; round += 1) {
      const path = `/v1/jobs/${jobId}?waitSeconds=20`;
      const job = Job.parse(await ok(`waiting for ${jobId}`, 200, call("GET", path)));
      if (job.finishedAt !== undefined) return job;
    }
    throw new Error(`job ${jobId} does not end`);
  };
  const submit: Client["submit"] = async (vmId, verb, body = {}) =>
    Job.parse(await ok(`${verb} ${vmId}`, 202, call("POST", `/v1/vms/${vmId}/${verb}`, body)));
  return {
    call,
    submit,
    ended,
    run: async (vmId, verb, body) => ended((await submit(vmId, verb, body)).id),
    createVm: async (vm) => {
      const body = { spec: { cpus: 1, memoryMiB: 64 }, ...vm };
      return Vm.parse(await ok(`creating ${vm.name}`, 201, call("POST", "/v1/vms", body)));
    },
    vm: async (id) => Vm.parse(await ok(`VM ${id}`, 200, call("GET", `/v1/vms/${id}`))),
  };
}

/** Registers a host; its agent joins with the token. */
export async function registerHost(
  client: Client,
  hostId: string,
  more: object = {},
): Promise<{ readonly hostId: HostId; readonly joinToken: string }> {
  const { status, body } = await client.call("POST", "/v1/hosts", { id: hostId, ...more });
  if (status !== 201) throw new Error(`registering ${hostId}: ${status} ${JSON.stringify(body)}`);
  return { hostId: HostId.parse(hostId), joinToken: HostAndJoinToken.parse(body).joinToken };
}

async function addHost(
  at: { readonly stack: Stack; readonly client: Client; readonly folder: string },
  name: string,
  { events, ...options }: HostOptions,
): Promise<RunningHost> {
  const { hostId, joinToken } = await registerHost(at.client, name);
  const hypervisor = simulatedHypervisor({ time: systemTime(), random: Math.random, ...options });
  const agent = await startAgent({
    controlPlaneUrl: at.stack.url,
    hostId,
    joinToken,
    dataFolder: join(at.folder, name),
    hypervisor: events === "untold" ? { ...hypervisor, subscribe: () => () => {} } : hypervisor,
    note: () => {},
  });
  return {
    hostId,
    hypervisor,
    stop: async () => {
      await agent.stop();
      await hypervisor.close();
    },
  };
}
