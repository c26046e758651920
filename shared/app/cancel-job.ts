/**
 * Calling a job off: its record says so first, then its apartment is told.
 *
 * A job that has not begun ends in that message's turn, or, if the message overtakes its submit, before it is admitted. One
 * that is active ends at its next step, or at the result or deadline of a command that is out; what succeeded all the same
 * has succeeded. If the caller dies in between, its retry tells the apartment again; twice is once.
 */
import type { JobId } from "../model/ids.ts";
import { apartmentOf, hasEnded, type Job } from "../model/job.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import { cancelTold } from "./job-effects.ts";
import { jobView } from "./job-view.ts";
import type { Ports } from "./ports.ts";
import { seenJob } from "./read-jobs.ts";

/** The job as it is then: asking takes no time, ending may. A job that has ended is answered as it ended. */
export async function cancelJob(
  deps: Pick<Ports, "jobs" | "apartmentQueue">,
  request: {
    readonly caller: Caller;
    readonly jobId: JobId;
    readonly reason?: string | undefined;
  },
): Promise<Answer<Job>> {
  const { jobId, reason } = request;
  const seen = await seenJob(deps, request);
  const job = seen === undefined ? undefined : await deps.jobs.requestCancel(jobId, reason);
  if (job === undefined) return refuse("job_not_found", `there is no job ${jobId}`);
  const to = apartmentOf(job);
  if (!hasEnded(job.status) && to !== undefined)
    await deps.apartmentQueue.send([cancelTold(jobId, to, reason)]);
  return { ok: true, value: jobView(job, "whole") };
}
