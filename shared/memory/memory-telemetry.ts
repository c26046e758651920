import type { Telemetry } from "../app/ports.ts";

export interface MemoryTelemetry {
  readonly telemetry: Telemetry;
  /** Sums by metric. */
  readonly counts: ReadonlyMap<string, number>;
  readonly entries: readonly Parameters<Telemetry["log"]>[0][];
}

/** Keeps what is counted and logged, for whoever looks. */
export function memoryTelemetry(): MemoryTelemetry {
  const counts = new Map<string, number>();
  const entries: Parameters<Telemetry["log"]>[0][] = [];
  return {
    telemetry: {
      count: (metric, value = 1) => {
        counts.set(metric, (counts.get(metric) ?? 0) + value);
      },
      log: (entry) => {
        entries.push(entry);
      },
    },
    counts,
    entries,
  };
}
