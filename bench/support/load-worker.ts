/** Runs in a worker thread: the clients of a benchmark, over HTTP, so that the stack's own thread does not pay for them. */
import { parentPort, workerData } from "node:worker_threads";
import type { Job } from "../../shared/model/job.ts";
import { JobPage } from "../../shared/model/user-api.ts";
import { clientOf } from "../../test/support/running-stack.ts";
import type { JobTimes, LoadReply, LoadRequest, LoadStart, Verb } from "./load-protocol.ts";

const access: LoadStart = workerData;
const client = clientOf(access);

/** A page of the API holds this many jobs at most, so a request must not make more. */
const PAGE_JOBS_MAX = 200;
/** Between two looks at a list in which some jobs have not ended. */
const LOOK_AGAIN_MS = 100;
const LOOKS_MAX = 600;

parentPort?.on("message", (request: LoadRequest) => {
  void serve(request).then((reply) => parentPort?.postMessage(reply));
});

async function serve(request: LoadRequest): Promise<LoadReply> {
  const before = process.threadCpuUsage();
  try {
    const jobs = await run(request);
    const { user, system } = process.threadCpuUsage(before);
    return { ok: true, jobs, cpuMs: (user + system) / 1000 };
  } catch (error) {
    return { ok: false, reason: String(error) };
  }
}

async function run(request: LoadRequest): Promise<readonly JobTimes[]> {
  switch (request.kind) {
    case "round": {
      const { vmIds, verb, watch } = request;
      if (watch === "each") return Promise.all(vmIds.map((vmId) => followed(vmId, verb)));
      return listed(await Promise.all(vmIds.map((vmId) => submitted(vmId, verb))));
    }
    case "backlog": {
      const accepted: Submitted[] = [];
      await pause(request.vmId, true);
      for (const verb of request.verbs) accepted.push(await submitted(request.vmId, verb));
      await pause(request.vmId, false);
      return listed(accepted);
    }
    default:
      return request satisfies never;
  }
}

type Submitted = {
  readonly jobId: string;
  readonly submittedAt: number;
  readonly acceptedAt: number;
};

async function submitted(vmId: string, verb: Verb): Promise<Submitted> {
  const submittedAt = Date.now();
  const { id } = await client.submit(vmId, verb);
  return { jobId: id, submittedAt, acceptedAt: Date.now() };
}

/** Waits for the job accepted last; what all of them were like is then in one page. */
async function listed(accepted: readonly Submitted[]): Promise<readonly JobTimes[]> {
  const last = accepted.toSorted((one, other) => one.acceptedAt - other.acceptedAt).at(-1);
  if (last === undefined || accepted.length > PAGE_JOBS_MAX)
    throw new Error(`${accepted.length} jobs do not fit a page`);
  await client.ended(last.jobId);
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const jobs = await newestJobs();
    const found = accepted.map((sent) => ({ sent, job: jobs.get(sent.jobId) }));
    if (found.every(({ job }) => job?.finishedAt !== undefined))
      return found.map(({ sent, job }) => ({ ...timesOfClient(sent), ...timesOf(job) }));
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  throw new Error("jobs do not end");
}

async function newestJobs(): Promise<ReadonlyMap<string, Job>> {
  const { body } = await client.call("GET", `/v1/jobs?limit=${PAGE_JOBS_MAX}`);
  return new Map(JobPage.parse(body).items.map((job) => [job.id, job]));
}

async function followed(vmId: string, verb: Verb): Promise<JobTimes> {
  const sent = await submitted(vmId, verb);
  const job = await client.ended(sent.jobId);
  return { ...timesOfClient(sent), seenAt: Date.now(), ...timesOf(job) };
}

async function pause(vmId: string, paused: boolean): Promise<void> {
  const { status } = await client.call("POST", `/v1/vms/${vmId}/apartment`, { paused });
  if (status !== 200) throw new Error(`pausing ${vmId}: ${status}`);
}

function timesOfClient({ submittedAt, acceptedAt }: Submitted) {
  return { submittedAt, acceptedAt };
}

/** A figure of jobs that failed would be a figure of something else. */
function timesOf(job: Job | undefined) {
  if (job?.status !== "succeeded" || job.startedAt === undefined || job.finishedAt === undefined)
    throw new Error(`job ${job?.id} ended ${job?.status} ${JSON.stringify(job?.error)}`);
  return {
    createdAt: Date.parse(job.createdAt),
    startedAt: Date.parse(job.startedAt),
    finishedAt: Date.parse(job.finishedAt),
  };
}
