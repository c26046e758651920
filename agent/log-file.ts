/**
 * An append-only text file that survives `kill -9` and power failures.
 *
 *  F1 What `append` resolved to is on the disk (fdatasync). Appends that wait while one is under way share the next sync.
 *  F2 `replace` is atomic: a new file is written, synced and renamed over the old one; a crash leaves one or the other.
 *  F3 A last line without its newline was never promised to anybody: opening cuts it off.
 *  F4 After a failed write nothing more is written: whoever owns the file must stop.
 */
import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

export interface LogFile {
  readonly append: (text: string) => Promise<void>;
  readonly replace: (text: string) => Promise<void>;
  /** After what was asked for before. */
  readonly close: () => Promise<void>;
}

/** Opens the file, or makes it; `text` is all of it, in whole lines. */
export async function openLogFile(
  path: string,
): Promise<{ readonly text: string; readonly file: LogFile }> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if (isMissing(error)) return Buffer.alloc(0);
    throw error;
  });
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1;
  const handle = await open(path, "a", 0o600);
  try {
    if (wholeBytes < bytes.byteLength) await handle.truncate(wholeBytes); // F3
    await handle.datasync();
    await syncFolder(path);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { text: bytes.toString("utf8", 0, wholeBytes), file: logFile(path, handle) };
}

function logFile(path: string, opened: FileHandle): LogFile {
  let handle = opened;
  let waiting: { readonly texts: string[]; readonly done: Promise<void> } | undefined;
  let last: Promise<void> = Promise.resolve();

  /** After everything asked for before; a failure fails all that follows (F4). */
  const inOrder = (step: () => Promise<void>): Promise<void> => {
    const done = last.then(step);
    last = done;
    last.catch(() => {});
    return done;
  };

  return {
    append: (text) => {
      if (waiting === undefined) {
        const texts: string[] = [];
        const done = inOrder(async () => {
          waiting = undefined;
          await handle.appendFile(texts.join(""));
          await handle.datasync(); // F1
        });
        waiting = { texts, done };
      }
      waiting.texts.push(text);
      return waiting.done;
    },
    replace: (text) => {
      waiting = undefined;
      return inOrder(async () => {
        const next = await open(`${path}.new`, "w", 0o600);
        await next.writeFile(text);
        await next.datasync();
        await rename(`${path}.new`, path); // F2
        await syncFolder(path);
        await handle.close();
        handle = next;
      });
    },
    close: async () => {
      await last.catch(() => {});
      await handle.close();
    },
  };
}

/** Makes a rename or a new name in the file's folder last. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
