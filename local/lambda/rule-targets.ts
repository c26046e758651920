/**
 * Hands what the bus has to deliver to its functions, asynchronously.
 *
 * A delivery is acknowledged when its function took it or gave it up for good; until then it stays with the bus, so an end of
 * this process at any moment delivers it again.
 */
import type { Delivery } from "../../shared/memory/bus-state.ts";
import type { BusEngine } from "../engine/bus-engine.ts";
import type { EngineClock } from "../engine/clock.ts";

export interface RuleTargets {
  /** Takes nothing more; resolves when what is under way was dealt with or left to the bus. */
  readonly stop: () => Promise<void>;
}

export interface RuleTargetsProps {
  readonly bus: BusEngine;
  readonly clock: EngineClock;
  /** Resolves when the event is dealt with; rejects when it is to be delivered again. */
  readonly invoke: (functionArn: string, event: string) => Promise<void>;
  readonly onFailure: (text: string) => void;
  /** Told when nothing will be delivered any more: the store failed for good. */
  readonly onBroken: (error: Error) => void;
}

/** Kept in memory at a time; the functions' own limits are lower. */
const UNDER_WAY_MAX = 100;
/** Longer than any try of any event: a lease dies with this process anyway. */
const LEASE_MS = 24 * 3_600_000;

export function startRuleTargets(props: RuleTargetsProps): RuleTargets {
  const { bus, clock, invoke, onFailure } = props;
  const underWay = new Set<Promise<void>>();
  let stopping = false;
  let wake = () => {};

  const handle = async ({ id, destination, payload }: Delivery) => {
    try {
      await invoke(destination.arn, payload);
      await bus.acknowledge(id);
    } catch (error) {
      if (stopping) return;
      onFailure(String(error));
      const message = error instanceof Error ? error.message : String(error);
      await bus.fail(id, { code: "SDK_CLIENT_ERROR", message });
    }
  };

  const pump = async () => {
    while (!stopping) {
      const changed = Promise.withResolvers<void>();
      wake = changed.resolve;
      const ignore = bus.watch(wake);
      const room = UNDER_WAY_MAX - underWay.size;
      const deliveries = room > 0 ? await bus.take({ max: room, leaseMs: LEASE_MS }) : [];
      for (const delivery of deliveries) {
        const handling = handle(delivery);
        underWay.add(handling);
        void handling.finally(() => {
          underWay.delete(handling);
          wake();
        });
      }
      if (deliveries.length === 0 && !stopping) {
        const dueAt = bus.nextDueAt();
        const callOff =
          dueAt === undefined || room === 0 ? undefined : clock.callAt(dueAt, changed.resolve);
        await changed.promise;
        callOff?.();
      }
      ignore();
    }
  };

  const pumping = pump().catch((cause: unknown) => {
    props.onBroken(new Error("the bus delivers nothing more", { cause }));
  });
  return {
    stop: async () => {
      stopping = true;
      wake();
      await pumping;
      await Promise.all(underWay);
    },
  };
}
