/** What an earlier process left in the command log, settled for the boot that begins (`runner.ts`, R5). */
import type { CommandOutcome } from "../shared/model/agent-state.ts";
import { turnsOn } from "../shared/model/command.ts";
import type { BootId } from "../shared/model/ids.ts";
import type { Aftermath } from "./aftermath.ts";
import type { CommandLog } from "./command-log.ts";
import { OUTCOME_UNKNOWN } from "./hypervisor/hypervisor.ts";
import type { LoggedCommand } from "./log-state.ts";
import type { Observer } from "./observer.ts";
import type { Ended } from "./results.ts";

export async function settleLeftovers(deps: {
  readonly log: CommandLog;
  readonly observer: Observer;
  readonly aftermath: Aftermath;
  readonly bootId: () => BootId;
  readonly tell: (ended: Ended) => void;
}): Promise<void> {
  const { log, observer } = deps;
  const left = log.commands();
  for (const command of left) if (mayComeTrue(command)) deps.aftermath.begin(command.vmId);
  const ends = left
    .filter((command) => command.phase !== "ended")
    .map((command) => {
      const seq = observer.nextSeq();
      return { command, outcome: { ...lostOutcome(command), seq, bootId: deps.bootId() } };
    });
  await log.record(
    ends.map(({ command: { commandId }, outcome }) => ({ entry: "ended", commandId, outcome })),
  );
  for (const command of log.commands())
    if (command.phase === "ended" && !command.accepted) deps.tell(command);
}

function lostOutcome(command: LoggedCommand): Omit<CommandOutcome, "seq" | "bootId"> {
  return command.phase === "begun"
    ? { status: "failed", code: OUTCOME_UNKNOWN, detail: "the agent ended while it was under way" }
    : { status: "stale", detail: "the agent ended before it began" };
}

/** A command that turns its VM on, was begun and was never seen to end. */
function mayComeTrue(command: LoggedCommand): boolean {
  if (!turnsOn(command.verb)) return false;
  if (command.phase !== "ended") return command.phase === "begun";
  return command.outcome.code === OUTCOME_UNKNOWN || command.outcome.code === "timeout";
}
