/** What every part of a simulation shares: time, faults, the memory ports, the checks that look on, the history. */
import type { Ports } from "../shared/app/ports.ts";
import { connectMemory, type Memory } from "../shared/memory/connect.ts";
import { MEMORY_APARTMENT_QUEUE } from "../shared/memory/memory-apartment-queue.ts";
import { memoryTables } from "../shared/memory/memory-tables.ts";
import { Settings } from "../shared/model/settings.ts";
import { RULES } from "./bus-rules.ts";
import { type Faults, faultsOf } from "./faults.ts";
import { APARTMENT_SOURCE } from "./functions.ts";
import { type History, historyOf } from "./history.ts";
import { simNames } from "./names.ts";
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
  readonly memory: Memory;
  readonly history: History;
  /** Randomness that is no fault's. */
  readonly random: (subject: string) => Random;
  /** What networks and processes take. */
  readonly latency: Random;
  /** Agents that wait for commands. */
  readonly commandsSent: QueueWaits;
  readonly startWorker: (name: string) => StartedWorker;
};
export type Deps = Ports & { readonly settings: Settings };
export type StartedWorker = { readonly worker: Worker; readonly deps: Deps };

export const DEAD_LETTER_QUEUE = "apartments-dead.fifo";

export function makeWorld(plan: Plan): World {
  const time = virtualTime();
  const faults = faultsOf(plan);
  const settings = Settings.parse({});
  const memory = connectMemory({
    clock: { now: time.now, sleep: time.sleep },
    names: simNames(),
    settings,
    rules: RULES,
    tables: memoryTables(),
  });
  addDeadLetterQueue(memory);
  const random = (subject: string) => randomOf(plan.seed, subject);
  const latency = random("latency");
  const gates: GateDeps = { time, faults, latency, calling: () => {} };
  let workers = 0;
  return {
    plan,
    settings,
    time,
    faults,
    memory,
    random,
    latency,
    commandsSent: queueWaits(time, memory.queues),
    history: historyOf(time),
    startWorker: (name) => {
      workers += 1;
      const worker = { id: workers, name, skewMs: 0, isDead: false };
      return { worker, deps: { ...portsOf(gates, memory.ports, worker), settings } };
    },
  };
}

/** The redrive that the template gives the apartments' queue; the memory port makes the queue without. */
function addDeadLetterQueue({ queues }: Memory): void {
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
