/** The command line of the simulation. */
import { parseArgs } from "node:util";

export type Options = {
  readonly seeds: Iterable<number>;
  readonly hosts: number;
  readonly vms: number;
  readonly minutes: number;
  /** No run begins after so long; absent: all seeds are run. */
  readonly seconds: number | undefined;
  readonly history: "kept" | "not_kept";
};

export const USAGE = `npm run sim -- [options]
  --seed N         one run (default 1)
  --seeds A..B     these runs, one after the other
  --hosts H        hosts (default 3)
  --vms V          VMs (default 6)
  --minutes M      minutes of faults and wishes, of the simulation's time (default 60)
  --seconds S      begin no run after so many seconds of real time
  --history        print what happened even where nothing broke
Exits 1 when an invariant broke, which it names.`;

const INT = /^[0-9]{1,9}$/;
const RANGE = /^([0-9]{1,9})\.\.([0-9]{1,9})$/;

/** Throws an error of one line for the caller to print. */
export function parseOptions(args: readonly string[]): Options | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      hosts: { type: "string", default: "3" },
      vms: { type: "string", default: "6" },
      minutes: { type: "string", default: "60" },
      seconds: { type: "string" },
      history: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  return {
    seeds: values.seeds === undefined ? [count("seed", values.seed ?? "1")] : range(values.seeds),
    hosts: count("hosts", values.hosts),
    vms: count("vms", values.vms),
    minutes: count("minutes", values.minutes),
    seconds: values.seconds === undefined ? undefined : count("seconds", values.seconds),
    history: values.history ? "kept" : "not_kept",
  };
}

function count(name: string, text: string): number {
  if (!INT.test(text)) throw new Error(`--${name} takes a whole number, not "${text}"`);
  return Number(text);
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
