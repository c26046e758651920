/** Counts what the functions cost: calls to AWS and invocations. Tests and benchmarks hold budgets against it. */
import type { CallReport } from "./lambda/worker-protocol.ts";

type ByName = Readonly<Record<string, number>>;

export type Calls = {
  /** By `service:Action`, over all functions. */
  readonly aws: ByName;
  /** By function, then by `service:Action`. */
  readonly awsByFunction: Readonly<Record<string, ByName>>;
  /** By function. */
  readonly invocations: ByName;
  /** What functions asked for and the template's policies do not allow: AWS would have refused it. */
  readonly denied: readonly string[];
};

export interface CallCounter {
  /** Since the start, or the last `reset` (`denied` since the start). What is denied appears at once, the count of an invocation's calls when it has ended. */
  readonly read: () => Calls;
  readonly reset: () => void;
}

export interface CallRecorder extends CallCounter {
  readonly invoked: (functionName: string) => void;
  readonly called: (functionName: string, counts: CallReport["counts"]) => void;
  readonly denied: (what: string) => void;
}

export function callCounter(): CallRecorder {
  const invocations = new Map<string, number>();
  const byFunction = new Map<string, Map<string, number>>();
  const denied = new Set<string>();
  return {
    invoked: (functionName) => add(invocations, functionName, 1),
    called: (functionName, more) => {
      const counts = byFunction.get(functionName) ?? new Map<string, number>();
      byFunction.set(functionName, counts);
      for (const [name, count] of Object.entries(more)) add(counts, name, count);
    },
    denied: (what) => denied.add(what),
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
        denied: [...denied],
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
