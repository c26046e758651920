/** Counts what the functions cost: calls to AWS and invocations. Tests and benchmarks hold budgets against it. */
import type { CallCounts } from "./lambda/worker-protocol.ts";

type ByName = Readonly<Record<string, number>>;

export type Calls = {
  /** By `service:Action`, over all functions. */
  readonly aws: ByName;
  /** By function, then by `service:Action`. */
  readonly awsByFunction: Readonly<Record<string, ByName>>;
  /** By function. */
  readonly invocations: ByName;
};

export interface CallCounter {
  /** Since the start, or the last `reset`. An invocation's calls appear when it has ended. */
  readonly read: () => Calls;
  readonly reset: () => void;
}

export interface CallRecorder extends CallCounter {
  readonly invoked: (functionName: string) => void;
  readonly called: (functionName: string, calls: CallCounts) => void;
}

export function callCounter(): CallRecorder {
  const invocations = new Map<string, number>();
  const byFunction = new Map<string, Map<string, number>>();
  return {
    invoked: (functionName) => add(invocations, functionName, 1),
    called: (functionName, calls) => {
      const counts = byFunction.get(functionName) ?? new Map<string, number>();
      byFunction.set(functionName, counts);
      for (const [name, count] of Object.entries(calls)) add(counts, name, count);
    },
    read: () => {
      const aws = new Map<string, number>();
      for (const counts of byFunction.values())
        for (const [name, count] of counts) add(aws, name, count);
      return {
        aws: Object.fromEntries(aws),
        awsByFunction: Object.fromEntries(
          [...byFunction].map(([name, counts]) => [name, Object.fromEntries(counts)]),
        ),
        invocations: Object.fromEntries(invocations),
      };
    },
    reset: () => {
      invocations.clear();
      byFunction.clear();
    },
  };
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}
