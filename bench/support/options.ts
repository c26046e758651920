/** Command lines of the benchmarks: whole numbers, `--json`, `--help`. */
import { parseArgs } from "node:util";

export type NumberOption = { readonly standard: number; readonly says: string };

export interface Options<Name extends string> {
  readonly output: "table" | "json";
  readonly number: (name: Name) => number;
}

export interface ProgramProps<Name extends string> {
  readonly script: string;
  readonly says: string;
  readonly numbers: Readonly<Record<Name, NumberOption>>;
}

/** What was asked; undefined where nothing is left to do: help was shown, or a wrong option named (exit code 1). */
export function readOptions<Name extends string>(
  program: ProgramProps<Name>,
): Options<Name> | undefined {
  const known = new Map<string, NumberOption>(Object.entries(program.numbers));
  try {
    const given = readArguments([...known.keys()]);
    if (given.get("help") === true) {
      process.stdout.write(helpText(program, known));
      return undefined;
    }
    const numbers = new Map(
      [...known].map(([name, { standard }]) => [name, readNumber(name, given.get(name), standard)]),
    );
    return {
      output: given.get("json") === true ? "json" : "table",
      number: (name) => numbers.get(name) ?? program.numbers[name].standard,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    return undefined;
  }
}

function readArguments(names: readonly string[]): ReadonlyMap<string, unknown> {
  const texts = names.map((name) => [name, { type: "string" as const }]);
  const flag = { type: "boolean" as const };
  const { values } = parseArgs({
    options: { json: flag, help: flag, ...Object.fromEntries(texts) },
  });
  return new Map<string, unknown>(Object.entries(values));
}

function readNumber(name: string, given: unknown, standard: number): number {
  if (given === undefined) return standard;
  const value = Number(given);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number of 1 or more, not ${String(given)}`);
  return value;
}

function helpText(
  { script, says }: { readonly script: string; readonly says: string },
  known: ReadonlyMap<string, NumberOption>,
): string {
  const lines = [...known].map(
    ([name, option]) => `  --${name} N  ${option.says} (${option.standard})`,
  );
  return [`npm run ${script} -- [options]`, says, ...lines, "  --json  as JSON", ""].join("\n");
}
