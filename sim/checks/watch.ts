/**
 * Looks on while a simulation runs, and says what breaks first. What it sees are the writes of the apartments' table, the
 * effects as they are carried out, the acknowledgements, and what hypervisors are asked for; never a decision's inside.
 *
 *  A3 a message is applied once, and by the batch that brought it.
 *  A4 a commit's effects have all been carried out before another commit replaces them, and before its messages are deleted.
 *  A5 an apartment is written by turns, and made by a submission.
 *  A7 a job ends once.
 */
import type { ApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { HostId, JobId, VmId } from "../../shared/model/ids.ts";
import { hasEnded, type JournalEntry } from "../../shared/model/job.ts";
import type { Worker } from "../worker.ts";
import type { Witness } from "./carried-out.ts";
import { checkCommit } from "./commit-checks.ts";
import { effectName } from "./effect-name.ts";
import { saidOfJobs } from "./job-effects.ts";
import type { Broken, Invariant, Violation } from "./violation.ts";

/** A call that takes effect just now. */
export type Call = { readonly worker: Worker; readonly name: string };

/** One apartment as far as it was watched. */
type Watched = {
  record: ApartmentRecord;
  /** Effects of the last commit that nobody has carried out yet. */
  readonly unsent: Set<string>;
  /** SQS's ids of the messages whose turn made the last commit. */
  messageIds: ReadonlySet<string>;
  readonly applied: Set<string>;
};

/** What the commits said of one job. */
export type JobSeen = {
  readonly journal: JournalEntry[];
  end: { readonly status: string; readonly revision: number } | undefined;
};

export interface Watch extends Witness {
  readonly violation: () => Violation | undefined;
  readonly broken: Broken;
  /** An apartment was written. */
  readonly written: (call: Call | undefined, next: ApartmentRecord) => void;
  /** Messages were deleted from the apartments' queue. */
  readonly acknowledged: (vmId: string, messageIds: readonly string[]) => void;
  /** A host's hypervisor is about to be asked for what may turn a VM on, for that command. */
  readonly turnsOn: (start: {
    readonly hostId: HostId;
    readonly vmId: VmId;
    readonly commandId: string;
  }) => void;
  readonly jobs: ReadonlyMap<JobId, JobSeen>;
  /** An effect that was committed and not carried out so far. */
  readonly unsent: () => string | undefined;
  readonly turns: () => number;
}

/** Functions whose invocations take turns: of batches, and inline (A5). */
const TURN_TAKERS: ReadonlySet<string> = new Set(["apartment", "api-vms"]);

export function startWatch(
  tell: (call: Call, before: ApartmentRecord, next: ApartmentRecord) => void,
): Watch {
  const apartments = new Map<string, Watched>();
  const unsentOf = new Map<string, Watched>();
  const jobs = new Map<JobId, JobSeen>();
  const projections = new Set<string>();
  const started = new Set<string>();
  let violation: Violation | undefined;
  let turns = 0;
  const broken = (invariant: Invariant, detail: string) => {
    violation ??= { invariant, detail };
  };

  const committed = (watched: Watched, call: Call, next: ApartmentRecord) => {
    const { record: before, unsent } = watched;
    const about: Broken = (invariant, detail) => broken(invariant, `${next.id}: ${detail}`);
    if (!TURN_TAKERS.has(call.worker.name)) about("A5", `${call.worker.name} wrote the record`);
    for (const name of unsent)
      about(
        "A4",
        `version ${before.version} was overwritten, and its effect was never sent: ${name}`,
      );
    checkCommit(before, next, about);
    checkApplied(watched, call, next, about);
    noteJobs(jobs, before, next, about);
    tell(call, before, next);
    watched.record = next;
    watched.messageIds = new Set(call.worker.batch?.get(next.id)?.messageIds);
    for (const effect of next.effects) {
      const name = effectName(effect);
      unsent.add(name);
      unsentOf.set(name, watched);
    }
    turns += 1;
  };

  return {
    violation: () => violation,
    broken,
    jobs,
    unsent: () => unsentOf.keys().next().value,
    turns: () => turns,
    written: (call, next) => {
      const watched = apartments.get(next.id);
      const maker = watched === undefined ? "submissions.accept" : "apartments.commit";
      if (call?.name !== maker) broken("A5", `${next.id} was written by ${call?.name ?? "nobody"}`);
      if (watched !== undefined && call !== undefined) committed(watched, call, next);
      else
        apartments.set(next.id, {
          record: next,
          unsent: new Set(),
          messageIds: new Set(),
          applied: new Set(),
        });
    },
    carriedOut: (name) => {
      unsentOf.get(name)?.unsent.delete(name);
      unsentOf.delete(name);
    },
    projected: (name) => {
      if (projections.has(name)) broken("once", `a projection was counted twice: ${name}`);
      projections.add(name);
    },
    roomChanged: () => {},
    acknowledged: (vmId, messageIds) => {
      const watched = apartments.get(vmId);
      const [unsent] = watched?.unsent ?? [];
      if (unsent !== undefined && messageIds.some((id) => watched?.messageIds.has(id) === true))
        broken("A4", `${vmId}: a message was deleted before this effect of it was sent: ${unsent}`);
    },
    turnsOn: ({ hostId, vmId, commandId }) => {
      if (started.has(commandId)) broken("once", `${hostId} does ${commandId} again`);
      started.add(commandId);
      const unsettled = apartments.get(vmId)?.record.unsettled ?? [];
      if (!unsettled.some((command) => command.commandId === commandId))
        broken("A6", `${commandId} takes effect at ${hostId}, and counts as settled`);
    },
  };
}

/** A3 */
function checkApplied(
  watched: Watched,
  { worker }: Call,
  next: ApartmentRecord,
  broken: Broken,
): void {
  const before = new Set<string>(watched.record.applied);
  const brought = worker.batch?.get(next.id)?.logicalIds;
  for (const id of next.applied) {
    if (before.has(id)) continue;
    if (brought?.has(id) !== true && !id.startsWith("inline:"))
      broken("A3", `${id} was applied, and no message of the batch is called that`);
    // Room that an old answer speaks of is given back again: harmless, and fenced by its revision.
    if (watched.applied.has(id) && !id.startsWith("reserved:"))
      broken("A3", `${id} was applied twice`);
    watched.applied.add(id);
  }
}

/** A3: a job begins once. A7: it ends once. */
function noteJobs(
  jobs: Map<JobId, JobSeen>,
  before: ApartmentRecord,
  next: ApartmentRecord,
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
