/**
 * How long this host may believe that its VMs are its own (design.md, "Lease and fence").
 *
 *  1. Counted from the sending of the last accepted report, on the machine's monotonic clock: the server cannot have
 *     granted it earlier, so it never ends later here than there.
 *  2. It outlives the process: a new one that cannot reach the control plane goes on with what is left, not with a new
 *     lease. A machine that was restarted has no VMs left to fence, so another kernel boot's record means nothing.
 *  3. Without `selfFence` there is no lease to keep.
 *  4. With it, nothing is started before the first report was accepted (`command-poll.ts`): until then there is no lease.
 */
import type { LeaseRecord } from "../shared/model/agent-state.ts";
import type { AgentTime } from "./time.ts";

export interface Lease {
  readonly renew: (grant: {
    readonly reportSentAtMs: number;
    readonly leaseSeconds: number;
    readonly selfFence: boolean;
  }) => void;
  /** `false`: HA VMs must not run here. */
  readonly isHeld: () => boolean;
  /** Resolves when this process has had a report accepted, or at the signal. */
  readonly begun: (signal: AbortSignal) => Promise<void>;
  /** Until it runs out; 0 when it has, `undefined` where none is kept. */
  readonly remainingMs: () => number | undefined;
  /** Resolves when it has run out, or at the signal. */
  readonly ended: (signal: AbortSignal) => Promise<void>;
}

export function lease(deps: {
  readonly time: AgentTime;
  readonly machineBootId: string;
  readonly stored: LeaseRecord | undefined;
  /** Keeps the record for the next process; a machine that dies needs none, so it need not be synced. */
  readonly store: (record: LeaseRecord) => void;
}): Lease {
  const { time, machineBootId } = deps;
  const first = Promise.withResolvers<void>();
  /** Those who wait for its end: told of each grant, which may bring it nearer. */
  const looks = new Set<() => void>();
  let hasBegun = false;
  let current = deps.stored?.machineBootId === machineBootId ? deps.stored : undefined; // 2

  const remainingMs = (): number | undefined => {
    if (current === undefined || !current.selfFence) return undefined; // 3
    const endsAtMs = current.reportSentAtMs + current.leaseSeconds * 1000; // 1
    return Math.max(0, endsAtMs - time.monotonicNow());
  };

  return {
    remainingMs,
    isHeld: () => remainingMs() !== 0,
    begun: (signal) => {
      if (signal.aborted || hasBegun) return Promise.resolve();
      signal.addEventListener("abort", () => first.resolve(), { once: true });
      return first.promise;
    },
    renew: (grant) => {
      hasBegun = true;
      first.resolve();
      if (current !== undefined && grant.reportSentAtMs < current.reportSentAtMs) return;
      const mattered = current?.selfFence === true;
      current = { ...grant, machineBootId };
      if (mattered || grant.selfFence) deps.store(current);
      for (const look of looks) look();
    },
    ended: (signal) =>
      new Promise((resolve) => {
        let callOff = () => {};
        const look = () => {
          callOff();
          const leftMs = remainingMs();
          if (leftMs !== 0 && !signal.aborted) {
            if (leftMs !== undefined) callOff = time.after(leftMs, look);
            return;
          }
          looks.delete(look);
          signal.removeEventListener("abort", look);
          resolve();
        };
        looks.add(look);
        signal.addEventListener("abort", look);
        look();
      }),
  };
}
