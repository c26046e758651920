/** Which faults strike a run: by the plan's rates, each kind from a stream of its own. */
import { FAULTS, type FaultKind } from "./fault-table.ts";
import { type Random, randomOf } from "./random.ts";

/** The rate of each kind; a kind that is not named never strikes. */
export type FaultRates = Readonly<Partial<Record<FaultKind, number>>>;

export interface Faults {
  /** Whether it strikes now. Asked once an occasion. */
  readonly strikes: (kind: FaultKind) => boolean;
  /** What a strike of that kind draws: how long, which one. */
  readonly draw: (kind: FaultKind) => Random;
  /** From now on nothing goes wrong. */
  readonly stop: () => void;
  readonly counts: ReadonlyMap<FaultKind, number>;
}

export function faultsOf(plan: { readonly seed: number; readonly rates: FaultRates }): Faults {
  const counts = new Map<FaultKind, number>();
  const occasions = new Map(faultKinds().map((kind) => [kind, randomOf(plan.seed, kind)]));
  const draws = new Map(faultKinds().map((kind) => [kind, randomOf(plan.seed, `draw ${kind}`)]));
  let stopped = false;
  return {
    counts,
    stop: () => {
      stopped = true;
    },
    strikes: (kind) => {
      const rate = plan.rates[kind];
      if (stopped || rate === undefined || occasions.get(kind)?.chance(rate) !== true) return false;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return true;
    },
    draw: (kind) => {
      const random = draws.get(kind);
      if (random === undefined) throw new Error(`no fault is called ${kind}`);
      return random;
    },
  };
}

/** How much rarer or more frequent a kind is in a seed: half of them are left out, so that rare meetings get their turn. */
const WEATHERS: readonly number[] = [0, 0, 0, 0.5, 1, 3];

/** What a seed plans. */
export function planRates(seed: number): FaultRates {
  const random = randomOf(seed, "weather");
  const planned: Partial<Record<FaultKind, number>> = {};
  for (const kind of faultKinds()) {
    const rate = FAULTS[kind].rate * random.pick(WEATHERS);
    if (rate > 0) planned[kind] = rate;
  }
  return planned;
}

export function faultKinds(): readonly FaultKind[] {
  return Object.keys(FAULTS).filter(isFaultKind);
}

export function isFaultKind(name: string): name is FaultKind {
  return Object.hasOwn(FAULTS, name);
}
