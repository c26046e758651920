/** Runs in a worker thread: the clients of a benchmark, over HTTP, so that the stack's own thread does not pay for them. */
import { parentPort, workerData } from "node:worker_threads";
import type { Job } from "../../shared/model/job.ts";
import { JobPage } from "../../shared/model/user-api.ts";
import { clientOf } from "../../test/support/running-stack.ts";
import type { JobTimes, LoadReply, LoadRequest, LoadStart, Verb } from "./load-protocol.ts";

const access: LoadStart = workerData;
const client = clientOf(access);

/** A page of the API holds this many jobs at most. */
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
    case "closed": {
      const { vmIds, verb, jobsEach } = request;
      const each = vmIds.map((vmId) => oneAfterTheOther(vmId, verb, jobsEach));
      return (await Promise.all(each)).flat();
    }
    case "burst":
      return listed(await burst(request));
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

async function oneAfterTheOther(vmId: string, verb: Verb, jobs: number): Promise<JobTimes[]> {
  const times: JobTimes[] = [];
  while (times.length < jobs) times.push(await followed(vmId, verb));
  return times;
}

async function burst(request: Extract<LoadRequest, { kind: "burst" }>): Promise<Submitted[]> {
  const { vmIds, verb, jobs, inFlight } = request;
  const accepted: Submitted[] = [];
  let begun = 0;
  const submitter = async () => {
    while (begun < jobs) {
      const vmId = vmIds[begun % vmIds.length] ?? "";
      begun += 1;
      accepted.push(await submitted(vmId, verb));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, submitter));
  return accepted;
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

/** Waits for the job accepted last; what all of them were like is then in the newest pages. */
async function listed(accepted: readonly Submitted[]): Promise<readonly JobTimes[]> {
  const last = accepted.toSorted((one, other) => one.acceptedAt - other.acceptedAt).at(-1);
  if (last === undefined) throw new Error("no jobs were submitted");
  await client.ended(last.jobId);
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const jobs = await newestJobs(accepted.length);
    const found = accepted.map((sent) => ({ sent, job: jobs.get(sent.jobId) }));
    if (found.every(({ job }) => job?.finishedAt !== undefined))
      return found.map(({ sent, job }) => ({ ...timesOfClient(sent), ...timesOf(job) }));
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  throw new Error("jobs do not end");
}

/** At least so many, if there are. */
async function newestJobs(count: number): Promise<ReadonlyMap<string, Job>> {
  const jobs = new Map<string, Job>();
  let cursor: string | undefined;
  do {
    const from = cursor === undefined ? "" : `&cursor=${cursor}`;
    const { body } = await client.call("GET", `/v1/jobs?limit=${PAGE_JOBS_MAX}${from}`);
    const page = JobPage.parse(body);
    for (const job of page.items) jobs.set(job.id, job);
    cursor = page.nextCursor;
  } while (cursor !== undefined && jobs.size < count);
  return jobs;
}

/** Waits by the API. */
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
