/**
 * `npm run test:mutants`: every mutant must be killed by the check that it names, which must pass without it.
 *
 * Exits 1 when a mutant survives, when its killer fails unmutated, and when its patch no longer applies.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Killer, type Mutant, readMutants } from "./mutant.ts";
import { makeWorkplace } from "./workplace.ts";

type Verdict = {
  readonly name: string;
  readonly says: string;
  readonly isGood: boolean;
  readonly seconds: number;
};

const HELP = `npm run test:mutants -- [names]
  names            only these mutants (default: all in test/mutants)
  --list           print them, run nothing
Exits 1 when a mutant survives, when its killer fails without it, or when its patch no longer applies.`;
/** Of a killer's output, where it says something unexpected. */
const OUTPUT_LINES_SHOWN = 30;

const project = join(import.meta.dirname, "../..");
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { help: { type: "boolean" }, list: { type: "boolean" } },
});
const all = readMutants(import.meta.dirname);
const chosen =
  positionals.length === 0 ? all : all.filter(({ name }) => positionals.includes(name));
const unknown = positionals.filter((name) => all.every((mutant) => mutant.name !== name));
if (values.help === true) say(HELP);
else if (unknown.length > 0) fail(`there is no mutant ${unknown.join(", ")}`);
else if (values.list === true) for (const mutant of chosen) say(headOf(mutant));
else await runAll(chosen);

async function runAll(mutants: readonly Mutant[]): Promise<void> {
  const begun = performance.now();
  const killers = new Map(mutants.map(({ killer }) => [textOf(killer), killer]));
  const tasks = [
    ...[...killers.values()].map((killer) => () => checkUnmutated(killer)),
    ...mutants.map((mutant) => () => checkMutant(mutant)),
  ];
  const verdicts = await sideBySide(tasks, availableParallelism());
  const bad = verdicts.filter(({ isGood }) => !isGood);
  const seconds = Math.round((performance.now() - begun) / 1000);
  say(
    `${mutants.length} mutants, ${killers.size} killers, ${seconds} s: ${bad.length === 0 ? "all killed" : `${bad.length} wrong`}`,
  );
  for (const { name, says } of bad) say(`\n${name}: ${says}`);
  if (bad.length > 0) process.exitCode = 1;
}

async function checkUnmutated(killer: Killer): Promise<Verdict> {
  const place = await makeWorkplace(project);
  try {
    const { ended, output, seconds } = await place.run(killer);
    const isGood = ended === "well";
    const says = isGood ? "passes without mutants" : `fails without any mutant\n${tail(output)}`;
    return report({ name: textOf(killer), says, isGood, seconds });
  } finally {
    await place.remove();
  }
}

async function checkMutant(mutant: Mutant): Promise<Verdict> {
  const { name, killer, breaks } = mutant;
  const place = await makeWorkplace(project);
  try {
    const mutated = await place.mutate(mutant);
    if (mutated !== "mutated") {
      const says = `its patch does not apply any more, make it anew: ${mutated.refused}`;
      return report({ name, says, isGood: false, seconds: 0 });
    }
    const { ended, output, seconds } = await place.run(killer);
    const isGood = ended === "with_failure" && output.includes(mutant.says);
    return report({ name, isGood, seconds, says: isGood ? `killed (${breaks})` : survived() });

    function survived(): string {
      if (ended === "well") return `SURVIVED ${textOf(killer)}`;
      if (ended === "too_late") return `${textOf(killer)} did not end`;
      return `failed without saying "${mutant.says}"\n${tail(output)}`;
    }
  } finally {
    await place.remove();
  }
}

function report(verdict: Verdict): Verdict {
  const [first] = verdict.says.split("\n", 1);
  say(`${verdict.seconds.toFixed(1).padStart(6)} s  ${verdict.name}: ${first}`);
  return verdict;
}

async function sideBySide<T>(tasks: readonly (() => Promise<T>)[], lanes: number): Promise<T[]> {
  const results: T[] = [];
  const left = tasks.values();
  const lane = async () => {
    for (const task of left) results.push(await task());
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

function headOf({ name, drops, breaks, killer }: Mutant): string {
  return `${name} (${breaks}): drops ${drops}; killed by ${textOf(killer)}`;
}

function textOf({ kind, args }: Killer): string {
  return [kind, ...args].join(" ");
}

function tail(output: string): string {
  return output.trimEnd().split("\n").slice(-OUTPUT_LINES_SHOWN).join("\n");
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
