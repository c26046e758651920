/**
 * Repeats what commands came to until the control plane has it.
 *
 *  1. A result is sent again, the same with the same number, until it is accepted; then the log knows so.
 *  2. A result of another boot is numbered anew and tells no `power`: under a new number, an old sight would pass for a
 *     fresh one.
 *  3. One request at a time, so that a slow control plane is not given more.
 *  4. One result that is refused does not hold up the others: a refused batch is sent one by one, and what is refused
 *     alone for what it is is given up with a line; what is refused for another reason goes behind the others.
 *  5. A result that carries a VM's description goes alone: ten domain XMLs would be more than a request may hold.
 */
import { type CommandResult, RESULTS_MAX } from "../shared/model/agent-protocol.ts";
import type { CommandOutcome } from "../shared/model/agent-state.ts";
import type { CommandId, VmId } from "../shared/model/ids.ts";
import { backoff } from "./backoff.ts";
import type { CommandLog } from "./command-log.ts";
import type { Noter } from "./note.ts";
import type { Observer } from "./observer.ts";
import type { Sessions } from "./sessions.ts";
import { type AgentTime, pause } from "./time.ts";

export type Ended = {
  readonly commandId: CommandId;
  readonly vmId: VmId;
  readonly epoch: number;
  readonly outcome: CommandOutcome;
};

export interface ResultSender {
  /** The outcome is in the log already. */
  readonly add: (ended: Ended) => void;
  /** Runs until the signal. */
  readonly run: () => Promise<void>;
}

export type ResultSenderDeps = {
  readonly time: AgentTime;
  readonly random: () => number;
  readonly log: CommandLog;
  readonly observer: Observer;
  readonly sessions: Sessions;
  readonly note: Noter;
  readonly signal: AbortSignal;
};

export function resultSender(deps: ResultSenderDeps): ResultSender {
  const { sessions, signal } = deps;
  const pending = new Map<CommandId, Ended>();
  const retry = backoff(deps.random);
  let wake = () => {};
  let oneByOne = 0;

  const accepted = async (batch: readonly Ended[]) => {
    for (const { commandId, outcome } of batch)
      if (pending.get(commandId)?.outcome.seq === outcome.seq) pending.delete(commandId);
    await deps.log.record(batch.map(({ commandId }) => ({ entry: "accepted", commandId })));
  };

  const behindTheOthers = (commandId: CommandId) => {
    const ended = pending.get(commandId);
    if (ended === undefined) return;
    pending.delete(commandId);
    pending.set(commandId, ended);
  };

  const nextBatch = (): readonly Ended[] => {
    const waiting = [...pending.values()].slice(0, oneByOne > 0 ? 1 : RESULTS_MAX);
    const large = waiting.findIndex(({ outcome }) => outcome.description !== undefined);
    if (large < 0) return waiting;
    return waiting.slice(0, Math.max(1, large)); // 5
  };

  const sendOnce = async (): Promise<void> => {
    const { bootId } = await sessions.opened();
    for (const [id, ended] of pending) pending.set(id, ofBoot(ended, bootId, deps.observer)); // 2
    const batch = nextBatch();
    const said = await sessions.controlPlane.results({ bootId, results: batch.map(toResult) });
    switch (said.status) {
      case "answered":
        retry.reset();
        oneByOne = Math.max(0, oneByOne - 1);
        return await accepted(batch); // 1
      case "stale_boot":
        return sessions.refused(bootId);
      case "refused":
        deps.note({ level: "error", message: "result refused", ...said, results: batch.length });
        if (batch.length === 1 && given(said.code)) return await accepted(batch); // 4
        if (said.code === "unauthenticated") sessions.renew();
        oneByOne = batch.length;
        for (const { commandId } of batch) behindTheOthers(commandId); // 4
        return await pause(deps.time, { delayMs: retry.next(), signal });
      case "unavailable":
        return await pause(deps.time, { delayMs: retry.next(said.retryAfterMs), signal });
      default:
        said satisfies never;
    }
  };

  return {
    add: (ended) => {
      pending.set(ended.commandId, ended);
      wake();
    },
    run: async () => {
      signal.addEventListener("abort", () => wake(), { once: true });
      while (!signal.aborted) {
        if (pending.size > 0)
          await sendOnce(); // 3
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

/** Refusals that say something about the result itself, not about who sends it. */
function given(code: string): boolean {
  return code === "invalid_request" || code === "payload_too_large";
}

function ofBoot(ended: Ended, bootId: CommandOutcome["bootId"], observer: Observer): Ended {
  if (ended.outcome.bootId === bootId) return ended;
  const { power: _, ...outcome } = ended.outcome;
  return { ...ended, outcome: { ...outcome, bootId, seq: observer.nextSeq() } };
}

function toResult({ commandId, vmId, epoch, outcome }: Ended): CommandResult {
  const { bootId: _, ...said } = outcome;
  return { commandId, vmId, epoch, ...said };
}
