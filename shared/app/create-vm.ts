/** `POST /v1/vms`: records a VM, Stopped; with `start: true` its first job in the same transaction. */
import type { ApartmentRecord } from "../model/apartment-record.ts";
import { byteLength } from "../model/byte-length.ts";
import type { Job } from "../model/job.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import type { CreateVmRequest } from "../model/user-api.ts";
import type { Vm } from "../model/vm.ts";
import { vmDeploy } from "../work/vm-start.ts";
import type { Accepted } from "./ports.ts";
import {
  answerOf,
  idempotencyOf,
  type Keyed,
  newJob,
  noHostUp,
  type SubmitDeps,
} from "./submit-verb.ts";
import { vmView } from "./vm-view.ts";

/** The spec is in the record and in the start command stored there: a larger one would crowd it (design.md, "The apartment"). */
const SPEC_BYTES_MAX = 8 * 1024;

export async function createVm(
  deps: SubmitDeps,
  request: Keyed & { readonly caller: Caller; readonly request: CreateVmRequest },
): Promise<Answer<{ readonly vm: Vm; readonly job?: Job }>> {
  const { caller, request: wish } = request;
  if (wish.hostId !== undefined && wish.start !== true)
    return refuse("invalid_request", "hostId says where to start the VM", {
      errors: [{ path: "hostId", message: "only with start: true" }],
    });
  if (byteLength(JSON.stringify({ ...wish.spec, domainXml: undefined })) > SPEC_BYTES_MAX)
    return refuse("invalid_request", "the spec is too large", {
      errors: [{ path: "spec", message: `at most ${SPEC_BYTES_MAX} bytes without domainXml` }],
    });
  const { domainXml } = wish.spec;
  const record = newVm(deps, caller, wish);
  const input = wish.hostId === undefined ? {} : { hostId: wish.hostId };
  const job =
    wish.start === true
      ? newJob(deps, { work: vmDeploy, input, account: caller.account, vmId: record.id })
      : undefined;
  const refusal = job === undefined ? undefined : await noHostUp(deps);
  const idempotency = idempotencyOf(deps, request);
  if (refusal !== undefined) {
    const recalled =
      idempotency === undefined
        ? undefined
        : await deps.submissions.recall({ ...idempotency, now: deps.clock.now() });
    if (recalled === undefined) return refusal;
    return answer(deps, recalled, { record, job, domainXml });
  }
  const accepted = await deps.submissions.accept({
    job,
    vm: { record, domainXml },
    idempotency,
    now: record.createdAt,
  });
  return answer(deps, accepted, { record, job, domainXml });
}

function newVm(deps: SubmitDeps, caller: Caller, wish: CreateVmRequest): ApartmentRecord {
  const now = deps.clock.now();
  const { domainXml, ...spec } = wish.spec;
  return {
    v: 1,
    id: wish.id ?? deps.names.vmId(),
    version: 1,
    epoch: 0,
    vm: {
      account: caller.account,
      name: wish.name,
      spec,
      ...(domainXml === undefined ? {} : { domainXmlVersion: 1 }),
      haEnabled: wish.haEnabled ?? false,
      state: "Stopped",
    },
    observations: {},
    queued: [],
    unsettled: [],
    openIncidents: [],
    paused: false,
    applied: [],
    effects: [],
    createdAt: now,
    updatedAt: now,
  };
}

type Made = {
  readonly record: ApartmentRecord;
  readonly job: ReturnType<typeof newJob> | undefined;
  readonly domainXml: string | undefined;
};

async function answer(
  deps: SubmitDeps,
  accepted: Accepted,
  made: Made,
): Promise<Answer<{ readonly vm: Vm; readonly job?: Job }>> {
  if (accepted.status === "idempotency_conflict")
    return refuse("idempotency_conflict", "this key was used for another request");
  if (accepted.status === "vm_exists") return refuse("vm_exists", `a VM ${made.record.id} exists`);
  const vm = await vmOf(deps, accepted, made);
  if (!vm.ok) return vm;
  if (made.job === undefined) return { ok: true, value: { vm: vm.value } };
  const job = await answerOf(deps, accepted, made.job);
  return job.ok ? { ok: true, value: { vm: vm.value, job: job.value } } : job;
}

/** The VM as it was made now, or as the key's VM is today. */
async function vmOf(deps: SubmitDeps, accepted: Accepted, made: Made): Promise<Answer<Vm>> {
  if (accepted.status !== "replayed")
    return { ok: true, value: vmView(made.record, made.domainXml) };
  const record =
    accepted.vmId === undefined ? undefined : await deps.apartments.read(accepted.vmId);
  if (record === undefined) return refuse("vm_not_found", "the VM of this key is gone");
  return { ok: true, value: vmView(record, made.domainXml) };
}
