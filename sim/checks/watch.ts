/**
 * Looks on while a simulation runs, and says what breaks first. What it sees are the writes of the apartments' tables, the
 * effects as they are carried out, the acknowledgements, and what hypervisors are asked for; never a decision's inside.
 *
 *  A3 a message is applied once, and by the batch that brought it.
 *  A5 an apartment is written by turns, and made by a submission or with its host.
 *  A6 nothing turns a VM on that counts as settled.
 *  A7 a job ends once.
 */
import { type AnyApartmentRecord, isOfVm } from "../../shared/model/apartment-record.ts";
import type { HostId, JobId, VmId } from "../../shared/model/ids.ts";
import { hasEnded, type JournalEntry } from "../../shared/model/job.ts";
import type { Worker } from "../worker.ts";
import type { Witness } from "./carried-out.ts";
import { checkCommit } from "./commit-checks.ts";
import { saidOfJobs } from "./job-effects.ts";
import { type SentEffects, sentEffects } from "./sent-effects.ts";
import type { Broken, Invariant, Violation } from "./violation.ts";

/** A call that takes effect just now. */
export type Call = { readonly worker: Worker; readonly name: string };

/** One apartment as far as it was watched. */
type Watched = { record: AnyApartmentRecord; readonly applied: Set<string> };

/** What the commits said of one job. */
export type JobSeen = {
  readonly journal: JournalEntry[];
  end: { readonly status: string; readonly revision: number } | undefined;
};

export interface Watch
  extends Omit<Witness, "toldOnBus" | "listenersFound" | "givenBack">,
    Omit<SentEffects, "committed"> {
  readonly violation: () => Violation | undefined;
  readonly broken: Broken;
  /** An apartment was written. */
  readonly written: (call: Call | undefined, next: AnyApartmentRecord) => void;
  /** A host's hypervisor is about to be asked for what may turn a VM on, for that command. */
  readonly turnsOn: (start: {
    readonly hostId: HostId;
    readonly vmId: VmId;
    readonly commandId: string;
  }) => void;
  readonly jobs: ReadonlyMap<JobId, JobSeen>;
  readonly turns: () => number;
}

/** Functions whose invocations take turns: of batches, and inline (A5). */
const TURN_TAKERS: ReadonlySet<string> = new Set([
  "apartment",
  "api-vms",
  "api-hosts",
  "api-incidents",
]);
const MAKERS: ReadonlySet<string> = new Set(["submissions.accept", "apartments.createHost"]);
const WRITERS: ReadonlySet<string> = new Set(["apartments.commit"]);

export function startWatch(
  tell: (call: Call, before: AnyApartmentRecord, next: AnyApartmentRecord) => void,
): Watch {
  const apartments = new Map<string, Watched>();
  const jobs = new Map<JobId, JobSeen>();
  const projections = new Set<string>();
  const started = new Set<string>();
  let violation: Violation | undefined;
  let turns = 0;
  const broken = (invariant: Invariant, detail: string) => {
    violation ??= { invariant, detail };
  };
  const effects = sentEffects(broken);

  const committed = (watched: Watched, call: Call, next: AnyApartmentRecord) => {
    const { record: before } = watched;
    const about: Broken = (invariant, detail) => broken(invariant, `${next.id}: ${detail}`);
    if (!TURN_TAKERS.has(call.worker.name)) about("A5", `${call.worker.name} wrote the record`);
    checkCommit(before, next, about);
    checkApplied(watched, call, next, about);
    noteJobs(jobs, before, next, about);
    effects.committed(next.id, {
      ...next,
      messageIds: call.worker.batch?.get(next.id)?.messageIds ?? [],
    });
    tell(call, before, next);
    watched.record = next;
    turns += 1;
  };

  return {
    ...effects,
    violation: () => violation,
    broken,
    jobs,
    turns: () => turns,
    written: (call, next) => {
      const watched = apartments.get(next.id);
      const makers = watched === undefined ? MAKERS : WRITERS;
      if (call === undefined || !makers.has(call.name))
        broken("A5", `${next.id} was written by ${call?.name ?? "nobody"}`);
      if (watched === undefined) apartments.set(next.id, { record: next, applied: new Set() });
      else if (call !== undefined) committed(watched, call, next);
    },
    projected: (name) => {
      if (projections.has(name)) broken("once", `a projection was counted twice: ${name}`);
      projections.add(name);
    },
    turnsOn: ({ hostId, vmId, commandId }) => {
      if (started.has(commandId)) broken("once", `${hostId} does ${commandId} again`);
      started.add(commandId);
      const record = apartments.get(vmId)?.record;
      const unsettled = record !== undefined && isOfVm(record) ? record.unsettled : [];
      if (!unsettled.some((command) => command.commandId === commandId))
        broken("A6", `${commandId} takes effect at ${hostId}, and counts as settled`);
    },
  };
}

/** A cancellation that overtakes a job's submit leaves nothing of it to apply. */
function isOvertaken(id: string, brought: ReadonlySet<string> | undefined): boolean {
  return id.startsWith("submit:") && brought?.has(id.replace("submit:", "cancel:")) === true;
}

/**
 * Room that an old answer speaks of is given back again: harmless, and fenced by its revision. Of a topic's event that comes
 * again long after, a job is told again: it looks at what it waits for.
 */
const MAY_COME_AGAIN = /^(reserved|topic):/;

/** A3 */
function checkApplied(
  watched: Watched,
  { worker }: Call,
  next: AnyApartmentRecord,
  broken: Broken,
): void {
  const before = new Set<string>(watched.record.applied);
  const brought = worker.batch?.get(next.id)?.logicalIds;
  for (const id of next.applied) {
    if (before.has(id)) continue;
    if (brought?.has(id) !== true && !isOvertaken(id, brought) && !id.startsWith("inline:"))
      broken("A3", `${id} was applied, and no message of the batch is called that`);
    if (watched.applied.has(id) && !MAY_COME_AGAIN.test(id))
      broken("A3", `${id} was applied twice`);
    watched.applied.add(id);
  }
}

/** A3: a job begins once. A7: it ends once. */
function noteJobs(
  jobs: Map<JobId, JobSeen>,
  before: AnyApartmentRecord,
  next: AnyApartmentRecord,
  broken: Broken,
): void {
  const begun = next.active?.jobId;
  if (begun !== undefined && begun !== before.active?.jobId && jobs.get(begun)?.end !== undefined)
    broken("A3", `${begun} has ended and begins again`);
  for (const said of saidOfJobs(next)) {
    const seen = jobs.get(said.jobId) ?? { journal: [], end: undefined };
    jobs.set(said.jobId, seen);
    seen.journal.push(...said.journal);
    if (!hasEnded(said.status)) continue;
    if (seen.end !== undefined) broken("A7", `${said.jobId} ends a second time`);
    seen.end = { status: said.status, revision: said.revision };
  }
}
