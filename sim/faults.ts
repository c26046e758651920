/**
 * Which faults strike a run: by the plan's rates, each kind from a stream of its own, so that one that is left out changes
 * nothing of what the others draw.
 */
import { type FaultKind, faultKinds } from "./fault-table.ts";
import type { Plan } from "./plan.ts";
import { type Random, randomOf } from "./random.ts";

export interface Faults {
  /** Whether it strikes now. Asked once an occasion. */
  readonly strikes: (kind: FaultKind) => boolean;
  /** What a strike of that kind draws: how long, which one. */
  readonly draw: (kind: FaultKind) => Random;
  /** From now on nothing goes wrong. */
  readonly stop: () => void;
  /** What struck, in order: `kind#occasion`. */
  readonly struck: () => readonly string[];
}

type Stream = {
  readonly rate: number;
  readonly occasions: Random;
  readonly draws: Random;
  count: number;
};

export function faultsOf(plan: Pick<Plan, "seed" | "rates" | "spared">): Faults {
  const streams = new Map<FaultKind, Stream>();
  for (const kind of faultKinds())
    streams.set(kind, {
      rate: plan.rates[kind] ?? 0,
      occasions: randomOf(plan.seed, kind),
      draws: randomOf(plan.seed, `draw ${kind}`),
      count: 0,
    });
  const of = (kind: FaultKind): Stream => {
    const stream = streams.get(kind);
    if (stream === undefined) throw new Error(`no fault is called ${kind}`);
    return stream;
  };
  const spared = new Set(plan.spared);
  const struck: string[] = [];
  let stopped = false;
  return {
    struck: () => struck,
    stop: () => {
      stopped = true;
    },
    strikes: (kind) => {
      const stream = of(kind);
      if (stopped || stream.rate === 0) return false;
      stream.count += 1;
      if (!stream.occasions.chance(stream.rate)) return false;
      const name = `${kind}#${stream.count}`;
      if (spared.has(name)) return false;
      struck.push(name);
      return true;
    },
    draw: (kind) => of(kind).draws,
  };
}
