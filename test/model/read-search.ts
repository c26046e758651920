/** What pan, the checker that spin makes, says of its search. */

export type Search =
  /** Every state that can be reached was. */
  | {
      readonly kind: "exhausted";
      readonly states: number;
      readonly depth: number;
      readonly memoryMiB: number;
    }
  | {
      readonly kind: "violated";
      readonly says: string;
      readonly states: number;
      readonly depth: number;
      readonly memoryMiB: number;
    }
  /** Cut short by a bound of memory, depth or time, or not understood: it says nothing. */
  | { readonly kind: "unfinished"; readonly says: string };

/** A search that was not exhaustive is never taken for one that was. */
export function readSearch(output: string): Search {
  const errors = numberOf(/errors: (\d+)/, output);
  const states = numberOf(/^\s*([\d.e+]+) states, stored/m, output);
  const depth = numberOf(/depth reached (\d+)/, output);
  const memoryMiB = numberOf(/^\s*([\d.]+)\s+total actual memory usage/m, output) ?? 0;
  const violation = /^pan:\d+: (.+) \(at depth \d+\)$/m.exec(output)?.[1];
  if (states === undefined || depth === undefined || errors === undefined)
    return { kind: "unfinished", says: lastLine(output) };
  const found = { states, depth, memoryMiB };
  if (violation !== undefined && errors > 0) return { kind: "violated", says: violation, ...found };
  const cut = CUT_SHORT.find((text) => output.includes(text));
  if (cut !== undefined) return { kind: "unfinished", says: cut };
  return errors === 0
    ? { kind: "exhausted", ...found }
    : { kind: "unfinished", says: lastLine(output) };
}

const CUT_SHORT = [
  "max search depth too small",
  "Search not completed",
  "out of memory",
  "reached -DMEMLIM",
];

function numberOf(pattern: RegExp, text: string): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

function lastLine(output: string): string {
  return output.trimEnd().split("\n").at(-1) ?? "";
}
