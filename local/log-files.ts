/**
 * Where functions log to: one file each in the data folder, as each has a log group on AWS. A line that is not JSON is
 * kept as it is.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";

export interface LogFiles {
  /** Appends what a stream says to the log of that name. */
  readonly collect: (name: string, output: Readable) => void;
  readonly write: (name: string, text: string) => void;
  /** What is collected after it is dropped. */
  readonly close: () => void;
}

/** Of one file; it is then set aside as `.1`, so a log takes twice this at most. */
const FILE_BYTES_MAX = 20 * 1_048_576;

type Log = { readonly descriptor: number; bytes: number };

/** `verbose` also gets every line. Writes are synchronous: a few microseconds each, and an end at any moment loses none. */
export function logFiles(folder: string, verbose?: (text: string) => void): LogFiles {
  mkdirSync(folder, { recursive: true });
  const logs = new Map<string, Log>();
  let isOpen = true;

  const pathOf = (name: string) => join(folder, `${name}.log`);
  const open = (name: string): Log => {
    const descriptor = openSync(pathOf(name), "a");
    const log = { descriptor, bytes: fstatSync(descriptor).size };
    logs.set(name, log);
    return log;
  };
  const append = (name: string, chunk: Buffer | string) => {
    if (!isOpen) return;
    let log = logs.get(name) ?? open(name);
    if (log.bytes > FILE_BYTES_MAX) {
      closeSync(log.descriptor);
      renameSync(pathOf(name), `${pathOf(name)}.1`);
      log = open(name);
    }
    const bytes = Buffer.from(chunk);
    writeSync(log.descriptor, bytes);
    log.bytes += bytes.length;
    verbose?.(String(chunk));
  };

  return {
    collect: (name, output) => {
      output.on("data", (chunk: Buffer) => append(name, chunk));
    },
    write: (name, text) => append(name, `${text}\n`),
    close: () => {
      isOpen = false;
      for (const { descriptor } of logs.values()) closeSync(descriptor);
      logs.clear();
    },
  };
}
