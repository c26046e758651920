/** What every part of a simulation shares: time, faults, the memory ports, the checks that look on, the history. */
import {
  type SimulatedNetwork,
  simulatedNetwork,
} from "../agent/hypervisor/simulated-migration.ts";
import type { Ports } from "../shared/app/ports.ts";
import type { WorkRegistry } from "../shared/core/work-type.ts";
import { connectMemory, type Memory } from "../shared/memory/connect.ts";
import { MEMORY_APARTMENT_QUEUE } from "../shared/memory/memory-apartment-queue.ts";
import type { MemoryTable } from "../shared/memory/memory-table.ts";
import { type MemoryTables, memoryTables } from "../shared/memory/memory-tables.ts";
import type { AnyApartmentRecord } from "../shared/model/apartment-record.ts";
import type { HostId, VmId } from "../shared/model/ids.ts";
import { hasEnded } from "../shared/model/job.ts";
import { Settings } from "../shared/model/settings.ts";
import { RULES } from "./bus-rules.ts";
import { cancels } from "./checks/cancels.ts";
import { type Witness, witnessed } from "./checks/carried-out.ts";
import { type Joins, joins } from "./checks/joins.ts";
import { listeners } from "./checks/listeners.ts";
import { pureRegistry } from "./checks/pure-registry.ts";
import type { Broken } from "./checks/violation.ts";
import { type Call, startWatch, type Watch } from "./checks/watch.ts";
import { describeTurn } from "./describe.ts";
import { type Faults, faultsOf } from "./faults.ts";
import {
  APARTMENT_SOURCE,
  DEAD_LETTER_QUEUE,
  EVENT_QUEUE,
  EVENT_SOURCE,
  FAILED_REPORT_QUEUE,
  FAILED_REPORT_SOURCE,
} from "./functions.ts";
import { type History, historyOf } from "./history.ts";
import { troubled } from "./message-faults.ts";
import { simNames } from "./names.ts";
import { type Outages, outagesOf } from "./outages.ts";
import type { Plan } from "./plan.ts";
import { type QueueWaits, queueWaits } from "./queue-waits.ts";
import { type Random, randomOf } from "./random.ts";
import { type VirtualTime, virtualTime } from "./virtual-time.ts";
import { type GateDeps, portsOf, type Worker } from "./worker.ts";

export type World = {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly time: VirtualTime;
  readonly faults: Faults;
  readonly outages: Outages;
  readonly memory: Memory;
  readonly history: History;
  readonly watch: Watch;
  readonly joins: Joins;
  /** Randomness that is no fault's. */
  readonly random: (subject: string) => Random;
  /** What networks and processes take. */
  readonly latency: Random;
  /** Hosts between which guests can be moved. */
  readonly hypervisors: SimulatedNetwork;
  /** VMs that somebody started or moved by hand: the control plane cannot keep them from running twice. */
  readonly byHand: Set<VmId>;
  /** Whether a host's hypervisor has the VM, on or paused, in truth. */
  readonly holds: Map<HostId, (vmId: VmId) => boolean>;
  /** Agents that wait for commands. */
  readonly commandsSent: QueueWaits;
  readonly startWorker: (name: string) => StartedWorker;
  /** Aborts when the run has been judged. Node keeps alive whatever waits for a signal joined of others: agents let go then. */
  readonly over: AbortController;
};
export type Deps = Ports & { readonly settings: Settings; readonly work: WorkRegistry };
export type StartedWorker = { readonly worker: Worker; readonly deps: Deps };

/** Far more than the clocks of a cloud's machines differ. */
const SKEW_MS_MAX = 4_000;

