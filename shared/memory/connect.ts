/**
 * All ports in memory: deterministic for a given clock and names, and open to inspection. For tests and the simulation.
 *
 * Every port answers in the turn of the event loop in which it was called; what interleaves is the callers' choice.
 */
import type { Clock, Codec, Names, Ports } from "../app/ports.ts";
import type { Settings } from "../model/settings.ts";
import type { RuleSpec } from "./bus-rules.ts";
import { memoryApartmentQueue } from "./memory-apartment-queue.ts";
import { memoryApartmentStore } from "./memory-apartment-store.ts";
import { type MemoryBus, memoryBus } from "./memory-bus.ts";
import { memoryCodec } from "./memory-codec.ts";
import { memoryCommandQueues } from "./memory-command-queues.ts";
import { memoryEventStore } from "./memory-event-store.ts";
import { memoryHostStore } from "./memory-host-store.ts";
import { memoryIncidentStore } from "./memory-incident-store.ts";
import { memoryInterests } from "./memory-interests.ts";
import { memoryJobStore } from "./memory-job-store.ts";
import { memoryPlacement } from "./memory-placement.ts";
import { type MemoryQueues, memoryQueues } from "./memory-queues.ts";
import { memoryRedelivery } from "./memory-redelivery.ts";
import { memorySubmissions } from "./memory-submissions.ts";
import type { Keeping } from "./memory-table.ts";
import { type MemoryTables, memoryTables } from "./memory-tables.ts";
import { type MemoryTelemetry, memoryTelemetry } from "./memory-telemetry.ts";
import { memoryTokenStore } from "./memory-token-store.ts";

export interface MemoryDeps {
  readonly clock: Clock;
  readonly names: Names;
  readonly settings: Pick<Settings, "incidentRetentionDays" | "historyRetentionDays">;
  /** Absent: one that does not compress. */
  readonly codec?: Codec;
  /** Rules of the bus; absent: none. */
  readonly rules?: readonly RuleSpec[];
  /** Absent: new ones. Given, they may look on at what is written. */
  readonly tables?: MemoryTables;
  /** Of new tables, and of events. Absent: `checked`. */
  readonly keeping?: Keeping;
}

/** The ports, and the handles by which what they keep is looked at, received and delivered. */
export type Memory = {
  readonly ports: Ports;
  readonly tables: MemoryTables;
  readonly queues: MemoryQueues;
  readonly bus: MemoryBus;
  readonly telemetry: MemoryTelemetry;
};

export function connectMemory(deps: MemoryDeps): Memory {
  const { clock, names, settings, codec = memoryCodec, rules = [], keeping } = deps;
  const { tables = memoryTables(keeping) } = deps;
  const { hash, secret } = names;
  const queues = memoryQueues({ clock, hash });
  const bus = memoryBus({ clock, rules, keeping });
  const telemetry = memoryTelemetry();
  const ports = {
    apartments: memoryApartmentStore({ tables, clock }),
    submissions: memorySubmissions({ tables }),
    jobs: memoryJobStore({ tables, clock }),
    hosts: memoryHostStore({ tables }),
    placement: memoryPlacement({ tables }),
    incidents: memoryIncidentStore({ tables, clock, retention: settings }),
    events: memoryEventStore({ tables, clock, retention: settings }),
    interests: memoryInterests({ tables, clock }),
    tokens: memoryTokenStore({ tables }),
    apartmentQueue: memoryApartmentQueue({ queues, hash }),
    redelivery: memoryRedelivery({ queues }),
    commandQueues: memoryCommandQueues({ queues, hash, clock, secret }),
    bus: bus.bus,
    clock,
    names,
    codec,
    telemetry: telemetry.telemetry,
  };
  return { ports, tables, queues, bus, telemetry };
}
