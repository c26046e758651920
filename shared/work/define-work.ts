/**
 * Types across the boundary: a work type's schemas give the compiler its input, memo and result, and check them at run
 * time whenever the job comes back from storage.
 */
import type * as z from "zod/mini";
import type {
  Invalid,
  Origin,
  Outcome,
  Reception,
  Wakeup,
  WorkContext,
  WorkType,
} from "../core/work-type.ts";
import type { VmState } from "../model/vm.ts";

/** How a work type is written; `begin` and `resume` are pure. */
export type WorkDefinition<
  I extends z.ZodMiniType,
  M extends z.ZodMiniType,
  R extends z.ZodMiniType,
> = {
  readonly name: string;
  readonly version: number;
  /** Absent: `verb`. */
  readonly origin?: Origin;
  readonly input: I;
  readonly memo: M;
  readonly result: R;
  readonly reception: Readonly<Record<VmState, Reception>>;
  readonly needsHost: boolean;
  readonly begin: (context: WorkContext<z.infer<I>, undefined>) => Outcome<z.infer<M>, z.infer<R>>;
  readonly resume: (
    context: WorkContext<z.infer<I>, z.infer<M>>,
    wakeup: Wakeup,
  ) => Outcome<z.infer<M>, z.infer<R>>;
};

/** The work type that the registry lists. */
export function defineWork<
  I extends z.ZodMiniType,
  M extends z.ZodMiniType,
  R extends z.ZodMiniType,
>(definition: WorkDefinition<I, M, R>): WorkType {
  return {
    subject: "vm",
    name: definition.name,
    version: definition.version,
    origin: definition.origin ?? "verb",
    reception: definition.reception,
    needsHost: definition.needsHost,
    parseInput: (raw) => {
      const parsed = definition.input.safeParse(raw);
      if (parsed.success) return { ok: true, value: parsed.data };
      return { ok: false, errors: parsed.error.issues.map(fault) };
    },
    begin: (context) => {
      const input = definition.input.safeParse(context.input);
      if (!input.success) return invalid("input", input.error);
      return definition.begin({ ...context, input: input.data });
    },
    resume: (context, wakeup) => {
      const input = definition.input.safeParse(context.input);
      if (!input.success) return invalid("input", input.error);
      const memo = definition.memo.safeParse(context.memo);
      if (!memo.success) return invalid("memo", memo.error);
      return definition.resume({ ...context, input: input.data, memo: memo.data }, wakeup);
    },
  };
}

/** One fault of a payload, as the problem document lists it; an unknown field is named. */
function fault(issue: z.core.$ZodIssue): { path: string; message: string } {
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...issue.path.map(String), ...(unknown === undefined ? [] : [unknown])].join(".");
  return { path, message: unknown === undefined ? issue.message : "unknown field" };
}

function invalid(part: string, error: z.core.$ZodError): Invalid {
  const faults = error.issues.map(fault).map(({ path, message }) => `${path}: ${message}`);
  return { kind: "invalid", detail: `${part}: ${faults.join("; ")}`.slice(0, 500) };
}
