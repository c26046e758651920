/**
 * A turn in the making: the record as it would be committed, and what would be sent. Every step answers a new one, so
 * that a step that throws is undone by keeping the one before it.
 */
import {
  type ActiveJob,
  type AnyApartmentRecord,
  type ApartmentRecord,
  isOfVm,
} from "../model/apartment-record.ts";
import type { Effect, JobEffect } from "../model/effect.ts";
import type { CommandId, HostId, JobId, VmId } from "../model/ids.ts";
import { CommandId as CommandIdSchema } from "../model/ids.ts";
import type { JobRecord, JournalEntry } from "../model/job.ts";
import { JOURNAL_ENTRIES_MAX } from "../model/job.ts";
import type { Settings } from "../model/settings.ts";
import type { TopicEvent } from "../model/topic.ts";
import type { FactRequest, HostFacts, WorkRegistry } from "./work-type.ts";

/** What a turn reads beside the record. A job asked for and not there is `null`. */
export type Facts = HostFacts & { readonly jobs: ReadonlyMap<JobId, JobRecord | null> };

/** Everything a decision is a function of, beside record and messages (A9). */
export type TurnInputs = {
  readonly facts: Facts;
  readonly settings: Settings;
  readonly work: WorkRegistry;
  readonly now: number;
};

export type Turn = {
  readonly inputs: TurnInputs;
  readonly record: AnyApartmentRecord;
  readonly effects: readonly Effect[];
  /** One projection a job, however many steps it makes in this turn. */
  readonly projections: ReadonlyMap<JobId, JobEffect>;
  /** Jobs that this turn made. */
  readonly jobs: ReadonlyMap<JobId, JobRecord>;
  /** Commands, events, incidents and jobs named so far; makes the next name. */
  readonly named: number;
  readonly changed: boolean;
  /** Not empty: the turn cannot be decided yet. */
  readonly needs: readonly FactRequest[];
};

/** The turn before anything was applied. Its record carries the version that its commit will have (A2). */
export function openTurn(record: AnyApartmentRecord, inputs: TurnInputs): Turn {
  return {
    inputs,
    record: { ...record, version: record.version + 1 },
    effects: [],
    projections: new Map(),
    jobs: new Map(),
    named: 0,
    changed: false,
    needs: [],
  };
}

type VmParts = Pick<ApartmentRecord, "vm" | "observations" | "unsettled" | "gone" | "recheck">;

/** The same turn with parts of its record replaced. */
export function amend(
  turn: Turn,
  parts: Partial<Omit<ApartmentRecord, "id" | keyof VmParts>>,
): Turn {
  return { ...turn, record: { ...turn.record, ...parts }, changed: true };
}

/** The same, of what only a VM's record has. */
export function amendVm(turn: Turn, parts: Partial<VmParts>): Turn {
  return { ...turn, record: { ...vmRecord(turn), ...parts }, changed: true };
}

/** Whose apartment it is, as events and jobs say it. */
export function subjectOf({
  record,
}: Pick<Turn, "record">): { readonly vmId: VmId } | { readonly hostId: HostId } {
  return isOfVm(record) ? { vmId: record.id } : { hostId: record.hostId };
}

/** The record of a VM's turn; nothing of a host's apartment leads here. */
export function vmRecord({ record }: Pick<Turn, "record">): ApartmentRecord {
  if (!isOfVm(record)) throw new Error(`the apartment ${record.id} is no VM's`);
  return record;
}

/** The same turn with one more effect. */
export function emit(turn: Turn, effect: Effect): Turn {
  return { ...turn, effects: [...turn.effects, effect], changed: true };
}

/** The same turn, wanting to know more before it is decided. */
export function want(turn: Turn, facts: readonly FactRequest[]): Turn {
  return { ...turn, needs: [...turn.needs, ...facts] };
}

/** A name no other effect of this apartment ever has: its version is committed once (A2), and stored with it (A4). */
export function nextName(turn: Turn): { readonly turn: Turn; readonly name: CommandId } {
  const { id, version } = turn.record;
  return {
    turn: { ...turn, named: turn.named + 1 },
    name: CommandIdSchema.parse(`${id}.${version}.${turn.named}`),
  };
}

/** Tells a topic, as an event of the VM's owner; a host's has none. */
export function tell(turn: Turn, event: Pick<TopicEvent, "family" | "topic" | "detail">): Turn {
  const named = nextName(turn);
  const { record, inputs } = turn;
  const owner = isOfVm(record) ? { account: record.vm.account } : {};
  return emit(named.turn, {
    kind: "event",
    event: { ...event, id: named.name, at: inputs.now, ...owner },
  });
}

/** Changes the projection of a job; entries are appended, everything else replaced. */
export function project(
  turn: Turn,
  job: Omit<JobEffect, "kind" | "revision" | "journal"> & {
    readonly journal?: readonly JournalEntry[];
  },
): Turn {
  const before = turn.projections.get(job.jobId);
  const projection: JobEffect = {
    ...before,
    ...job,
    kind: "job",
    revision: turn.record.version,
    journal: [...(before?.journal ?? []), ...(job.journal ?? [])],
  };
  return {
    ...turn,
    projections: new Map(turn.projections).set(job.jobId, projection),
    changed: true,
  };
}

/** The journal entry of a step, while the job's journal has room. */
export function journalEntry(
  active: Pick<ActiveJob, "journalled">,
  entry: JournalEntry,
): readonly JournalEntry[] {
  if (active.journalled > JOURNAL_ENTRIES_MAX) return [];
  if (active.journalled === JOURNAL_ENTRIES_MAX)
    return [{ ...entry, note: "the journal is full; later steps are not noted" }];
  return [{ ...entry, note: entry.note.slice(0, 512) }];
}
