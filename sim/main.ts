/** `npm run sim`: runs seeds and says what broke. */
import { planRates } from "./faults.ts";
import { readable } from "./names.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { type Outcome, runSimulation } from "./run-simulation.ts";

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") {
    print(USAGE);
    return 0;
  }
  return (await runSeeds(options)) === undefined ? 0 : 1;
}

/** Runs until one breaks; answers that one. */
async function runSeeds(options: Options): Promise<Outcome | undefined> {
  const beganAt = performance.now();
  const seconds = () => (performance.now() - beganAt) / 1000;
  let seeds = 0;
  let turns = 0;
  for (const seed of options.seeds) {
    if (options.seconds !== undefined && seconds() >= options.seconds) break;
    const { hosts, vms, minutes, history } = options;
    const plan = { seed, hosts, vms, minutes, rates: planRates(seed) };
    const outcome = await runSimulation(plan, { history });
    seeds += 1;
    turns += outcome.turns;
    for (const line of outcome.history) print(line);
    if (outcome.violation === undefined) continue;
    const { invariant, detail } = outcome.violation;
    print(`seed ${seed}: ${invariant}: ${readable(detail)}`);
    return outcome;
  }
  print(
    `${seeds} seeds, ${turns} turns, ${Math.round(turns / seconds())} turns a second: nothing broke`,
  );
  return undefined;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
