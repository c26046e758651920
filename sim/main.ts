/** `npm run sim`: runs seeds and says what broke. */
import { planRates } from "./faults.ts";
import { figures } from "./figures.ts";
import { readable } from "./names.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { runSimulation } from "./run-simulation.ts";

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options !== "help") return runSeeds(options);
  print(USAGE);
  return 0;
}

/** Runs until one breaks. */
async function runSeeds(options: Options): Promise<number> {
  const { hosts, vms, minutes, history } = options;
  const beganAt = performance.now();
  const isOver = () =>
    options.seconds !== undefined && performance.now() - beganAt >= options.seconds * 1000;
  const sums = figures();
  let broke = false;
  for (const seed of options.seeds) {
    if (isOver()) break;
    const plan = { seed, hosts, vms, minutes, rates: planRates(seed) };
    const outcome = await runSimulation(plan, { history });
    sums.add(outcome);
    for (const line of outcome.history) print(line);
    if (outcome.violation === undefined) continue;
    const { invariant, detail } = outcome.violation;
    print(`seed ${seed} broke ${invariant}: ${readable(detail)}`);
    broke = true;
    break;
  }
  for (const line of sums.lines(cpuSeconds())) print(line);
  if (!broke) print("nothing broke");
  return broke ? 1 : 0;
}

/** Of this process: other work on the machine does not count. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
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
