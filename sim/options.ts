/** The command line of the simulation. */
import { parseArgs } from "node:util";
import { Plan, planOf, type Sizes } from "./plan.ts";

export type Options = {
  readonly plans: Iterable<Plan>;
  /** No run begins after so long; absent: all are run. */
  readonly seconds: number | undefined;
  readonly history: "kept" | "not_kept";
  /** What is done with a failing run: it is made small first, or told as it is. */
  readonly failing: "shrunk" | "as_it_is";
};

export const USAGE = `npm run sim -- [options]
  --seed N         one run (default 1)
  --seeds A..B     these runs, one after the other
  --hosts H, --vms V, --minutes M
                   sizes, and how long faults strike; what is not given follows from the seed
  --plan JSON      one run, as a failing one was printed
  --ci             fixed seeds and fresh ones by turns, until the seconds are over; a quarter of an hour each
  --seconds S      begin no run after so many seconds of real time (with --ci: 240)
  --history        print what happened even where nothing broke
  --no-shrink      tell of a failing run as it is
Exits 1 when an invariant broke, which it names.`;

/** Seeds that every gate runs. */
export const FIXED_SEEDS = { first: 1, last: 20 } as const;
/** The gate's share for the simulation: four minutes. */
const CI_SECONDS = 240;
/** Many short runs meet more than few long ones, and end in time. */
const CI_SIZES: Partial<Sizes> = { minutes: 15 };
const SEED_MAX = 1_000_000_000;

const INT = /^[0-9]{1,9}$/;
const RANGE = /^([0-9]{1,9})\.\.([0-9]{1,9})$/;

/** Throws an error of one line for the caller to print. `fresh` is a seed that nobody has run yet. */
export function parseOptions(args: readonly string[], fresh: number): Options | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      hosts: { type: "string" },
      vms: { type: "string" },
      minutes: { type: "string" },
      seconds: { type: "string" },
      plan: { type: "string" },
      ci: { type: "boolean", default: false },
      history: { type: "boolean", default: false },
      "no-shrink": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const seconds = values.seconds === undefined ? undefined : count("seconds", values.seconds);
  const sizes = { ...(values.ci ? CI_SIZES : {}), ...sizesOf(values) };
  return {
    plans: values.plan === undefined ? plansOf(seedsOf(values, fresh), sizes) : [read(values.plan)],
    seconds: values.ci ? (seconds ?? CI_SECONDS) : seconds,
    history: values.history ? "kept" : "not_kept",
    failing: values["no-shrink"] ? "as_it_is" : "shrunk",
  };
}

function sizesOf(values: Partial<Record<keyof Sizes, string | undefined>>): Partial<Sizes> {
  const sizes: Partial<Sizes> = {};
  for (const name of ["hosts", "vms", "minutes"] as const) {
    const text = values[name];
    if (text !== undefined) sizes[name] = count(name, text);
  }
  return sizes;
}

function* plansOf(seeds: Iterable<number>, sizes: Partial<Sizes>): Generator<Plan> {
  for (const seed of seeds) yield planOf(seed, sizes);
}

function seedsOf(
  values: {
    readonly ci: boolean;
    readonly seed?: string | undefined;
    readonly seeds?: string | undefined;
  },
  fresh: number,
): Iterable<number> {
  if (values.ci) return fixedAndFresh(fresh % SEED_MAX);
  if (values.seeds !== undefined) return range(values.seeds);
  return [count("seed", values.seed ?? "1")];
}

/** By turns, so that both get their share of the time. */
function* fixedAndFresh(fresh: number): Generator<number> {
  for (let n = 0; n < SEED_MAX; n += 1) {
    const fixed = FIXED_SEEDS.first + n;
    if (fixed <= FIXED_SEEDS.last) yield fixed;
    yield fresh + n;
  }
}

function* numbers(first: number, last: number): Generator<number> {
  for (let n = first; n <= last; n += 1) yield n;
}

function range(text: string): Iterable<number> {
  const [, first, last] = RANGE.exec(text) ?? [];
  if (first === undefined || last === undefined)
    throw new Error(`--seeds takes a range like 1..100, not "${text}"`);
  return numbers(Number(first), Number(last));
}

function count(name: string, text: string): number {
  if (!INT.test(text)) throw new Error(`--${name} takes a whole number, not "${text}"`);
  return Number(text);
}

function read(text: string): Plan {
  try {
    return Plan.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error("--plan takes a plan as a failing run prints it", { cause });
  }
}
