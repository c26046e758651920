import type { Outcome } from "../core/work-type.ts";
import type { JobErrorCode } from "../model/job.ts";

/** The end of a job that was called off; `where` says what it did not do any more. */
export function calledOff(where: string): ReturnType<typeof fail> {
  return fail("cancelled", `cancelled ${where}`);
}

/** A job's end with an error, which its journal tells too. */
export function fail(
  code: JobErrorCode,
  detail: string,
): Extract<Outcome<never, never>, { kind: "fail" }> {
  return { kind: "fail", error: { code, detail }, note: detail };
}
