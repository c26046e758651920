import type { JobError, JobErrorCode } from "../model/job.ts";

/** An end with an error, and nothing else yet. */
export type Failure = { readonly kind: "fail"; readonly error: JobError; readonly note: string };

/** The end of a job that was called off; `where` says what it did not do any more. */
export function calledOff(where: string): Failure {
  return fail("cancelled", `cancelled ${where}`);
}

/** A job's end with an error, which its journal tells too. */
export function fail(code: JobErrorCode, detail: string): Failure {
  return { kind: "fail", error: { code, detail }, note: detail };
}
