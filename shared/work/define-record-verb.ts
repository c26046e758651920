/** Verbs that are for the record alone: nothing is sent to any host, and the job is one turn. */
import * as z from "zod/mini";
import type { Reception, WorkContext, WorkType } from "../core/work-type.ts";
import type { VmState } from "../model/vm.ts";
import { type End, NoResult } from "./define-deed.ts";
import { defineVerb } from "./define-verb.ts";

export type RecordVerb<I> = {
  readonly name: string;
  readonly version: number;
  readonly input: z.ZodMiniType<I>;
  readonly reception: Readonly<Record<VmState, Reception>>;
  readonly go: (context: WorkContext<I, unknown>) => End;
};

/** The work type that the registry lists. */
export function defineRecordVerb<I>(verb: RecordVerb<I>): WorkType {
  return defineVerb({
    ...verb,
    memo: z.never(),
    result: NoResult,
    resume: () => ({ kind: "ignore" }), // it waits for nothing
  });
}
