/** How commands end: in the log, then in a result (`runner.ts`, R2). */
import type { CommandOutcome } from "../shared/model/agent-state.ts";
import type { Command } from "../shared/model/command.ts";
import type { BootId, CommandId } from "../shared/model/ids.ts";
import type { CommandLog } from "./command-log.ts";
import type { Observer } from "./observer.ts";
import type { Ended } from "./results.ts";

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
  const end = async (command: Command, outcome: CommandOutcome) => {
    const { commandId, vmId, epoch } = command;
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
