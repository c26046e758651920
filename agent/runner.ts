/**
 * Takes commands from the queue and does each at most once, each VM's in a lane of its own.
 *
 *  R1 A command is in the log, on the disk, before `take` resolves: only then may its message be deleted.
 *  R2 `begun` is on the disk before the hypervisor is asked for anything, `ended` before the result is told.
 *  R3 `admit` decides twice: when a command arrives and when its turn comes.
 *  R4 A command's time counts from its arrival, by the monotonic clock. When it is over the result is `timeout`, though
 *     the hypervisor may still be at it: the lane stays taken, and probes answer `busy`, until it is not.
 *  R5 What an earlier process left in the log is settled before anything else: what it had begun is `outcome_unknown`,
 *     what it had not is `stale`, what was never accepted is told again.
 *  R6 At the signal nothing begins any more, and what waits ends: the next process settles what is left (R5).
 */
import type { LogEntry } from "../shared/model/agent-state.ts";
import { type Command, ProbeArgs, StartArgs } from "../shared/model/command.ts";
import type { ActDeps } from "./act.ts";
import { type Admission, admit } from "./admit.ts";
import { type EndingsDeps, endings } from "./endings.ts";
import { OUTCOME_UNKNOWN } from "./hypervisor/hypervisor.ts";
import { lanes } from "./lanes.ts";
import { settleLeftovers } from "./leftovers.ts";

export type RunnerDeps = Omit<ActDeps, "endings" | "admission"> &
  EndingsDeps & {
    /** Something that must not happen did; the agent stops. */
    readonly broken: (error: unknown) => void;
    readonly signal: AbortSignal;
  };

export interface Runner {
  /** R5; once, before the first `take`. */
  readonly begin: () => Promise<void>;
  /** Resolves when the commands are on the disk; they run on their own. */
  readonly take: (commands: readonly Command[]) => Promise<void>;
}

export function runner(deps: RunnerDeps): Runner {
  const { log, bootId } = deps;
  const ending = endings(deps);
  const admission = (command: Command, seen?: ReturnType<typeof log.command>): Admission =>
    admit(
      {
        seen,
        live: ending.live.has(command.commandId),
        highestEpoch: log.highestEpoch(command.vmId),
        bootId: bootId(),
      },
      command,
    );
  const inLanes = lanes({ ...deps, endings: ending, admission: (command) => admission(command) });

  const handle = async (command: Command, verdict: Admission): Promise<void> => {
    const { commandId, vmId, epoch } = command;
    switch (verdict.verdict) {
      case "run":
        return inLanes.enter({
          command,
          call: verdict.call,
          receivedAtMs: deps.time.monotonicNow(),
          stop: new AbortController(),
          over: Promise.withResolvers(),
        });
      case "under_way":
        return;
      case "repeat":
        return deps.tell({ commandId, vmId, epoch, outcome: verdict.outcome });
      case "outcome_unknown":
        return await ending.answer(command, { status: "failed", code: OUTCOME_UNKNOWN });
      case "stale":
        return await ending.answer(command, { status: "stale", detail: verdict.detail });
      case "unsupported": {
        const { detail } = verdict;
        return await ending.answer(command, { status: "failed", code: "unsupported", detail });
      }
      default:
        verdict satisfies never;
    }
  };

  return {
    begin: () => settleLeftovers(deps),
    take: async (commands) => {
      const arrived = new Map(commands.map((command) => [command.commandId, command]));
      const fresh = new Set([...arrived.keys()].filter((id) => log.command(id) === undefined));
      for (const id of fresh) ending.live.add(id);
      const news = [...arrived.values()].filter(({ commandId }) => fresh.has(commandId));
      await log.record(news.map(received)); // R1
      for (const command of arrived.values()) {
        // Looked up only now: what was under way when it came again may have ended meanwhile.
        const seen = fresh.has(command.commandId) ? undefined : log.command(command.commandId);
        handle(command, admission(command, seen)).catch(deps.broken); // R3
      }
    },
  };
}

function received(command: Command): LogEntry {
  const { commandId, vmId, epoch, bootId, verb, args } = command;
  const ha = saidOfHa(verb, args);
  return {
    ...{ entry: "received", commandId, vmId, epoch, bootId, verb },
    ...(ha === undefined ? {} : { ha }),
  };
}

function saidOfHa(verb: string, args: Command["args"]): boolean | undefined {
  const schema = verb === "start" ? StartArgs : verb === "probe" ? ProbeArgs : undefined;
  const said = schema?.safeParse(args);
  return said?.success === true ? said.data.ha : undefined;
}
