/**
 * How commands end: in the log, then in a result (`runner.ts`, R2).
 *
 *  1. Texts are cut to what a result may carry, before the log: a hypervisor's error may be of any length, and a line that
 *     the schema refuses would be a damaged log to the next process.
 */
import type { CommandOutcome } from "../shared/model/agent-state.ts";
import type { Command } from "../shared/model/command.ts";
import type { BootId, CommandId } from "../shared/model/ids.ts";
import type { CommandLog } from "./command-log.ts";
import { cutText } from "./cut-text.ts";
import type { Observer } from "./observer.ts";
import type { Ended } from "./results.ts";

/** Bounds of a result (`CommandResult`). */
const CODE_UNITS_MAX = 64;
const DETAIL_UNITS_MAX = 1024;

export interface Endings {
  /** Commands that this process received and that have not ended. */
  readonly live: Set<CommandId>;
  readonly end: (command: Command, outcome: CommandOutcome) => Promise<void>;
  /** Ends a command without having looked at the VM. */
  readonly answer: (
    command: Command,
    said: Omit<CommandOutcome, "seq" | "bootId">,
  ) => Promise<void>;
}

export type EndingsDeps = {
  readonly log: CommandLog;
  readonly observer: Observer;
  readonly bootId: () => BootId;
  readonly tell: (ended: Ended) => void;
};

export function endings(deps: EndingsDeps): Endings {
  const live = new Set<CommandId>();
  const end = async (command: Command, said: CommandOutcome) => {
    const { commandId, vmId, epoch } = command;
    const outcome = bounded(said); // 1
    await deps.log.record([{ entry: "ended", commandId, outcome }]); // R2
    live.delete(commandId);
    deps.tell({ commandId, vmId, epoch, outcome });
  };
  return {
    live,
    end,
    answer: (command, said) =>
      end(command, { ...said, seq: deps.observer.nextSeq(), bootId: deps.bootId() }),
  };
}

function bounded(outcome: CommandOutcome): CommandOutcome {
  const { code, detail } = outcome;
  return {
    ...outcome,
    ...(code === undefined ? {} : { code: cutText(code, CODE_UNITS_MAX) }),
    ...(detail === undefined ? {} : { detail: cutText(detail, DETAIL_UNITS_MAX) }),
  };
}
