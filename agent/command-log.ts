/**
 * The agent's memory of its commands, on disk. What it says is what makes "at most once" true (`log-state.ts`, L1–L3).
 *
 *  1. `record` changes what is answered at once and resolves when it is on the disk: a command is acted upon, deleted from
 *     the queue or answered only after that.
 *  2. A folder that lost its log is a new log: the control plane hears of a new boot and addresses no old command to it.
 *  3. A log that cannot be written stops the agent (`LogBroken`): without it, nothing it does is at most once.
 */
import { LogEntry } from "../shared/model/agent-state.ts";
import type { CommandId, VmId } from "../shared/model/ids.ts";
import type { LogFile } from "./log-file.ts";
import {
  applyEntry,
  COMMANDS_KEPT,
  emptyLog,
  entriesOf,
  forget,
  type LoggedCommand,
  type LogState,
} from "./log-state.ts";
import { errorText } from "./note.ts";
import { parsedJson } from "./parse-json.ts";

/** The file is written anew when it has this many lines and four times what is worth keeping: a few hundred KiB. */
const COMPACT_LINES_MIN = 4 * COMMANDS_KEPT;
const COMPACT_RATIO = 4;
/** The most lines that one command can have. */
const LINES_PER_COMMAND = 4;

/** The log cannot be read or written; the message is one line for the operator. */
export class LogBroken extends Error {}

export interface CommandLog {
  readonly command: (id: CommandId) => LoggedCommand | undefined;
  /** 0 for a VM never heard of. */
  readonly highestEpoch: (id: VmId) => number;
  /** Every VM's highest epoch as it is now; does not change afterwards. */
  readonly epochs: () => ReadonlyMap<VmId, number>;
  readonly haVms: () => ReadonlySet<VmId>;
  readonly isHa: (id: VmId) => boolean;
  /** In the order in which they were received. */
  readonly commands: () => readonly LoggedCommand[];
  readonly record: (entries: readonly LogEntry[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** `text` is what the file holds, in whole lines. Throws `LogBroken` on a line that is none of ours. */
export function commandLog(opened: { readonly text: string; readonly file: LogFile }): CommandLog {
  const { state, lines } = readLog(opened.text);
  const { file } = opened;
  let linesInFile = lines;

  const compactIfLong = (): Promise<void> => {
    if (linesInFile < COMPACT_LINES_MIN) return Promise.resolve();
    forget(state);
    const kept = state.commands.size * LINES_PER_COMMAND + state.vms.size;
    if (linesInFile < COMPACT_RATIO * kept) return Promise.resolve();
    const entries = [...entriesOf(state)];
    linesInFile = entries.length;
    return file.replace(toLines(entries));
  };

  return {
    command: (id) => state.commands.get(id),
    highestEpoch: (id) => state.vms.get(id)?.epoch ?? 0,
    epochs: () => new Map([...state.vms].map(([id, vm]) => [id, vm.epoch])),
    haVms: () => new Set([...state.vms].filter(([, vm]) => vm.ha).map(([id]) => id)),
    isHa: (id) => state.vms.get(id)?.ha ?? false,
    commands: () => [...state.commands.values()],
    record: async (entries) => {
      if (entries.length === 0) return;
      for (const entry of entries) applyEntry(state, entry);
      linesInFile += entries.length;
      try {
        await Promise.all([file.append(toLines(entries)), compactIfLong()]);
      } catch (error) {
        throw new LogBroken(`cannot write the command log: ${errorText(error)}`, { cause: error }); // 3
      }
    },
    close: file.close,
  };
}

function readLog(text: string): { readonly state: LogState; readonly lines: number } {
  const state = emptyLog();
  const lines = text.split("\n").slice(0, -1);
  for (const [at, line] of lines.entries()) {
    const entry = LogEntry.safeParse(parsedJson(line));
    if (!entry.success) throw new LogBroken(`the command log is damaged at line ${at + 1}`);
    applyEntry(state, entry.data);
  }
  return { state, lines: lines.length };
}

function toLines(entries: readonly LogEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}
