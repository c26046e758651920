/**
 * The commands of one VM at this host: what runs, what waits, and who makes way for whom. Pure bookkeeping; the runner
 * does the work.
 *
 *  1. Commands run one at a time in the order in which they came, but for these two.
 *  2. A power-off begins at once: it ends what runs and drops what waits, whatever its epoch, since it came later.
 *  3. A probe begins at once. It answers `busy` while a command that came before it runs or waits.
 *  4. A higher epoch supersedes: what runs is told to stop where that is possible, what waits never begins.
 *  5. A command is over when nothing of it runs any more, not when its result was told: one that timed out is still in the way.
 */
import type { Command, CommandCall } from "../shared/model/command.ts";

export type Item = {
  readonly command: Command;
  readonly call: CommandCall;
  readonly receivedAtMs: number;
  /** Aborted when it should stop. */
  readonly stop: AbortController;
  /** Resolves when nothing of it runs any more (5). */
  readonly over: PromiseWithResolvers<void>;
};

/** Why a command is to stop, when it is not for another one. */
export const AGENT_ENDS = "the agent ends";

export interface Lane {
  /** Notes the command; answers what to do now. */
  readonly arrive: (item: Item) => {
    /** Commands that came before and are not over, except those dropped. */
    readonly earlier: readonly Item[];
    /** Waited, will never begin, and are over. */
    readonly dropped: readonly Item[];
    readonly begin: "now" | "in_turn";
  };
  /** The next to run in turn, if its turn has come; from then on it runs. */
  readonly next: () => Item | undefined;
  /** It waited too long: it will never begin, and is over. `false`: it does not wait (any more). */
  readonly giveUp: (item: Item) => boolean;
  /** Nothing of it runs any more. */
  readonly leave: (item: Item) => void;
  readonly isEmpty: () => boolean;
  /** The agent ends: what runs is told to stop where that is possible, what waits never begins. */
  readonly end: () => void;
}

export function lane(): Lane {
  const running = new Set<Item>();
  let waiting: Item[] = [];

  return {
    arrive: (item) => {
      const { verb } = item.call;
      const makesWay = (other: Item) =>
        verb === "poweroff" || other.command.epoch < item.command.epoch; // 2, 4
      const dropped = waiting.filter(makesWay);
      waiting = waiting.filter((other) => !makesWay(other));
      for (const other of dropped) other.over.resolve();
      for (const other of running) if (makesWay(other)) other.stop.abort();
      const earlier = [...running, ...waiting];
      if (verb === "probe") return { earlier, dropped, begin: "now" }; // 3
      if (verb === "poweroff") {
        running.add(item);
        return { earlier, dropped, begin: "now" };
      }
      waiting.push(item);
      return { earlier, dropped, begin: "in_turn" };
    },
    next: () => {
      if (running.size > 0) return undefined; // 1
      const item = waiting.shift();
      if (item !== undefined) running.add(item);
      return item;
    },
    giveUp: (item) => {
      if (!waiting.includes(item)) return false;
      waiting = waiting.filter((other) => other !== item);
      item.over.resolve();
      return true;
    },
    leave: (item) => {
      running.delete(item);
      item.over.resolve();
    },
    isEmpty: () => running.size === 0 && waiting.length === 0,
    end: () => {
      for (const item of waiting.splice(0)) item.over.resolve();
      for (const item of running) item.stop.abort(AGENT_ENDS);
    },
  };
}
