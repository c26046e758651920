/** A log file in memory whose disk outlives it: a crash is to forget the file and open the disk again. */
import type { LogFile } from "../../../agent/log-file.ts";

export type MemoryDisk = {
  text: string;
  /** Appends so far: a test's crash points. */
  appends: number;
};

export function memoryDisk(text = ""): MemoryDisk {
  return { text, appends: 0 };
}

export function openMemoryLog(disk: MemoryDisk): {
  readonly text: string;
  readonly file: LogFile;
} {
  disk.text = disk.text.slice(0, disk.text.lastIndexOf("\n") + 1);
  return {
    text: disk.text,
    file: {
      append: async (text) => {
        disk.text += text;
        disk.appends += 1;
      },
      replace: async (text) => {
        disk.text = text;
      },
      close: async () => {},
    },
  };
}
