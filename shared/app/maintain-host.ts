/**
 * `POST /v1/hosts/{hostId}/maintenance`.
 *
 * Enabled: placement refuses the host from here on, then a job in the host's own apartment migrates its VMs away. In this
 * order: who holds room there by the time that the job looks held it before, and is found (design.md, "Placement"). If the
 * sender dies in between, the host is in maintenance, and the retry records the job.
 *
 * Disabled: the host takes VMs again, and what still evacuates it is called off.
 */
import type { HostApartmentRecord } from "../model/apartment-record.ts";
import type { Host } from "../model/host.ts";
import { type HostId, hostApartmentId } from "../model/ids.ts";
import type { Job } from "../model/job.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import { hostEvacuate } from "../work/host-evacuate.ts";
import { callOff } from "./job-effects.ts";
import type { Ports } from "./ports.ts";
import { getHost } from "./read-hosts.ts";
import { answerOf, idempotencyOf, type Keyed, newJob } from "./submit-verb.ts";

type MaintainDeps = Pick<
  Ports,
  | "hosts"
  | "placement"
  | "apartments"
  | "submissions"
  | "jobs"
  | "apartmentQueue"
  | "incidents"
  | "clock"
  | "names"
>;
type Request = Keyed & { readonly caller: Caller; readonly hostId: HostId };

/** Submits the evacuation. */
export async function beginMaintenance(deps: MaintainDeps, request: Request): Promise<Answer<Job>> {
  const { hostId, caller } = request;
  const row = await deps.hosts.read(hostId);
  if (row === undefined) return refuse("host_not_found", `there is no host ${hostId}`);
  const input = {};
  const job = newJob(deps, { work: hostEvacuate, input, account: caller.account, hostId });
  const idempotency = idempotencyOf(deps, request);
  const now = deps.clock.now();
  const before =
    idempotency === undefined ? undefined : await deps.submissions.recall({ ...idempotency, now });
  // What a key made once is answered, and changes nothing: the maintenance may be over by now.
  if (before !== undefined) return answerOf(deps, before, job);
  const isEmpty = (await deps.placement.holders(hostId)).length === 0;
  if (row.host.state !== "Up" && !isEmpty)
    return refuse("host_not_up", `${hostId} is ${row.host.state}: nothing can be migrated from it`);
  if ((await deps.hosts.setMaintenance(hostId, "enabled")) === "host_not_found")
    return refuse("host_not_found", `there is no host ${hostId}`);
  await deps.apartments.createHost(newApartment(hostId, now));
  return answerOf(deps, await deps.submissions.accept({ job, idempotency, now }), job);
}

/** The host takes VMs again. */
export async function endMaintenance(
  deps: MaintainDeps,
  { hostId }: { readonly hostId: HostId },
): Promise<Answer<Host>> {
  if ((await deps.hosts.setMaintenance(hostId, "disabled")) === "host_not_found")
    return refuse("host_not_found", `there is no host ${hostId}`);
  const to = hostApartmentId(hostId);
  const { record } = await deps.apartments.load(to, []);
  const jobs = [record?.active, ...(record?.queued ?? [])].filter((job) => job !== undefined);
  const evacuations = jobs.filter(({ type }) => type === hostEvacuate.name);
  const reason = "the maintenance of the host was ended";
  const told = await Promise.all(
    evacuations.map(({ jobId }) => callOff(deps, { jobId, to, reason })),
  );
  if (told.flat().length > 0) await deps.apartmentQueue.send(told.flat());
  return getHost(deps, { hostId });
}

function newApartment(hostId: HostId, now: number): HostApartmentRecord {
  return {
    v: 1,
    id: hostApartmentId(hostId),
    hostId,
    version: 1,
    epoch: 0,
    queued: [],
    openIncidents: [],
    paused: false,
    applied: [],
    effects: [],
    createdAt: now,
    updatedAt: now,
  };
}
