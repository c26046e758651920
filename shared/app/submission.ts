import type { ApartmentMessage } from "../model/apartment-message.ts";
import { type ApartmentId, type JobId, submitId } from "../model/ids.ts";
import { apartmentOf, type JobRecord } from "../model/job.ts";

/** The message that tells an apartment of a recorded job. */
export function submissionTo(
  to: ApartmentId,
  jobId: JobId,
): { readonly to: ApartmentId; readonly message: ApartmentMessage } {
  return { to, message: { v: 1, logicalId: submitId(jobId), body: { kind: "submit", jobId } } };
}

/** The same of a job's record; one that is no apartment's has none. */
export function submission(
  job: Pick<JobRecord, "id" | "vmId" | "hostId">,
): ReturnType<typeof submissionTo> | undefined {
  const to = apartmentOf(job);
  return to === undefined ? undefined : submissionTo(to, job.id);
}
