/** What a commit says of jobs: of those that it changes, and of those that it makes. */
import type { AnyApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { JobId } from "../../shared/model/ids.ts";
import { hasEnded, type JobRecord } from "../../shared/model/job.ts";

export type SaidOfJob = Pick<JobRecord, "status" | "revision" | "journal" | "error"> & {
  readonly jobId: JobId;
};

export function saidOfJobs({ effects }: AnyApartmentRecord): readonly SaidOfJob[] {
  return effects.flatMap((effect): SaidOfJob[] => {
    if (effect.kind === "job") return [effect];
    return effect.kind === "new-job" ? [{ ...effect.job, jobId: effect.job.id }] : [];
  });
}

export function endsOf(record: AnyApartmentRecord): readonly SaidOfJob[] {
  return saidOfJobs(record).filter(({ status }) => hasEnded(status));
}
