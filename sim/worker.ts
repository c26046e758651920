/**
 * A process of the control plane that may die anywhere: one invocation of a function. What it does with the outside goes
 * through a gate, which takes time, and at which faults strike.
 *
 *  1. A dead worker does nothing any more: a call that has not taken effect by then never does, and none of its calls answers.
 *  2. What a call gives is frozen: a decision cannot change what it was given (A9).
 */
import type { Ports } from "../shared/app/ports.ts";
import type { Faults } from "./faults.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

export type Worker = {
  readonly id: number;
  /** The function. */
  readonly name: string;
  /** Its clock's difference from true time. */
  readonly skewMs: number;
  isDead: boolean;
};

/** Infrastructure failed, as the ports say it: by throwing. */
export class InfrastructureFailed extends Error {}

/** A call to a port: `apartments.commit`. */
export type CallName = `${string}.${string}`;

export type GateDeps = {
  readonly time: VirtualTime;
  readonly faults: Faults;
  readonly latency: Random;
  /** Told when a call takes effect; `undefined` when it has. */
  readonly calling: (
    call: { readonly worker: Worker; readonly name: CallName } | undefined,
  ) => void;
};

/** What a call over a network takes. */
const CALL_MS = { least: 1, most: 12 };

/** Ports as one worker has them. Only what crosses a network is gated. */
export function portsOf(deps: GateDeps, ports: Ports, worker: Worker): Ports {
  const gate = gateOf(deps, worker);
  const gated = <P extends object>(port: P, name: string): P =>
    new Proxy(port, {
      get: (target, method, receiver) => {
        const found: unknown = Reflect.get(target, method, receiver);
        if (typeof found !== "function") return found;
        return (...args: unknown[]) =>
          gate(`${name}.${String(method)}`, () => Reflect.apply(found, target, args));
      },
    });
  return {
    apartments: gated(ports.apartments, "apartments"),
    submissions: gated(ports.submissions, "submissions"),
    jobs: gated(ports.jobs, "jobs"),
    hosts: gated(ports.hosts, "hosts"),
    placement: gated(ports.placement, "placement"),
    apartmentQueue: gated(ports.apartmentQueue, "apartmentQueue"),
    redelivery: gated(ports.redelivery, "redelivery"),
    commandQueues: gated(ports.commandQueues, "commandQueues"),
    bus: gated(ports.bus, "bus"),
    incidents: gated(ports.incidents, "incidents"),
    events: gated(ports.events, "events"),
    tokens: gated(ports.tokens, "tokens"),
    clock: {
      now: () => deps.time.now() + worker.skewMs,
      sleep: (ms) =>
        new Promise((resolve) => {
          deps.time.after(ms, () => {
            if (!worker.isDead) resolve();
          });
        }),
    },
    names: ports.names,
    codec: ports.codec,
    telemetry: ports.telemetry,
  };
}

type Gate = (name: CallName, effect: () => Promise<unknown>) => Promise<unknown>;

function gateOf(deps: GateDeps, worker: Worker): Gate {
  const { time, latency, calling } = deps;
  return (name, effect) =>
    new Promise((resolve, reject) => {
      time.after(latency.int(CALL_MS.least, CALL_MS.most), () => {
        if (worker.isDead) return; // 1
        calling({ worker, name });
        const done = effect();
        calling(undefined);
        done.then(resolve, reject);
      });
    });
}
