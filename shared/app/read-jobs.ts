/** Reading jobs; waiting for the end of one. */
import type { JobId } from "../model/ids.ts";
import { hasEnded, type Job, type JobRecord } from "../model/job.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import { answerPage, type PageOf } from "./answer-page.ts";
import { maySee } from "./find-vm.ts";
import { jobView } from "./job-view.ts";
import type { JobFilter, PageRequest, Ports } from "./ports.ts";

/** Between two looks at a job that is waited for; grows to the second, as an API call costs a read each. */
const LOOK_FIRST_MS = 50;
const LOOK_LATER_MS = 1_000;

/** One job with its journal; with `waitSeconds`, once it has ended or that time has passed. */
export async function getJob(
  deps: Pick<Ports, "jobs" | "clock">,
  query: {
    readonly caller: Caller;
    readonly jobId: JobId;
    readonly waitSeconds?: number | undefined;
  },
): Promise<Answer<Job>> {
  const until = deps.clock.now() + (query.waitSeconds ?? 0) * 1000;
  for (let pauseMs = LOOK_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, LOOK_LATER_MS)) {
    const job = await seenJob(deps, query);
    if (job === undefined) return refuse("job_not_found", `there is no job ${query.jobId}`);
    const left = until - deps.clock.now();
    if (hasEnded(job.status) || left <= 0) return { ok: true, value: jobView(job, "whole") };
    await deps.clock.sleep(Math.min(pauseMs, left));
  }
}

/** A page of jobs, newest first, without their journals. */
export async function listJobs(
  deps: Pick<Ports, "jobs">,
  query: {
    readonly caller: Caller;
    readonly filter: Omit<JobFilter, "account">;
    readonly page: PageRequest;
  },
): Promise<Answer<PageOf<Job>>> {
  const account = query.caller.role === "admin" ? undefined : query.caller.account;
  const page = await deps.jobs.list({ ...query.filter, account }, query.page);
  return answerPage(page, (job) => jobView(job, "without_journal"));
}

/** A job that the caller may see. */
export async function seenJob(
  deps: Pick<Ports, "jobs">,
  query: { readonly caller: Caller; readonly jobId: JobId },
): Promise<JobRecord | undefined> {
  const job = await deps.jobs.read(query.jobId);
  return job !== undefined && maySee(query.caller, job) ? job : undefined;
}
