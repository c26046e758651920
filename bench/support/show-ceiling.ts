/** What was measured against what engine and SDK do alone, as text. */
import type { AgainstCeiling } from "./engine-alone.ts";
import { type Spread, table } from "./figures.ts";

/** The issues' target: this share of what engine and SDK do alone. */
const TARGET_RATIO = 0.7;

export function showCeiling(name: string, against: AgainstCeiling): string {
  const { figures, ceiling, threads, ratio, cpuRatio } = against;
  const calls = Object.entries(figures.calls).map(([call, count]) => `${call} ${count}`);
  const spreadOf = ({ median, min, max }: Spread) => `${median} (${min} to ${max})`;
  return [
    `${name}: ${figures.callsPerJob} calls a job (${calls.join(", ")}); ${figures.invocationsPerJob} invocations`,
    table([
      ["engine and SDK alone", "calls/s median", "min", "max", "engine ms", "wire ms", "SDK ms"],
      ...against.byThreads.map(
        ({ threads, callsPerSecond: { median, min, max }, cpuMsPerCall }) => [
          `${threads} threads`,
          ...[median, min, max],
          ...[cpuMsPerCall.engine, cpuMsPerCall.wire, cpuMsPerCall.sdk],
        ],
      ),
    ]),
    `so the ceiling is ${ceiling.median} jobs/s (${threads} threads); others' CPU ${figures.othersPercent.median} %`,
    `measured ÷ ceiling, median of rounds: ${spreadOf(ratio)}; target ${TARGET_RATIO}`,
    `by processor time: ${spreadOf(cpuRatio)}`,
  ].join("\n");
}
