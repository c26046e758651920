/** What a number of runs came to, in figures. */
import { faultKinds } from "./faults.ts";
import type { Outcome } from "./run-simulation.ts";

export interface Figures {
  readonly add: (outcome: Pick<Outcome, "turns" | "faults">) => void;
  readonly lines: (cpuSeconds: number) => readonly string[];
}

const NAME_WIDTH = 20;

export function figures(): Figures {
  const struck = new Map<string, number>();
  let seeds = 0;
  let turns = 0;
  return {
    add: (outcome) => {
      seeds += 1;
      turns += outcome.turns;
      for (const [kind, count] of outcome.faults) struck.set(kind, (struck.get(kind) ?? 0) + count);
    },
    lines: (cpuSeconds) => [
      ...faultKinds().map((kind) => `${kind.padEnd(NAME_WIDTH)} ${struck.get(kind) ?? 0}`),
      `${seeds} seeds, ${turns} turns, ${Math.round(turns / cpuSeconds)} turns a second of one core`,
    ],
  };
}
