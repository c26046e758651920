/** The lanes of all VMs of this host: begins what may begin, and what waits when its turn comes. */
import type { VmId } from "../shared/model/ids.ts";
import { type ActDeps, act, type Turn } from "./act.ts";
import { type Item, type Lane, lane } from "./lane.ts";

export type LanesDeps = ActDeps & {
  /** Something that must not happen did; the agent stops. */
  readonly broken: (error: unknown) => void;
  /** The agent ends: nothing begins any more, and no wait or timer outlives it. */
  readonly signal: AbortSignal;
};

export interface Lanes {
  readonly enter: (item: Item) => void;
}

export function lanes(deps: LanesDeps): Lanes {
  const { time, endings } = deps;
  const byVm = new Map<VmId, Lane>();
  deps.signal.addEventListener("abort", () => {
    for (const one of byVm.values()) one.end();
  });

  /** Does the work, then lets the next one have its turn. */
  const hold = (item: Item, work: Promise<void>): void => {
    const { vmId } = item.command;
    work.catch(deps.broken).then(() => {
      byVm.get(vmId)?.leave(item);
      pump(vmId);
    }, deps.broken);
  };

  const pump = (vmId: VmId): void => {
    const laneOf = byVm.get(vmId);
    const item = laneOf?.next();
    if (item !== undefined) hold(item, inTurn({ item, earlier: [] }));
    else if (laneOf?.isEmpty() === true) byVm.delete(vmId);
  };

  const inTurn = async (turn: Turn): Promise<void> => {
    const { command } = turn.item;
    const admission = deps.admission(command); // R3
    if (admission.verdict === "run") return await act(deps, turn);
    const detail = admission.verdict === "stale" ? admission.detail : admission.verdict;
    return await endings.answer(command, { status: "stale", detail });
  };

  /** Waits for its turn, unless its time is over first. */
  const wait = (item: Item, laneOf: Lane): void => {
    const { command, over } = item;
    const cancel = time.after(command.timeoutSeconds * 1000, () => {
      if (!laneOf.giveUp(item)) return;
      const detail = `waited ${command.timeoutSeconds} s for its turn`;
      const said = { status: "failed", code: "timeout", detail } as const;
      endings.answer(command, said).catch(deps.broken);
    });
    over.promise.then(cancel, cancel);
    pump(command.vmId);
  };

  return {
    enter: (item) => {
      if (deps.signal.aborted) return; // The log says `received`: the next process ends it.
      const { command } = item;
      const laneOf = byVm.get(command.vmId) ?? lane();
      byVm.set(command.vmId, laneOf);
      const { earlier, dropped, begin } = laneOf.arrive(item);
      for (const other of dropped) {
        const detail = `superseded by ${command.commandId} before it began`;
        endings.answer(other.command, { status: "stale", detail }).catch(deps.broken);
      }
      if (begin === "now") hold(item, act(deps, { item, earlier }));
      else wait(item, laneOf);
    },
  };
}
