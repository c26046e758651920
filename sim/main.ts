/** `npm run sim`: runs seeds; of the first that breaks something it tells the shortest history that does. */
import { figures } from "./figures.ts";
import { readable } from "./names.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { describePlan } from "./plan.ts";
import { type Outcome, runSimulation } from "./run-simulation.ts";
import { type Failed, shrink } from "./shrink.ts";

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), Math.floor(performance.timeOrigin / 1000));
  if (options === "help") {
    print(USAGE);
    return 0;
  }
  const failed = await runAll(options);
  if (failed === undefined) return 0;
  await tell(failed, options);
  return 1;
}

/** Runs until one breaks; answers that one. */
async function runAll({ plans, seconds, history }: Options): Promise<Failed | undefined> {
  const beganAt = performance.now();
  const isOver = () => seconds !== undefined && performance.now() - beganAt >= seconds * 1000;
  const sums = figures();
  let failed: Failed | undefined;
  for (const plan of plans) {
    if (failed !== undefined || isOver()) break;
    print(describePlan(plan));
    const outcome = await runSimulation(plan, { history });
    sums.add(outcome);
    for (const line of outcome.history) print(line);
    const { violation } = outcome;
    if (violation === undefined) continue;
    print(`broke ${violation.invariant}: ${readable(violation.detail)}`);
    failed = { ...outcome, violation };
  }
  for (const line of sums.lines(cpuSeconds())) print(line);
  if (failed === undefined) print("nothing broke");
  return failed;
}

/** The shortest history that breaks the same, and how to see it again. */
async function tell(failed: Failed, { failing, history }: Options): Promise<void> {
  if (failing === "as_it_is") return;
  const run = (plan: Failed["plan"]) => runSimulation(plan, { history: "not_kept" });
  const small = await shrink(failed, run, print);
  if (history === "not_kept" || small !== failed) {
    const told = await runSimulation(small.plan, { history: "kept" });
    for (const line of about(told)) print(line);
  }
  print(describePlan(small.plan));
  print(`broke ${small.violation.invariant}: ${readable(small.violation.detail)}`);
  print(`again: npm run sim -- --plan '${JSON.stringify(small.plan)}'`);
}

/** The lines about the VM that broke; all, where it was none. */
function about({ history, violation }: Outcome): readonly string[] {
  const [vm] = /^vm-[0-9]+/.exec(readable(violation?.detail ?? "")) ?? [];
  if (vm === undefined) return history;
  const other = /\bvm-(?!by-hand)[0-9]+\b/;
  const its = new RegExp(`\\b${vm}\\b`);
  return history.filter((line) => its.test(line) || !other.test(line));
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
