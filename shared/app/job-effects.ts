/**
 * Effects on jobs' records, each with the messages that follow from it.
 *
 *  A7 who joined a job is told of its end by whoever finds it ended: the write that ended it, or the same sent again.
 *
 * Joining leaves no moment in which an end is told to nobody (design.md, "The lost wake-up"): the joiner is on the record
 * before the job's terminal write, which answers it, or the update that adds it says that the job has ended.
 */
import type { ApartmentMessage } from "../model/apartment-message.ts";
import type { JobEffect, JoinEffect, NewJobEffect } from "../model/effect.ts";
import { type ApartmentId, type JobId, LogicalId } from "../model/ids.ts";
import { hasEnded } from "../model/job.ts";
import type { Joiner } from "../model/join.ts";
import type { Ports } from "./ports.ts";
import { submission } from "./submission.ts";
import { waitsFor } from "./who-waits.ts";

export type Outgoing = { readonly to: ApartmentId; readonly message: ApartmentMessage };

export async function projectJob(
  { jobs, telemetry }: Pick<Ports, "jobs" | "telemetry">,
  effect: JobEffect,
): Promise<readonly Outgoing[]> {
  const { status, joiners = [] } = await jobs.project(effect);
  if (status === "missing") telemetry.count("projectionsWithoutJob");
  return joiners.map((joiner) => endTold(effect.jobId, joiner));
}

/**
 * Submitted once it is recorded: an apartment takes no job in that it cannot read (A3). One that would wait there for the one
 * that started it is called off instead.
 */
export async function createJob(
  deps: Pick<Ports, "jobs" | "apartments">,
  { job, joiner }: NewJobEffect,
): Promise<readonly Outgoing[]> {
  await deps.jobs.create(job, joiner);
  const submitted = job.revision > 0 ? undefined : submission(job);
  if (submitted === undefined) return [];
  if (
    joiner === undefined ||
    !(await waitsFor(deps, { jobId: job.id, at: submitted.to }, joiner.jobId))
  )
    return [submitted];
  await deps.jobs.requestCancel(job.id, "its parent would wait for itself");
  return [submitted, joinRefused(job.id, joiner)];
}

/** Notes it on the job's record, then has its apartment told; nothing, if it has ended. */
export async function callOff(
  { jobs }: Pick<Ports, "jobs">,
  {
    jobId,
    to,
    reason,
  }: {
    readonly jobId: JobId;
    readonly to: ApartmentId;
    readonly reason: string | undefined;
  },
): Promise<readonly Outgoing[]> {
  const job = await jobs.requestCancel(jobId, reason);
  return job === undefined || hasEnded(job.status) ? [] : [cancelTold(jobId, to, reason)];
}

/** The message that calls a job off. */
export function cancelTold(jobId: JobId, to: ApartmentId, reason: string | undefined): Outgoing {
  const body = { kind: "cancel" as const, jobId, ...(reason === undefined ? {} : { reason }) };
  return { to, message: { v: 1, logicalId: LogicalId.parse(`cancel:${jobId}`), body } };
}

export async function joinJob(
  deps: Pick<Ports, "jobs" | "apartments">,
  { jobId, joiner }: JoinEffect,
): Promise<readonly Outgoing[]> {
  const answer = await deps.jobs.addJoiner(jobId, joiner);
  switch (answer) {
    case "joined":
      return (await waitsFor(deps, { jobId }, joiner.jobId)) ? [joinRefused(jobId, joiner)] : [];
    case "ended":
    case "missing":
      return [endTold(jobId, joiner)];
    case "full":
      return [joinRefused(jobId, joiner)];
    default:
      return answer satisfies never;
  }
}

/** Named by who is told, too: others of the same apartment may have been told of that end before (A3). */
function endTold(jobId: JobId, { apartmentId: to, jobId: parentId }: Joiner): Outgoing {
  const logicalId = LogicalId.parse(`ended:${parentId}:${jobId}`);
  return { to, message: { v: 1, logicalId, body: { kind: "job-ended", jobId } } };
}

function joinRefused(jobId: JobId, { apartmentId: to, jobId: parentId }: Joiner): Outgoing {
  const logicalId = LogicalId.parse(`join-refused:${parentId}:${jobId}`);
  return { to, message: { v: 1, logicalId, body: { kind: "join-refused", parentId, jobId } } };
}
