/**
 * The one SQLite file behind the local queue and bus.
 *
 * D1 `commit` resolves when what it wrote is on disk (WAL, synchronous=FULL), never before.
 * D2 Writes are applied in the order in which they were given; those of one turn of the event loop share a transaction.
 * D3 After a commit failed nothing is taken any more: the state in memory is ahead of the disk, and only a new start
 *    can bring them together.
 */
import { DatabaseSync } from "node:sqlite";

/** Of the file's layout; a file of another version is refused. */
const LAYOUT_VERSION = 1;
/** How long opening waits for a process that is just ending to let go of the file. */
const BUSY_TIMEOUT_MS = 2_000;

export interface Store {
  readonly db: DatabaseSync;
  /** Queues `write` for the next transaction (D1, D2). `write` must be synchronous. */
  readonly commit: (write: () => void) => Promise<void>;
  /** Resolves when everything given so far is on disk; at once if nothing is under way. */
  readonly settled: () => Promise<void>;
  /** Commits what is queued and closes the file; rejects if something could not be committed (D3). */
  readonly close: () => Promise<void>;
}

/** Opens or makes the file; `:memory:` keeps nothing. Throws one clear line if it is of another version. */
export function openStore(path: string): Store {
  const db = openDatabase(path);
  checkVersion(db, path);
  let failure: Error | undefined;
  let batch: Batch | undefined;

  const flush = (writes: readonly (() => void)[]) => {
    batch = undefined;
    if (failure) throw failure; // D3
    try {
      db.exec("BEGIN IMMEDIATE");
      for (const write of writes) write();
      db.exec("COMMIT");
    } catch (cause) {
      failure = new Error("the local store could not commit and takes nothing more", { cause });
      if (db.isTransaction) db.exec("ROLLBACK");
      throw failure;
    }
  };

  const commit = (write: () => void): Promise<void> => {
    if (failure) return Promise.reject(failure); // D3
    if (batch === undefined) {
      const writes: (() => void)[] = [];
      batch = { writes, done: afterThisTurn(() => flush(writes)) };
    }
    batch.writes.push(write);
    return batch.done;
  };

  const settled = () => batch?.done ?? (failure ? Promise.reject(failure) : Promise.resolve());
  return {
    db,
    commit,
    settled,
    close: async () => {
      try {
        await settled();
      } finally {
        db.close();
      }
    },
  };
}

type Batch = { readonly writes: (() => void)[]; readonly done: Promise<void> };

/** `setImmediate` runs after the sockets of this turn were read, so their requests share the transaction. */
function afterThisTurn(run: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        run();
        resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
}

function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
    return db;
  } catch (cause) {
    db.close();
    throw new Error(`cannot open ${path}: ${String(Object(cause).message)}`, { cause });
  }
}

function checkVersion(db: DatabaseSync, path: string): void {
  const found = db.prepare("PRAGMA user_version").get()?.["user_version"];
  if (found === 0) db.exec(`PRAGMA user_version=${LAYOUT_VERSION}`);
  else if (found !== LAYOUT_VERSION) {
    db.close();
    throw new Error(`${path} has layout ${found}, this version reads layout ${LAYOUT_VERSION}`);
  }
}
