/**
 * One turn of an apartment: load, decide, commit, send.
 *
 *  A2 a conflict means "read and compare": the turn begins anew with what is stored.
 *  A4 stored effects are sent before a commit replaces them and before the messages are acknowledged (by the caller,
 *     after this resolved). If this throws, nothing may be acknowledged.
 *  A5 queue turns and inline turns are this one function.
 */
import { decide, type TurnMessage } from "../core/decide.ts";
import { effectsAreSent, type TurnSource } from "../core/flush.ts";
import { goingOn } from "../core/run-job.ts";
import type { Facts } from "../core/turn.ts";
import type { FactRequest, Residents, WorkRegistry } from "../core/work-type.ts";
import { type AnyApartmentRecord, isGone, RECORD_BYTES_MAX } from "../model/apartment-record.ts";
import { byteLength, jsonBytesMax } from "../model/byte-length.ts";
import type { HostFact } from "../model/host.ts";
import type { ApartmentId, HostId, JobId } from "../model/ids.ts";
import { apartmentOf, type JobRecord } from "../model/job.ts";
import type { Settings } from "../model/settings.ts";
import { CANDIDATES_MAX } from "../work/choose-host.ts";
import { registry } from "../work/registry.ts";
import type { Ports } from "./ports.ts";
import { type SendDeps, sendEffects } from "./send-effects.ts";

/** Commits lost to others in a row before the turn is given back to the queue. */
const COMMIT_ATTEMPTS_MAX = 8;
/**
 * Checkpoints passed in one go: a job that has more, or more such jobs, go on in a turn of the next batch, and keep no function for
 * themselves. Whoever asked for an inline turn waits for none.
 */
const CHECKPOINTS_MAX = { queue: 50, inline: 0 };
/** Rounds of fetching facts for one decision: one for each job that may begin in a turn, and their hosts. */
const FACT_ROUNDS_MAX = 40;

export type TurnDeps = SendDeps &
  Pick<Ports, "clock" | "telemetry"> & {
    readonly settings: Settings;
    /** Absent: the registry. Tests give others. */
    readonly work?: WorkRegistry;
  };

export type TurnRequest = {
  readonly apartmentId: ApartmentId;
  readonly messages: readonly TurnMessage[];
  readonly source: TurnSource;
};

export type TurnReport =
  | { readonly status: "committed"; readonly record: AnyApartmentRecord }
  /** Nothing new was said; the record is as it was. */
  | { readonly status: "nothing"; readonly record: AnyApartmentRecord }
  | { readonly status: "no_apartment" };

/**
 * Takes a turn, and those that follow from it at once: a job that comes to a checkpoint goes on from its commit. Throws only
 * for infrastructure: the messages come again.
 */
export async function takeTurn(deps: TurnDeps, turn: TurnRequest): Promise<TurnReport> {
  const checkpointsMax = CHECKPOINTS_MAX[turn.source.kind];
  let report = await takeOneTurn(deps, turn);
  for (let passed = 0; passed < checkpointsMax && isAtCheckpoint(report); passed += 1)
    report = await takeOneTurn(deps, { ...turn, messages: [] }, report.record);
  // Should the message be lost, `wakeAt` is there.
  if (isAtCheckpoint(report))
    await deps.apartmentQueue.send([goingOn(report.record, deps.clock.now())]);
  return report;
}

function isAtCheckpoint(
  report: TurnReport,
): report is Extract<TurnReport, { status: "committed" }> {
  return report.status === "committed" && report.record.active?.waitFor.kind === "checkpoint";
}

/** `committed`: what this very worker has just committed, its effects sent; to be read again only if others have been here. */
async function takeOneTurn(
  deps: TurnDeps,
  turn: TurnRequest,
  committed?: AnyApartmentRecord,
): Promise<TurnReport> {
  /** The version whose effects this worker has sent. */
  let sentVersion = committed?.version;
  for (let attempt = 0; attempt < COMMIT_ATTEMPTS_MAX; attempt += 1) {
    const { record, jobs } =
      attempt === 0 && committed !== undefined
        ? { record: committed, jobs: [] }
        : await deps.apartments.load(turn.apartmentId, submitted(turn.messages));
    if (record === undefined) return { status: "no_apartment" };
    const flushes = !effectsAreSent(record, turn.source, { sentVersion, now: deps.clock.now() });
    if (flushes) {
      await sendEffects(deps, record); // A4
      sentVersion = record.version;
    }
    // A3: what was read before a flush is older than what the flush wrote, and is read again.
    const { decision, known } = await decideWithFacts(
      deps,
      turn,
      record,
      flushes ? undefined : jobs,
    );
    if (decision.kind === "nothing") {
      if (isBehind(record, known.jobs)) continue; // A4
      return { status: "nothing", record };
    }
    assertSize(decision.record);
    if ((await deps.apartments.commit(decision.record)) === "conflict") {
      deps.telemetry.count("commitConflicts");
      continue; // A2
    }
    if (decision.poisoned > 0) deps.telemetry.count("poisonMessages", decision.poisoned);
    await sendEffects(deps, decision.record);
    return { status: "committed", record: decision.record };
  }
  const lost = `apartment ${turn.apartmentId}: ${COMMIT_ATTEMPTS_MAX} commits were lost to others`;
  // Nothing is wrong: whoever asked for an inline turn may ask again.
  throw Object.assign(new Error(lost), { transient: true });
}

