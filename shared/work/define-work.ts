/**
 * Types across the boundary: a work type's schemas give the compiler its input, memo and result, and check them at run
 * time whenever the job, or its result, comes back from storage.
 */
import type * as z from "zod/mini";
import type {
  HostContext,
  HostWorkType,
  Invalid,
  Origin,
  Outcome,
  Payload,
  Reception,
  Wakeup,
  WorkContext,
  WorkType,
} from "../core/work-type.ts";
import type { VmState } from "../model/vm.ts";

/** What every definition says. */
type Definition<I, M, R> = {
  readonly name: string;
  /** Grows when an input or memo that was written before could not be read as it is any more. */
  readonly version: number;
  /** Absent: `verb`. */
  readonly origin?: Origin;
  readonly input: z.ZodMiniType<I>;
  readonly memo: z.ZodMiniType<M>;
  readonly result: z.ZodMiniType<R>;
  /** Of what an older version wrote, what this one reads. Absent: it is read as it is. */
  readonly upgrade?: (older: Payload & { readonly version: number }) => Payload;
};

/** How a work type about a VM is written; `begin` and `resume` are pure. */
export type WorkDefinition<I, M, R> = Definition<I, M, R> & {
  readonly reception: Readonly<Record<VmState, Reception>>;
  readonly needsHost: boolean;
  readonly begin: (context: WorkContext<I, undefined>) => Outcome<M, R>;
  readonly resume: (context: WorkContext<I, M>, wakeup: Wakeup) => Outcome<M, R>;
};

/** How a work type about a host is written: it has no VM to change. */
export type HostWorkDefinition<I, M, R> = Definition<I, M, R> & {
  readonly begin: (context: HostContext<I, undefined>) => HostOutcome<M, R>;
  readonly resume: (context: HostContext<I, M>, wakeup: Wakeup) => HostOutcome<M, R>;
};

/** Jobs of a host send no commands: what is done to a VM is done by a job of the VM. */
export type HostOutcome<M, R> =
  | Exclude<Outcome<M, R>, { kind: "wait" | "succeed" | "fail" }>
  | Of<M, R>;
type Of<M, R> = Extract<Outcome<M, R>, { kind: "wait" | "succeed" | "fail" }> & {
  readonly vm?: never;
  readonly release?: never;
  readonly action?: { readonly kind: "timer" | "join" };
};

/** What others need of a type to start a job of it, and to read how it ended (`child-job.ts`). */
export type Typed<I, R> = {
  readonly name: string;
  readonly version: number;
  /** Only what the compiler let through. */
  readonly inputOf: (input: I) => unknown;
  readonly resultOf: (raw: unknown) => Read<R>;
};
type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly detail: string };

/** The work type that the registry lists. */
export function defineWork<I, M, R>(definition: WorkDefinition<I, M, R>): WorkType & Typed<I, R> {
  const { reception, needsHost } = definition;
  return {
    ...common(definition),
    subject: "vm",
    reception,
    needsHost,
    begin: (context) =>
      checked(definition, context, (input) => definition.begin({ ...context, input })),
    resume: (context, wakeup) =>
      checked(definition, context, (input) =>
        remembered(definition, context, (memo) =>
          definition.resume({ ...context, input, memo }, wakeup),
        ),
      ),
  };
}

/** The same, about a host. */
export function defineHostWork<I, M, R>(
  definition: HostWorkDefinition<I, M, R>,
): HostWorkType & Typed<I, R> {
  return {
    ...common(definition),
    subject: "host",
    begin: (context) =>
      checked(definition, context, (input) => definition.begin({ ...context, input })),
    resume: (context, wakeup) =>
      checked(definition, context, (input) =>
        remembered(definition, context, (memo) =>
          definition.resume({ ...context, input, memo }, wakeup),
        ),
      ),
  };
}

function common<I, M, R>(definition: Definition<I, M, R>) {
  const { name, version, origin = "verb", upgrade = (older: Payload) => older } = definition;
  return {
    name,
    version,
    origin,
    upgrade,
    parseInput: (raw: unknown) => {
      const parsed = definition.input.safeParse(raw);
      if (parsed.success) return { ok: true as const, value: parsed.data };
      return { ok: false as const, errors: parsed.error.issues.map(fault) };
    },
    inputOf: (input: I) => input,
    resultOf: (raw: unknown) => read("result", definition.result, raw),
  };
}

/** With the input as its schema reads it, and a result that its schema takes. */
function checked<I, R>(
  definition: Pick<Definition<I, unknown, R>, "name" | "input" | "result">,
  context: { readonly input: unknown },
  step: (input: I) => Outcome<unknown, R> | Invalid,
): Outcome<unknown, R> | Invalid {
  const input = read("input", definition.input, context.input);
  if (!input.ok) return { kind: "invalid", detail: input.detail };
  const outcome = step(input.value);
  if (outcome.kind !== "succeed") return outcome;
  const result = read("result", definition.result, outcome.result);
  if (!result.ok)
    throw new Error(`${definition.name} ends with what is no result: ${result.detail}`);
  return outcome;
}

function remembered<M, R>(
  definition: Pick<Definition<unknown, M, R>, "memo">,
  context: { readonly memo: unknown },
  step: (memo: M) => Outcome<M, R>,
): Outcome<M, R> | Invalid {
  const memo = read("memo", definition.memo, context.memo);
  return memo.ok ? step(memo.value) : { kind: "invalid", detail: memo.detail };
}

function read<T>(part: string, schema: z.ZodMiniType<T>, raw: unknown): Read<T> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { ok: true, value: parsed.data };
  const faults = parsed.error.issues.map(fault).map(({ path, message }) => `${path}: ${message}`);
  return { ok: false, detail: `${part}: ${faults.join("; ")}`.slice(0, 500) };
}

/** One fault of a payload, as the problem document lists it; an unknown field is named. */
function fault(issue: z.core.$ZodIssue): { path: string; message: string } {
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...issue.path.map(String), ...(unknown === undefined ? [] : [unknown])].join(".");
  return { path, message: unknown === undefined ? issue.message : "unknown field" };
}
