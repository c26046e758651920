/** Rules of the bus: pattern or rate, and targets. What is not supported is refused by name, never passed over. */
import { compilePattern, type EventPattern } from "./event-pattern.ts";
import { PatternError } from "./event-tests.ts";

/** A rule as the template has it. */
export type RuleSpec = {
  readonly name: string;
  readonly busName: string;
  readonly arn: string;
  readonly enabled: boolean;
  /** Parsed JSON. A rule has a pattern or a schedule. */
  readonly pattern?: unknown;
  readonly scheduleExpression?: string | undefined;
  readonly targets: readonly TargetSpec[];
};

export type TargetSpec = {
  readonly id: string;
  /** Of a function, or of a standard queue. */
  readonly arn: string;
  /** JSON handed over instead of the event. */
  readonly input?: string | undefined;
  readonly inputPath?: string | undefined;
  readonly inputTransformer?: unknown;
  readonly retriesMax?: number | undefined;
  readonly eventAgeSecondsMax?: number | undefined;
  /** Of a standard queue. */
  readonly deadLetterArn?: string | undefined;
};

export type Rule = {
  readonly spec: RuleSpec;
  readonly trigger:
    | { readonly kind: "pattern"; readonly pattern: EventPattern }
    | { readonly kind: "rate"; readonly intervalMs: number };
};

const UNIT_MS: Readonly<Record<string, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** Throws an error that names rule and part where something is not supported or malformed. */
export function compileRule(spec: RuleSpec): Rule {
  for (const target of spec.targets) checkTarget(spec, target);
  if (spec.scheduleExpression !== undefined) {
    const intervalMs = rateOf(spec.scheduleExpression);
    if (intervalMs !== undefined) return { spec, trigger: { kind: "rate", intervalMs } };
    throw unsupported(
      spec,
      `schedule "${spec.scheduleExpression}" (only rate(n minutes|hours|days))`,
    );
  }
  try {
    return { spec, trigger: { kind: "pattern", pattern: compilePattern(spec.pattern) } };
  } catch (cause) {
    if (!(cause instanceof PatternError)) throw cause;
    throw new Error(`rule ${spec.name}: event pattern is not valid: ${cause.message}`, { cause });
  }
}

/** `undefined`: of a kind that is not supported. */
export function targetKind({ arn }: Pick<TargetSpec, "arn">): "function" | "queue" | undefined {
  if (/^arn:[^:]+:lambda:[^:]+:[^:]+:function:/.test(arn)) return "function";
  return STANDARD_QUEUE.test(arn) ? "queue" : undefined;
}
const STANDARD_QUEUE = /^arn:[^:]+:sqs:.*(?<!\.fifo)$/;

function checkTarget(rule: RuleSpec, target: TargetSpec): void {
  if (target.inputPath !== undefined) throw unsupported(rule, `InputPath of target ${target.id}`);
  if (target.inputTransformer !== undefined) {
    throw unsupported(rule, `InputTransformer of target ${target.id}`);
  }
  if (targetKind(target) === undefined) {
    throw unsupported(rule, `target ${target.arn} (only functions and standard queues)`);
  }
  const { deadLetterArn } = target;
  if (deadLetterArn !== undefined && !STANDARD_QUEUE.test(deadLetterArn)) {
    throw unsupported(rule, `dead-letter target ${deadLetterArn} (only standard queues)`);
  }
}

function unsupported(rule: RuleSpec, what: string): Error {
  return new Error(`rule ${rule.name}: not supported locally: ${what}`);
}

/** AWS takes the singular for one, and only then. */
function rateOf(expression: string): number | undefined {
  const [, digits, unit, plural] = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression) ?? [];
  const count = Number(digits);
  const unitMs = UNIT_MS[unit ?? ""];
  if (unitMs === undefined || count < 1 || (count === 1) !== (plural === "")) return undefined;
  return count * unitMs;
}