/**
 * Whether a job was projected by a commit that this record does not have yet: the two are not read at one moment. Nothing is new
 * for who looks so, but the effects of that commit may not all have been sent (A4).
 */
function isBehind(record: AnyApartmentRecord, jobs: Known["jobs"]): boolean {
  return [...jobs.values()].some(
    (job) => job !== null && apartmentOf(job) === record.id && job.revision > record.version,
  );
}

/** Jobs whose records a turn over these messages looks at (A3). */
function submitted(messages: readonly TurnMessage[]): readonly JobId[] {
  const ids = messages.flatMap((each) =>
    each.ok && each.message.body.kind === "submit" ? [each.message.body.jobId] : [],
  );
  return [...new Set(ids)];
}

type Known = {
  readonly jobs: Map<JobId, JobRecord | null>;
  readonly hosts: Map<HostId, HostFact | null>;
  readonly residents: Map<string, Residents>;
  candidates?: readonly HostFact[];
};

/** Decides; fetches what the decision lacks and decides again, until it lacks nothing. */
async function decideWithFacts(
  deps: TurnDeps,
  turn: TurnRequest,
  record: AnyApartmentRecord,
  jobs: readonly JobRecord[] | undefined,
) {
  const known: Known = {
    jobs: new Map(jobs && submitted(turn.messages).map((id) => [id, null])),
    hosts: new Map(),
    residents: new Map(),
  };
  for (const job of jobs ?? []) known.jobs.set(job.id, job);
  for (let round = 0; round < FACT_ROUNDS_MAX; round += 1) {
    const facts: Facts = known;
    const decision = decide(record, turn, {
      facts,
      settings: deps.settings,
      work: deps.work ?? registry,
      now: deps.clock.now(),
    });
    if (decision.kind !== "needs") return { decision, known };
    await Promise.all(decision.facts.map((request) => fetchFact(deps, known, request)));
  }
  throw new Error(`apartment ${record.id}: a decision wanted facts ${FACT_ROUNDS_MAX} times`);
}

async function fetchFact(deps: TurnDeps, known: Known, request: FactRequest): Promise<void> {
  switch (request.kind) {
    case "job":
      known.jobs.set(request.jobId, (await deps.jobs.read(request.jobId)) ?? null);
      return;
    case "host":
      known.hosts.set(request.hostId, (await deps.placement.host(request.hostId)) ?? null);
      return;
    case "residents":
      known.residents.set(request.after ?? "", await residents(deps, request));
      return;
    case "candidates":
      known.candidates = await deps.placement.candidates(CANDIDATES_MAX);
      return;
    default:
      request satisfies never;
  }
}

async function residents(
  { placement, apartments }: Pick<TurnDeps, "placement" | "apartments">,
  { hostId, after, limit }: Extract<FactRequest, { kind: "residents" }>,
): Promise<Residents> {
  const holders = (await placement.holders(hostId)).toSorted();
  const left = after === undefined ? holders : holders.filter((vmId) => vmId > after);
  const vms = left.slice(0, limit).map(async (vmId) => {
    const record = await apartments.read(vmId);
    return record === undefined || isGone(record) ? { vmId } : { vmId, account: record.vm.account };
  });
  return { vms: await Promise.all(vms), left: left.length };
}

/** Spec, waiting jobs, unsettled commands and the effects of a turn are each bounded: a larger record is a bug of ours. */
function assertSize(record: AnyApartmentRecord): void {
  if (jsonBytesMax(record) <= RECORD_BYTES_MAX) return; // As nearly all: to make the text costs more.
  const bytes = byteLength(JSON.stringify(record));
  if (bytes > RECORD_BYTES_MAX)
    throw new Error(`apartment ${record.id}: a record of ${bytes} bytes`);
}
