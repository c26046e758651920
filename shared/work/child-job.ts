/** Starting jobs of other types, and reading how they ended: typed by the other's own schemas. */
import type { ChildJob, JobEnd } from "../core/work-type.ts";
import type { AccountId, HostId, VmId } from "../model/ids.ts";
import type { JobError } from "../model/job.ts";
import type { Typed } from "./define-work.ts";

/** A job for a `join` to start. An input that the type does not take does not compile. */
export function childJob<I>(
  { name, version, inputOf }: Pick<Typed<I, unknown>, "name" | "version" | "inputOf">,
  child: {
    readonly key: string;
    readonly input: I;
    /** Absent: the parent's. */
    readonly account?: AccountId;
  } & ({ readonly vmId: VmId } | { readonly hostId: HostId }),
): ChildJob {
  return { ...child, type: name, workVersion: version, input: inputOf(child.input) };
}

/** What a job came to: the result of its type, or why there is none. */
export function resultOf<R>(
  { name, resultOf }: Pick<Typed<never, R>, "name" | "resultOf">,
  end: JobEnd,
): { readonly ok: true; readonly value: R } | { readonly ok: false; readonly error: JobError } {
  if (end.status !== "succeeded") return { ok: false, error: end.error };
  const result = resultOf(end.result);
  if (result.ok) return result;
  // Written by a deployment of another mind.
  const detail = `the job that was joined ended with no result of ${name}: ${result.detail}`;
  return { ok: false, error: { code: "join_failed", detail } };
}
