/** Rounds on a machine that others may be using: those that were disturbed are measured again. */

export type Disturbed = {
  /** Of all cores, by others than the benchmark. */
  readonly othersPercent: number;
};

/** A system that only runs its own services stays below this. */
const QUIET_PERCENT_MAX = 5;
/** Tries for each round wanted: on a machine that is always busy it has to end too. */
const TRIES_MAX = 3;

/** So many rounds, the least disturbed of those measured. What they came to plays no part in the choice. */
export async function quietRounds<T extends Disturbed>(
  count: number,
  measure: () => Promise<T>,
): Promise<readonly T[]> {
  const all: T[] = [];
  const isQuiet = ({ othersPercent }: T) => othersPercent <= QUIET_PERCENT_MAX;
  while (all.filter(isQuiet).length < count && all.length < count * TRIES_MAX)
    all.push(await measure());
  return all.toSorted((one, other) => one.othersPercent - other.othersPercent).slice(0, count);
}
