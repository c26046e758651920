/** The tests that an event pattern may put to a value: literals, `prefix`, `numeric`, `anything-but` and the rest. */
import { cidrTest } from "./event-cidr.ts";

/** Why a pattern is refused, as AWS says it in `InvalidEventPatternException`. */
export class PatternError extends Error {
  override readonly name = "PatternError";
}

export type ValueTest =
  | { readonly kind: "value"; readonly accepts: (value: unknown) => boolean }
  /** Holds only where the path has no value at all. */
  | { readonly kind: "absent" };

type Accepts = (value: unknown) => boolean;

/** More are "too complex" to AWS, which counts states, not stars; six are recorded as refused, two as accepted. */
const WILDCARDS_MAX = 5;

/** The tests of one field, of which one must hold. An empty list is refused. */
export function parseTests(list: readonly unknown[], path: string): readonly ValueTest[] {
  if (list.length === 0) throw new PatternError(`Empty arrays are not allowed: ${path}`);
  return list.map((item) => parseTest(item, path));
}

function parseTest(item: unknown, path: string): ValueTest {
  if (isLiteral(item)) return { kind: "value", accepts: (value) => value === item };
  const [operator, operand] = onlyEntry(item, path);
  if (operator === "exists") {
    if (operand === true) return { kind: "value", accepts: () => true };
    if (operand === false) return { kind: "absent" };
    throw new PatternError("exists match pattern must be either true or false.");
  }
  return { kind: "value", accepts: parseOperator(operator, operand, path) };
}

function parseOperator(operator: string, operand: unknown, path: string): Accepts {
  switch (operator) {
    case "prefix":
    case "suffix":
      return affix(operator, operand, path);
    case "equals-ignore-case":
      return ignoreCase(operator, operand);
    case "wildcard":
      return wildcard(text(operator, operand));
    case "numeric":
      return numeric(operand);
    case "cidr": {
      const accepts = cidrTest(text(operator, operand));
      if (accepts === undefined)
        throw new PatternError(`Malformed CIDR, one '/' required: ${String(operand)}`);
      return accepts;
    }
    case "anything-but":
      return anythingBut(operand, path);
    default:
      throw new PatternError(`Unrecognized match type ${operator}`);
  }
}

function affix(operator: "prefix" | "suffix", operand: unknown, path: string): Accepts {
  const holds = (value: string, part: string) =>
    operator === "prefix" ? value.startsWith(part) : value.endsWith(part);
  if (typeof operand === "string") return ofString((value) => holds(value, operand));
  const [inner, part] = onlyEntry(operand, path);
  if (inner !== "equals-ignore-case")
    throw new PatternError(`${operator} match pattern must be a string`);
  const folded = text(inner, part).toLowerCase();
  return ofString((value) => holds(value.toLowerCase(), folded));
}

function ignoreCase(operator: string, operand: unknown): Accepts {
  const folded = text(operator, operand).toLowerCase();
  return ofString((value) => value.toLowerCase() === folded);
}

/** `anything-but` accepts whatever exists and is not excluded: numbers and null pass the string exclusions. */
function anythingBut(operand: unknown, path: string): Accepts {
  if (typeof operand === "object" && operand !== null && !Array.isArray(operand)) {
    const [operator, inner] = onlyEntry(operand, path);
    const excluded = listOf(inner).map((item) => excludedBy(operator, text(operator, item)));
    return (value) => !excluded.some((accepts) => accepts(value));
  }
  const excluded = listOf(operand);
  if (!excluded.every((item) => typeof item === "string" || typeof item === "number")) {
    throw new PatternError("Inside anything but list, start|null|boolean is not supported.");
  }
  return (value) => !excluded.some((item) => item === value);
}

function excludedBy(operator: string, operand: string): Accepts {
  switch (operator) {
    case "prefix":
    case "suffix":
      if (operand === "") throw new PatternError("Null prefix/suffix not allowed");
      return affix(operator, operand, "");
    case "equals-ignore-case":
      return ignoreCase(operator, operand);
    case "wildcard":
      return wildcard(operand);
    default:
      throw new PatternError(`Unsupported anything-but pattern: ${operator}`);
  }
}

function listOf(operand: unknown): readonly unknown[] {
  if (!Array.isArray(operand)) return [operand];
  if (operand.length === 0) throw new PatternError("Empty arrays are not allowed");
  return operand;
}

/** `*` stands for any characters, `\*` and `\\` for themselves. */
function wildcard(pattern: string): Accepts {
  const parts: string[] = [""];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    if (character === "\\") {
      index++;
      const escaped = pattern.charAt(index);
      if (escaped !== "*" && escaped !== "\\") {
        throw new PatternError(`Invalid escape character at pos ${index - 1}`);
      }
      parts[parts.length - 1] += escaped;
    } else if (character === "*") {
      if (index > 0 && parts.at(-1) === "" && parts.length > 1) {
        throw new PatternError(`Consecutive wildcard characters at pos ${index - 1}`);
      }
      parts.push("");
    } else {
      parts[parts.length - 1] += character;
    }
  }
  if (parts.length - 1 > WILDCARDS_MAX) {
    throw new PatternError("Rule is too complex - try using fewer wildcard characters");
  }
  return ofString((value) => fits(value, parts));
}

function fits(value: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  if (parts.length === 1) return value === first;
  if (value.length < first.length + last.length) return false;
  if (!value.startsWith(first) || !value.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = value.indexOf(part, from); // leftmost is always best: what follows has the most room
    if (at === -1) return false;
    from = at + part.length;
  }
  return from <= value.length - last.length;
}

const COMPARISONS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  "=": (value, bound) => value === bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
};

/** One comparison, or a range: a lower bound, then an upper one. */
function numeric(operand: unknown): Accepts {
  if (!Array.isArray(operand)) throw new PatternError("Value of numeric must be an array.");
  if (operand.length !== 2 && operand.length !== 4)
    throw new PatternError("Too many or too few elements in numeric expression");
  const bounds: {
    readonly holds: (value: number, bound: number) => boolean;
    readonly bound: number;
  }[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const operator: unknown = operand[index];
    const bound: unknown = operand[index + 1];
    const holds = typeof operator === "string" ? COMPARISONS[operator] : undefined;
    if (holds === undefined)
      throw new PatternError(`Unrecognized numeric range operator: ${String(operator)}`);
    if (typeof bound !== "number")
      throw new PatternError(`Value of ${String(operator)} must be numeric`);
    bounds.push({ holds, bound });
  }
  const [lower, upper] = bounds;
  if (lower && upper) {
    if (!String(operand[0]).startsWith(">") || !String(operand[2]).startsWith("<")) {
      throw new PatternError("Bad numeric range operator");
    }
    if (lower.bound >= upper.bound) throw new PatternError("Bottom must be less than top");
  }
  return (value) =>
    typeof value === "number" && bounds.every(({ holds, bound }) => holds(value, bound));
}

function ofString(accepts: (value: string) => boolean): Accepts {
  return (value) => typeof value === "string" && accepts(value);
}

function text(operator: string, operand: unknown): string {
  if (typeof operand !== "string")
    throw new PatternError(`${operator} match pattern must be a string`);
  return operand;
}

function isLiteral(item: unknown): boolean {
  return item === null || ["string", "number", "boolean"].includes(typeof item);
}

function onlyEntry(item: unknown, path: string): readonly [string, unknown] {
  const entries =
    typeof item === "object" && item !== null && !Array.isArray(item) ? Object.entries(item) : [];
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) {
    throw new PatternError(`Only one key allowed in match expression: ${path}`);
  }
  return entry;
}