export function makeWorld(plan: Plan): World {
  const time = virtualTime();
  const faults = faultsOf(plan);
  const settings = Settings.parse({ selfFence: plan.selfFence });
  const history = historyOf(time);
  const watch = startWatch(({ worker }, before, next) => {
    listening.committed(before, next);
    joining.committed(before, next);
    callingOff.committed(worker, before, next);
    history.tell(() => describeTurn(worker, before, next));
  });
  const listening = listeners(time.now, watch.broken);
  const joining = joins((jobId) => {
    const job = memory.tables.jobs.get(jobId);
    return job === undefined || hasEnded(job.status);
  }, watch.broken);
  const callingOff = cancels(time.now, watch.broken);
  let call: Call | undefined;
  const memory = connectMemory({
    clock: { now: time.now, sleep: time.sleep },
    names: simNames(),
    settings,
    rules: RULES,
    tables: watchedTables((next) => watch.written(call, next)),
  });
  addQueues(memory);
  const random = (subject: string) => randomOf(plan.seed, subject);
  const latency = random("latency");
  const calling: GateDeps["calling"] = (begun) => {
    call = begun;
  };
  const network = { time, faults, memory, tell: history.tell };
  const { givenBack, ...guests } = guestsInTruth(watch.broken);
  const ports = witnessed(troubled(network, memory.ports), {
    ...watch,
    toldOnBus: listening.told,
    listenersFound: listening.found,
    carriedOut: (name) => {
      watch.carriedOut(name);
      joining.carriedOut(name);
      callingOff.carriedOut(name);
    },
    givenBack,
  });
  const deps: Deps = { ...ports, settings, work: pureRegistry(watch.broken) };
  const outages = outagesOf(time);
  const gates: GateDeps = { time, faults, outages, latency, calling, tell: history.tell };
  let workers = 0;
  return {
    over: new AbortController(),
    plan,
    settings,
    time,
    faults,
    outages,
    hypervisors: simulatedNetwork(),
    memory,
    random,
    latency,
    ...guests,
    commandsSent: queueWaits(time, memory.queues),
    history,
    watch,
    joins: joining,
    startWorker: (name) => {
      workers += 1;
      const worker: Worker = {
        id: workers,
        name,
        startedAt: time.now(),
        skewMs: faults.strikes("clock-skewed")
          ? faults.draw("clock-skewed").int(-SKEW_MS_MAX, SKEW_MS_MAX)
          : 0,
        isDead: false,
        isLate: false,
        onDeath: () => {},
      };
      return { worker, deps: portsOf(gates, deps, worker) };
    },
  };
}

/** What is true of the guests, and who holds it against the control plane: not what somebody does by hand. */
function guestsInTruth(
  broken: Broken,
): Pick<World, "byHand" | "holds"> & Pick<Witness, "givenBack"> {
  const byHand: World["byHand"] = new Set();
  const holds: World["holds"] = new Map();
  return {
    byHand,
    holds,
    givenBack: ({ hostId, vmId }) => {
      if (!byHand.has(vmId) && holds.get(hostId)?.(vmId) === true)
        broken("room", `the room of ${vmId} is given back at ${hostId}, where it is`);
    },
  };
}

/** Tables that tell of each write of an apartment. */
function watchedTables(written: (next: AnyApartmentRecord) => void): MemoryTables {
  const tables = memoryTables();
  const watched = <T extends AnyApartmentRecord>(table: MemoryTable<T>): MemoryTable<T> => ({
    ...table,
    put: (id, record) => {
      table.put(id, record);
      written(table.get(id) ?? record);
    },
  });
  return {
    ...tables,
    apartments: watched(tables.apartments),
    hostApartments: watched(tables.hostApartments),
  };
}

/** What the template makes beside the apartments' queue, and the redrive that it gives it. */
function addQueues({ queues }: Memory): void {
  for (const [queueName, { visibilitySeconds }] of [
    [EVENT_QUEUE, EVENT_SOURCE],
    [FAILED_REPORT_QUEUE, FAILED_REPORT_SOURCE],
  ] as const)
    queues.request({
      action: "createQueue",
      queueName,
      attributes: { VisibilityTimeout: String(visibilitySeconds) },
    });
  queues.request({
    action: "createQueue",
    queueName: DEAD_LETTER_QUEUE,
    attributes: {
      FifoQueue: "true",
      VisibilityTimeout: String(APARTMENT_SOURCE.deadLetterVisibilitySeconds),
    },
  });
  queues.request({
    action: "setQueueAttributes",
    queueName: MEMORY_APARTMENT_QUEUE,
    attributes: {
      VisibilityTimeout: String(APARTMENT_SOURCE.visibilitySeconds),
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: `arn:aws:sqs:memory:000000000000:${DEAD_LETTER_QUEUE}`,
        maxReceiveCount: APARTMENT_SOURCE.receivesMax,
      }),
    },
  });
}
