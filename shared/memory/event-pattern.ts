/**
 * EventBridge event patterns: `compilePattern` refuses what AWS refuses, `matches` answers what AWS answers
 * (held to 157 recorded cases in `test/recordings/event-patterns`).
 *
 * An event is a set of leaves, each at a dotted path; a pattern is a set of alternatives (`$or` multiplied
 * out), each a list of fields, each a path with tests of which one must hold.
 *
 * P1 A field name with dots and nested objects are the same path, in the event and in the pattern.
 * P2 A value in a list is a leaf of its own; an empty list and an object are no leaves.
 * P3 Two fields below the same list must hold in the same element of it.
 * P4 A test looks at a leaf that exists; only `{ "exists": false }` is about a path without leaves.
 */
import { eventLeaves, type Leaf } from "./event-leaves.ts";
import { PatternError, parseTests, type ValueTest } from "./event-tests.ts";

type Field = { readonly path: string; readonly tests: readonly ValueTest[] };
type Alternative = readonly Field[];

export type EventPattern = {
  readonly alternatives: readonly Alternative[];
  /** Of all its fields, and what these begin with: nothing else of an event is looked at. */
  readonly paths: ReadonlySet<string>;
};

/** `$or` multiplies: refuse a pattern before it fills the memory (AWS refuses above 1,000 combinations). */
const ALTERNATIVES_MAX = 1_000;

/** Compiles a parsed JSON pattern; throws `PatternError` with the reason where AWS answers `InvalidEventPatternException`. */
export function compilePattern(pattern: unknown): EventPattern {
  if (!isObject(pattern)) throw new PatternError("Event pattern is not an object");
  const alternatives = alternativesOf(pattern, []);
  return { alternatives, paths: new Set(alternatives.flat().flatMap(({ path }) => upTo(path))) };
}

/** Whether the event (a parsed JSON object, the whole envelope) matches the pattern. */
export function matches(pattern: EventPattern, event: unknown): boolean {
  const leaves = eventLeaves(event, pattern.paths);
  return pattern.alternatives.some((fields) => holds(fields, 0, leaves, new Map()));
}

/** `a`, `a.b`, `a.b.c` of the last. */
function upTo(path: string): readonly string[] {
  const names = path.split(".");
  return names.map((_, index) => names.slice(0, index + 1).join("."));
}

function alternativesOf(pattern: Readonly<Record<string, unknown>>, path: readonly string[]) {
  let all: readonly Alternative[] = [[]];
  for (const [name, value] of Object.entries(pattern)) {
    all = product(all, name === "$or" ? orOf(value, path) : fieldOf(value, [...path, name]));
  }
  return all;
}

function orOf(value: unknown, path: readonly string[]): readonly Alternative[] {
  if (!Array.isArray(value) || value.length < 2) {
    throw new PatternError("$or must be an array of at least two objects");
  }
  return value.flatMap((branch: unknown) => {
    if (!isObject(branch)) throw new PatternError("$or must be an array of objects");
    return alternativesOf(branch, path);
  });
}

function fieldOf(value: unknown, path: readonly string[]): readonly Alternative[] {
  const name = path.join("."); // P1
  if (Array.isArray(value)) return [[{ path: name, tests: parseTests(value, name) }]];
  if (!isObject(value)) throw new PatternError(`"${name}" must be an object or an array`);
  if (Object.keys(value).length === 0)
    throw new PatternError(`Empty objects are not allowed: ${name}`);
  return alternativesOf(value, path);
}

function product(left: readonly Alternative[], right: readonly Alternative[]) {
  if (left.length * right.length > ALTERNATIVES_MAX) {
    throw new PatternError("Rule is too complex - too many combinations of $or");
  }
  return left.flatMap((a) => right.map((b) => [...a, ...b]));
}

type Elements = ReadonlyMap<string, number>;

/** Tries the leaves for field `index`, keeping P3 by the list elements chosen so far. */
function holds(fields: Alternative, index: number, leaves: Leaves, chosen: Elements): boolean {
  const field = fields[index];
  if (field === undefined) return true;
  const candidates = leaves.get(field.path);
  if (candidates === undefined) {
    return (
      field.tests.some((test) => test.kind === "absent") && holds(fields, index + 1, leaves, chosen)
    ); // P4
  }
  return candidates.some((leaf) => {
    if (!field.tests.some((test) => test.kind === "value" && test.accepts(leaf.value)))
      return false;
    const merged = merge(chosen, leaf.elements);
    return merged !== undefined && holds(fields, index + 1, leaves, merged);
  });
}

type Leaves = ReadonlyMap<string, readonly Leaf[]>;

function merge(chosen: Elements, more: Elements): Elements | undefined {
  for (const [list, element] of more) {
    if ((chosen.get(list) ?? element) !== element) return undefined;
  }
  return new Map([...chosen, ...more]);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
