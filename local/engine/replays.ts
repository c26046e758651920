/**
 * Replays of what archives keep: started by a call, worked off in pages, each with the place it has come to.
 *
 * R1 A page's place is committed with its deliveries, or after its queues took them: an end of this process at any moment
 *    replays a page again, and skips none. What is under way goes on at the next start.
 * R2 What was put while a replay runs is not in it, unless its time was asked for.
 */
import type { Archive, Archived, Replay } from "../../shared/memory/bus-archive.ts";
import type { ArchiveRows, ReplayRow } from "../store/archive-rows.ts";
import type { EngineClock } from "./clock.ts";

export type StartReplay = {
  readonly name: string;
  readonly archiveArn: string;
  readonly busName: string;
  readonly from: number;
  readonly to: number;
  readonly ruleArns?: readonly string[] | undefined;
};

export type ReplayStarted =
  | { readonly kind: "started"; readonly replay: ReplayRow }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export interface Replays {
  /** Resolves when it is on disk; then goes on by itself. */
  readonly start: (request: StartReplay) => Promise<ReplayStarted>;
  readonly describe: (name: string) => ReplayRow | undefined;
}

export interface ReplaysProps {
  readonly clock: EngineClock;
  readonly archives: readonly Archive[];
  readonly rows: ArchiveRows;
  /** Has them delivered; resolves when that, and what `write` writes, is on disk. */
  readonly deliver: (
    replay: Replay,
    archived: readonly Archived[],
    write: () => void,
  ) => Promise<void>;
}

/** Events delivered at once. */
const PAGE_EVENTS = 100;

export function openReplays(props: ReplaysProps): Replays {
  const { clock, rows } = props;
  for (const replay of rows.running()) goOn(props, replay); // R1
  return {
    start: async (request) => {
      const refusal = refuse(props, request);
      if (refusal !== undefined) return { kind: "refused", ...refusal };
      const { name, archiveArn, from, to, ruleArns } = request;
      const replay: ReplayRow = {
        ...{ name, archiveArn, from, to, ruleArns },
        ...{ startedAt: clock.now(), lastSerial: 0, endedAt: undefined },
      };
      await props.deliver(asked(props, replay), [], () => rows.putReplay(replay));
      goOn(props, replay);
      return { kind: "started", replay };
    },
    describe: rows.replay,
  };
}

/** In AWS's words. */
function refuse(
  { archives, rows }: ReplaysProps,
  { name, archiveArn, busName, from, to }: StartReplay,
): { readonly code: string; readonly message: string } | undefined {
  const invalid = (parameter: string, reason: string) => ({
    code: "ValidationException",
    message: `Parameter ${parameter} is not valid. Reason: ${reason}`,
  });
  const archive = archives.find(({ spec }) => spec.arn === archiveArn);
  if (archive === undefined) {
    const archiveName = archiveArn.slice(archiveArn.lastIndexOf("/") + 1);
    return invalid("EventSourceArn", `Archive ${archiveName} does not exist.`);
  }
  if (archive.spec.busName !== busName)
    return invalid("Destination.Arn", "Cross event bus replay is not permitted.");
  if (from >= to) return invalid("EventEndTime", "EventStartTime must be before EventEndTime.");
  return rows.replay(name) === undefined
    ? undefined
    : { code: "ResourceAlreadyExistsException", message: `Replay ${name} already exists.` };
}

function goOn(props: ReplaysProps, replay: ReplayRow): void {
  // Only a store that failed, or was closed, ends this: then nothing goes on, and the next start takes it up (R1).
  workOff(props, replay).catch(() => {});
}

async function workOff(props: ReplaysProps, started: ReplayRow): Promise<void> {
  const { clock, rows, deliver } = props;
  for (let replay = started; replay.endedAt === undefined; ) {
    const page = rows.next(replay, PAGE_EVENTS);
    const last = page.at(-1);
    const next: ReplayRow =
      last === undefined
        ? { ...replay, endedAt: clock.now() }
        : { ...replay, lastSerial: last.serial };
    const archived = page.map((each) => each.archived);
    await deliver(asked(props, replay), archived, () => rows.putReplay(next)); // R1
    replay = next;
  }
}

function asked({ archives }: ReplaysProps, { name, archiveArn, ruleArns }: ReplayRow): Replay {
  const archive = archives.find(({ spec }) => spec.arn === archiveArn);
  // Of an archive that the template has no more: nothing of it is replayed.
  return { name, busName: archive?.spec.busName ?? "", ruleArns };
}
