/**
 * Jobs that a turn makes by itself: the system's own of this apartment (`vm.verify`, …), and whatever else a decision
 * wants recorded. Each is one `new-job` effect that carries the whole record, put only if it is absent; what the very same
 * turn did with the job is in it already, as two effects of one commit have no order among them (ADR 7).
 */
import type { Effect, JobEffect } from "../model/effect.ts";
import { JobId } from "../model/ids.ts";
import type { JobRecord } from "../model/job.ts";
import { nextName, type Turn } from "./turn.ts";

/** The turn with a job made, and its record. The id is a function of the apartment's name and version (A9). */
export function makeJob(
  turn: Turn,
  job: Pick<JobRecord, "type" | "workVersion" | "account" | "vmId" | "input"> &
    Partial<Pick<JobRecord, "hostId" | "parentId">>,
): { readonly turn: Turn; readonly job: JobRecord } {
  const named = nextName(turn);
  const { now } = turn.inputs;
  const made: JobRecord = {
    ...job,
    id: jobIdFor(named.name, now),
    status: "queued",
    revision: 0,
    cancelRequested: false,
    attempts: 0,
    createdAt: now,
    journal: [],
  };
  const jobs = new Map(named.turn.jobs).set(made.id, made);
  return { turn: { ...named.turn, jobs, changed: true }, job: made };
}

/** The effects that record what became of jobs in this turn. */
export function jobEffects({ jobs, projections, record }: Turn): readonly Effect[] {
  const made = [...jobs.values()].map((job): Effect => {
    const projection = projections.get(job.id);
    const { parentId } = job;
    return {
      kind: "new-job",
      job: projection === undefined ? job : projected(job, projection),
      // Whoever starts a job has joined it.
      ...(parentId && { joiner: { apartmentId: record.id, jobId: parentId } }),
    };
  });
  return [...made, ...[...projections.values()].filter(({ jobId }) => !jobs.has(jobId))];
}

/** A job's record after a projection; what that does not name stays as it is. */
export function projected(job: JobRecord, effect: JobEffect): JobRecord {
  return {
    ...job,
    revision: effect.revision,
    status: effect.status,
    attempts: effect.attempts,
    hostId: effect.hostId ?? job.hostId,
    progress: effect.progress ?? job.progress,
    result: effect.result === undefined ? job.result : effect.result,
    error: effect.error ?? job.error,
    startedAt: effect.startedAt ?? job.startedAt,
    finishedAt: effect.finishedAt ?? job.finishedAt,
    expiresAt: effect.expiresAt ?? job.expiresAt,
    journal: [...job.journal, ...effect.journal],
  };
}

/** FNV-1a of 128 bits: this folder has no other hash, and nobody gains by a collision with a name of their own. */
const FNV_OFFSET = 0x6c62272e07bb014262b821756295c58dn;
const FNV_PRIME = 0x0000000001000000000000000000013bn;

/** A UUIDv7: the time first, so that ids sort by it; what is random elsewhere is the name's hash. */
export function jobIdFor(name: string, now: number): JobId {
  let hash = FNV_OFFSET;
  for (const letter of name)
    hash = BigInt.asUintN(128, (hash ^ BigInt(letter.codePointAt(0) ?? 0)) * FNV_PRIME);
  const bits = (hash >> 74n) ^ BigInt.asUintN(74, hash);
  const a = hex(bits >> 62n, 3);
  const b = hex((2n << 62n) | BigInt.asUintN(62, bits), 16);
  const time = hex(BigInt(now), 12);
  return JobId.parse(`${time.slice(0, 8)}-${time.slice(8)}-7${a}-${b.slice(0, 4)}-${b.slice(4)}`);
}

function hex(value: bigint, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
