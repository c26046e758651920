/** What a number of runs came to, in figures. */
import { faultKinds } from "./fault-table.ts";
import type { Outcome } from "./run-simulation.ts";

export interface Figures {
  readonly add: (outcome: Pick<Outcome, "turns" | "struck">) => void;
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
      for (const name of outcome.struck) {
        const kind = name.slice(0, name.indexOf("#"));
        struck.set(kind, (struck.get(kind) ?? 0) + 1);
      }
    },
    lines: (cpuSeconds) => [
      ...faultKinds().map((kind) => `${kind.padEnd(NAME_WIDTH)} ${struck.get(kind) ?? 0}`),
      `${seeds} seeds, ${turns} turns, ${Math.round(turns / cpuSeconds)} turns a second of one core`,
    ],
  };
}
