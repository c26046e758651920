/**
 * Accepting a verb on a VM: checks what can be refused now, records the job in one transaction, then sends its message.
 *
 * A client's retry with its key finds the record, whatever has become of the job, and sends again what was never
 * admitted; so does the sweeper. What is refused has changed nothing.
 */
import type { AnyWorkType, WorkType } from "../core/work-type.ts";
import type { ApartmentRecord } from "../model/apartment-record.ts";
import type { HostId, VmId } from "../model/ids.ts";
import type { Job, JobRecord } from "../model/job.ts";
import { type Answer, type Refusal, refuse } from "../model/problem.ts";
import type { Settings } from "../model/settings.ts";
import type { Caller } from "../model/token.ts";
import { registry } from "../work/registry.ts";
import { findVm } from "./find-vm.ts";
import { jobView } from "./job-view.ts";
import type { Accepted, Ports, Submission } from "./ports.ts";
import { submission } from "./submission.ts";

/** How long a key is remembered (contract, "Every POST takes `Idempotency-Key`"). */
export const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000;
/** What a client is told to wait when a VM's queue is full. */
const FULL_RETRY_AFTER_SECONDS = 5;

export type SubmitDeps = Pick<
  Ports,
  "apartments" | "submissions" | "jobs" | "placement" | "apartmentQueue" | "clock" | "names"
> & { readonly settings: Settings };

/** What a client sends with any POST that makes something. */
export type Keyed = {
  readonly idempotencyKey?: string | undefined;
  /** SHA-256 (hex) of method, path and parsed body. */
  readonly requestHash: string;
};

/** Submits the job of a verb. */
export async function submitVerb(
  deps: SubmitDeps,
  request: Keyed & {
    readonly caller: Caller;
    readonly vmId: VmId;
    readonly verb: string;
    readonly body: unknown;
  },
): Promise<Answer<Job>> {
  const work = registry.get(`vm.${request.verb}`);
  if (work?.subject !== "vm" || work.origin !== "verb") return unknownVerb(request.verb);
  const found = await findVm(deps, request);
  if (!found.ok) return (await replayInstead(deps, request)) ?? found; // it may be gone by the very job
  const input = work.parseInput(request.body ?? {});
  if (!input.ok)
    return refuse("invalid_request", "the body does not match the verb", { errors: input.errors });
  const refusal = await refusalNow(deps, work, found.value);
  if (refusal !== undefined) return (await replayInstead(deps, request)) ?? refusal;
  const job = newJob(deps, {
    work,
    input: input.value,
    account: found.value.vm.account,
    vmId: request.vmId,
  });
  const accepted = await deps.submissions.accept({
    job,
    idempotency: idempotencyOf(deps, request),
    now: job.createdAt,
  });
  return answerOf(deps, accepted, job);
}

/** The job's record as it is first written: queued, revision 0. */
export function newJob(
  deps: Pick<Ports, "clock" | "names">,
  {
    work,
    ...job
  }: Pick<JobRecord, "account" | "input"> & {
    readonly work: Pick<AnyWorkType, "name" | "version">;
  } & ({ readonly vmId: VmId } | { readonly hostId: HostId }),
): JobRecord {
  return {
    ...job,
    id: deps.names.jobId(),
    type: work.name,
    workVersion: work.version,
    status: "queued",
    revision: 0,
    cancelRequested: false,
    attempts: 0,
    createdAt: deps.clock.now(),
    journal: [],
  };
}

/** The idempotency part of a submission, if the client gave a key. */
export function idempotencyOf(
  deps: Pick<Ports, "clock">,
  request: Keyed & { readonly caller: Caller },
): Submission["idempotency"] {
  if (request.idempotencyKey === undefined) return undefined;
  return {
    account: request.caller.account,
    key: request.idempotencyKey,
    requestHash: request.requestHash,
    expiresAt: deps.clock.now() + IDEMPOTENCY_MS,
  };
}

/** Tells the apartment of a recorded job. */
export async function sendSubmit(
  deps: Pick<Ports, "apartmentQueue">,
  job: Pick<JobRecord, "id" | "vmId" | "hostId">,
): Promise<void> {
  const message = submission(job);
  if (message !== undefined) await deps.apartmentQueue.send([message]);
}

/** Job as it was accepted now, or as its key made it then. */
export async function answerOf(
  deps: Pick<Ports, "jobs" | "apartmentQueue">,
  accepted: Accepted,
  job: JobRecord,
): Promise<Answer<Job>> {
  switch (accepted.status) {
    case "idempotency_conflict":
      return refuse("idempotency_conflict", "this key was used for another request");
    case "vm_exists":
      return refuse("vm_exists", "a VM of this id exists");
    case "replayed": {
      const earlier =
        accepted.jobId === undefined ? undefined : await deps.jobs.read(accepted.jobId);
      if (earlier === undefined) return refuse("job_not_found", "the job of this key is forgotten");
      if (earlier.revision === 0) await sendSubmit(deps, earlier);
      return { ok: true, value: jobView(earlier, "whole") };
    }
    case "accepted":
      await sendSubmit(deps, job);
      return { ok: true, value: jobView(job, "whole") };
    default:
      return accepted satisfies never;
  }
}

/** A retry of what was accepted is answered as it was then, even if the same would be refused now. */
async function replayInstead(
  deps: SubmitDeps,
  request: Keyed & { readonly caller: Caller },
): Promise<Answer<Job> | undefined> {
  if (request.idempotencyKey === undefined) return undefined;
  const recalled = await deps.submissions.recall({
    account: request.caller.account,
    key: request.idempotencyKey,
    requestHash: request.requestHash,
    now: deps.clock.now(),
  });
  if (recalled === undefined || recalled.status === "accepted") return undefined;
  if (recalled.status !== "replayed")
    return refuse("idempotency_conflict", "this key was used for another request");
  const job = recalled.jobId === undefined ? undefined : await deps.jobs.read(recalled.jobId);
  return job === undefined ? undefined : answerOf(deps, recalled, job);
}

/** What can be said before anything is recorded. Soft: the state when the job begins is what decides. */
async function refusalNow(
  deps: SubmitDeps,
  work: WorkType,
  record: ApartmentRecord,
): Promise<Refusal | undefined> {
  const { state } = record.vm;
  if (record.queued.length >= deps.settings.apartmentQueueMax)
    return {
      ...refuse("apartment_full", `${record.queued.length} jobs wait for this VM`),
      retryAfterSeconds: FULL_RETRY_AFTER_SECONDS,
    };
  const idle = record.active === undefined && record.queued.length === 0;
  if (!idle) return undefined;
  const reception = work.reception[state];
  if (reception === "conflict")
    return refuse("vm_state_conflict", `${work.name} does not take a VM that is ${state}`, {
      state,
    });
  if (work.needsHost && reception === "go") return noHostUp(deps);
  return undefined;
}

/** Refused only when no host at all is Up; lack of room is the job's to find. */
export async function noHostUp(deps: Pick<Ports, "placement">): Promise<Refusal | undefined> {
  const [any] = await deps.placement.candidates(1);
  return any === undefined ? refuse("no_capacity", "no host is Up") : undefined;
}

function unknownVerb(verb: string): Refusal {
  return refuse("route_not_found", `there is no verb "${verb}"`);
}
