/**
 * What must not compile: each line below an `@ts-expect-error` is an error to the compiler (`npm run types`), or the
 * directive is. Nothing here is run.
 */
import * as z from "zod/mini";
import { childJob, resultOf } from "../../../shared/work/child-job.ts";
import { defineHostWork, defineWork } from "../../../shared/work/define-work.ts";
import { vmId } from "../../support/a-record.ts";
import { errand, gather } from "../../support/errands.ts";

const waits = { action: { kind: "timer" }, deadlineInMs: 1, note: "waits" } as const;

export function refusedByTheCompiler(): void {
  const at = { key: "k", vmId };
  childJob(errand, { ...at, input: { forMs: 1 } });
  // @ts-expect-error: an input of the wrong shape
  childJob(errand, { ...at, input: { forHours: 1 } });
  // @ts-expect-error: an input of the wrong type
  childJob(errand, { ...at, input: { forMs: "1" } });
  // @ts-expect-error: an input that lacks something
  childJob(gather, { ...at, input: {} });
  // @ts-expect-error: a job of nobody
  childJob(errand, { key: "k", input: {} });

  const end = { status: "succeeded", result: {} } as const;
  const said = resultOf(errand, end);
  if (said.ok) said.value.said.toUpperCase();
  // @ts-expect-error: a field that the result does not have
  if (said.ok) said.value.sad;
  // @ts-expect-error: a result that may not be one was not looked at
  said.value;

  defineWork({
    ...greetDefinition,
    // @ts-expect-error: the memo is not the memo's
    begin: () => ({ ...waits, kind: "wait", step: "s", memo: { said: 1 } }),
    resume: () => ({ kind: "ignore" }),
  });
  defineWork({
    ...greetDefinition,
    begin: () => ({ kind: "ignore" }),
    // @ts-expect-error: the result is not the result's
    resume: () => ({ kind: "succeed", result: { sad: "" }, note: "" }),
  });
  defineWork({
    ...greetDefinition,
    // @ts-expect-error: the input has no such field
    begin: ({ input }) => ({ kind: "succeed", result: { said: input.nmae }, note: "" }),
    resume: () => ({ kind: "ignore" }),
  });
  defineHostWork({
    ...hostDefinition,
    // @ts-expect-error: a job of a host changes no VM
    begin: () => ({ kind: "succeed", result: { said: "" }, vm: { state: "Running" }, note: "" }),
    resume: () => ({ kind: "ignore" }),
  });
  defineHostWork({
    ...hostDefinition,
    // @ts-expect-error: a job of a host sees no VM
    begin: ({ vm }) => ({ kind: "succeed", result: { said: vm.name }, note: "" }),
    resume: () => ({ kind: "ignore" }),
  });
}

const hostDefinition = {
  name: "test.greet",
  version: 1,
  input: z.strictObject({ name: z.string() }),
  memo: z.strictObject({ said: z.string() }),
  result: z.strictObject({ said: z.string() }),
};
const greetDefinition = { ...hostDefinition, reception: errand.reception, needsHost: false };
