/**
 * Archives of the bus: what is put on a bus and matches is kept; a replay puts what was kept to the bus's rules again.
 *
 * A1 What a put answered is in the archive. (AWS takes up to ten minutes: whoever relies on less is told so by nothing here.)
 * A2 A replay goes to rules with patterns, of the archive's bus, that match again: all, or those named. It is not archived anew.
 * A3 A replayed event is what it was, with the replay's name beside it.
 */
import type { Envelope } from "./bus-entries.ts";
import type { Rule } from "./bus-rules.ts";
import { compilePattern, type EventPattern, matches } from "./event-pattern.ts";
import { PatternError } from "./event-tests.ts";

/** An archive as the template has it. */
export type ArchiveSpec = {
  readonly name: string;
  readonly arn: string;
  readonly busName: string;
  /** Parsed JSON; absent: everything. */
  readonly pattern?: unknown;
  /** Absent: for good. */
  readonly retentionDays?: number | undefined;
};

export type Archive = { readonly spec: ArchiveSpec; readonly pattern: EventPattern | undefined };

/** An event that an archive keeps. */
export type Archived = {
  readonly archiveArn: string;
  readonly eventId: string;
  readonly at: number;
  readonly event: Envelope;
};

export type Replay = {
  readonly name: string;
  readonly busName: string;
  /** Absent: all. */
  readonly ruleArns?: readonly string[] | undefined;
};

/** Throws an error that names the archive where its pattern is malformed. */
export function compileArchive(spec: ArchiveSpec): Archive {
  if (spec.pattern === undefined) return { spec, pattern: undefined };
  try {
    return { spec, pattern: compilePattern(spec.pattern) };
  } catch (cause) {
    if (!(cause instanceof PatternError)) throw cause;
    throw new Error(`archive ${spec.name}: event pattern is not valid: ${cause.message}`, {
      cause,
    });
  }
}

/** What the archives of a bus keep of an event (A1). */
export function archivedOf(
  archives: readonly Archive[],
  put: {
    readonly busName: string;
    readonly eventId: string;
    readonly at: number;
    readonly event: Envelope;
  },
): readonly Archived[] {
  const { busName, ...kept } = put;
  return archives
    .filter(
      ({ spec, pattern }) =>
        spec.busName === busName && (pattern === undefined || matches(pattern, kept.event)),
    )
    .map(({ spec }) => ({ archiveArn: spec.arn, ...kept }));
}

/** A replayed event, and the rules that it goes to (A2, A3). */
export function replayOf(
  rules: readonly Rule[],
  archived: Archived,
  replay: Replay,
): { readonly event: Envelope; readonly rules: readonly Rule[] } {
  const event = { ...archived.event, "replay-name": replay.name };
  const { busName, ruleArns } = replay;
  return {
    event,
    rules: rules.filter(
      ({ spec, trigger }) =>
        spec.enabled &&
        spec.busName === busName &&
        (ruleArns === undefined || ruleArns.includes(spec.arn)) &&
        trigger.kind === "pattern" &&
        matches(trigger.pattern, event),
    ),
  };
}
