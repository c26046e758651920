/**
 * Where functions log to: one file each in the data folder, as each has a log group on AWS. A line that is not JSON is
 * kept as it is.
 */
import { createWriteStream, mkdirSync, renameSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";

export interface LogFiles {
  /** Appends what a stream says to the log of that name. */
  readonly collect: (name: string, output: Readable) => void;
  readonly write: (name: string, text: string) => void;
  readonly close: () => Promise<void>;
}

/** Of one file; it is then set aside as `.1`, so a log takes twice this at most. */
const FILE_BYTES_MAX = 20 * 1_048_576;

type Log = { stream: WriteStream; bytes: number };

/** `verbose` also gets every line. */
export function logFiles(folder: string, verbose?: (text: string) => void): LogFiles {
  mkdirSync(folder, { recursive: true });
  const logs = new Map<string, Log>();

  const open = (name: string): Log => {
    const log = { stream: createWriteStream(pathOf(name), { flags: "a" }), bytes: 0 };
    logs.set(name, log);
    return log;
  };
  const pathOf = (name: string) => join(folder, `${name}.log`);
  const append = (name: string, chunk: Buffer | string) => {
    let log = logs.get(name) ?? open(name);
    if (log.bytes > FILE_BYTES_MAX) {
      log.stream.end();
      renameSync(pathOf(name), `${pathOf(name)}.1`);
      log = open(name);
    }
    log.bytes += chunk.length;
    log.stream.write(chunk);
    verbose?.(String(chunk));
  };

  return {
    collect: (name, output) => {
      output.on("data", (chunk: Buffer) => append(name, chunk));
    },
    write: (name, text) => append(name, `${text}\n`),
    close: async () => {
      await Promise.all(
        [...logs.values()].map(
          ({ stream }) => new Promise<void>((resolve) => stream.end(() => resolve())),
        ),
      );
    },
  };
}
