/** What the archives of the bus keep, and the replays of it: how far each has come. */
import type { DatabaseSync } from "node:sqlite";
import * as z from "zod/mini";
import type { Archived } from "../../shared/memory/bus-archive.ts";

export type ReplayRow = {
  readonly name: string;
  readonly archiveArn: string;
  /** What was put from then on, and before then. */
  readonly from: number;
  readonly to: number;
  readonly ruleArns: readonly string[] | undefined;
  readonly startedAt: number;
  /** Of the last event replayed. */
  readonly lastSerial: number;
  readonly endedAt: number | undefined;
};

export interface ArchiveRows {
  /** To be called within a transaction. */
  readonly keep: (archived: Archived) => void;
  /** The next events of a replay, in the order in which they were put. */
  readonly next: (
    replay: ReplayRow,
    limit: number,
  ) => readonly { readonly serial: number; readonly archived: Archived }[];
  /** Forgets what was put before. */
  readonly prune: (archiveArn: string, before: number) => void;
  readonly putReplay: (replay: ReplayRow) => void;
  readonly replay: (name: string) => ReplayRow | undefined;
  /** Those that have not ended. */
  readonly running: () => readonly ReplayRow[];
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS bus_archive (
    serial INTEGER PRIMARY KEY, archive_arn TEXT NOT NULL, event_id TEXT NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS bus_archive_at ON bus_archive (archive_arn, at);
  CREATE TABLE IF NOT EXISTS bus_replay (name TEXT PRIMARY KEY, ended INTEGER NOT NULL, replay TEXT NOT NULL) STRICT;`;

const ArchivedRow = z.object({
  serial: z.number(),
  archive_arn: z.string(),
  event_id: z.string(),
  at: z.number(),
  event: z.string(),
});
const Event = z.record(z.string(), z.unknown());
const Replay = z.object({
  name: z.string(),
  archiveArn: z.string(),
  from: z.number(),
  to: z.number(),
  ruleArns: z.optional(z.array(z.string())),
  startedAt: z.number(),
  lastSerial: z.number(),
  endedAt: z.optional(z.number()),
});
const ReplayText = z.object({ replay: z.string() });

/** The rows in this database; makes the tables where they are missing. */
export function archiveRows(db: DatabaseSync): ArchiveRows {
  db.exec(TABLES);
  const keep = db.prepare(
    "INSERT INTO bus_archive (archive_arn, event_id, at, event) VALUES (?, ?, ?, ?)",
  );
  const next = db.prepare(
    "SELECT * FROM bus_archive WHERE archive_arn = ? AND at >= ? AND at < ? AND serial > ? ORDER BY serial LIMIT ?",
  );
  const prune = db.prepare("DELETE FROM bus_archive WHERE archive_arn = ? AND at < ?");
  const put = db.prepare("INSERT OR REPLACE INTO bus_replay VALUES (?, ?, ?)");
  const get = db.prepare("SELECT replay FROM bus_replay WHERE name = ?");
  const running = db.prepare("SELECT replay FROM bus_replay WHERE ended = 0");
  const readReplay = (row: unknown): ReplayRow => {
    const { ruleArns, endedAt, ...replay } = Replay.parse(JSON.parse(ReplayText.parse(row).replay));
    return { ...replay, ruleArns, endedAt };
  };
  return {
    keep: ({ archiveArn, eventId, at, event }) => {
      keep.run(archiveArn, eventId, at, JSON.stringify(event));
    },
    next: ({ archiveArn, from, to, lastSerial }, limit) =>
      next.all(archiveArn, from, to, lastSerial, limit).map((row) => {
        const { serial, archive_arn, event_id: eventId, at, event } = ArchivedRow.parse(row);
        return {
          serial,
          archived: { archiveArn: archive_arn, eventId, at, event: Event.parse(JSON.parse(event)) },
        };
      }),
    prune: (archiveArn, before) => {
      prune.run(archiveArn, before);
    },
    putReplay: (replay) => {
      put.run(replay.name, replay.endedAt === undefined ? 0 : 1, JSON.stringify(replay));
    },
    replay: (name) => {
      const row = get.get(name);
      return row === undefined ? undefined : readReplay(row);
    },
    running: () => running.all().map(readReplay),
  };
}
