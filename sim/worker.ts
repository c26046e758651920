/**
 * A process of the control plane that may die anywhere: one invocation of a function. What it does with the outside goes
 * through a gate, which takes time, and at which faults strike.
 *
 *  1. A dead worker does nothing any more: a call that has not taken effect by then never does, and none of its calls answers.
 *  2. A late worker is one that nobody reckons with any more, and that goes on all the same.
 */
import type { Ports } from "../shared/app/ports.ts";
import type { Faults } from "./faults.ts";
import type { Outages } from "./outages.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

export type Worker = {
  readonly id: number;
  /** The function. */
  readonly name: string;
  /** In true time. */
  readonly startedAt: number;
  /** Its clock's difference from true time. */
  readonly skewMs: number;
  isDead: boolean;
  /** Nobody ends it at its time-out (2). */
  isLate: boolean;
  /** Whoever invoked it wants to know. */
  onDeath: () => void;
  /** What it was given of the apartments' queue, by apartment. */
  batch?: Batch;
};

export type Batch = ReadonlyMap<
  string,
  { readonly messageIds: readonly string[]; readonly logicalIds: ReadonlySet<string> }
>;

/** Infrastructure failed, as the ports say it: by throwing. */
export class InfrastructureFailed extends Error {}

export type GateDeps = {
  readonly time: VirtualTime;
  readonly faults: Faults;
  readonly outages: Outages;
  readonly latency: Random;
  /** Told when a call takes effect; `undefined` when it has. */
  readonly calling: (call: { readonly worker: Worker; readonly name: string } | undefined) => void;
  readonly tell: (text: () => string) => void;
};

/** What a call over a network takes. */
const CALL_MS = { least: 1, most: 12 };
const SLOW_MS = { least: 1_000, most: 20_000 };
/** From well within a batch's visibility to long after it. */
const LATE_MS = { least: 100_000, most: 900_000 };

/** What crosses a network. */
const GATED: ReadonlySet<PropertyKey> = new Set<keyof Ports>([
  ...(["apartments", "submissions", "jobs", "hosts", "placement"] as const),
  ...(["apartmentQueue", "redelivery", "commandQueues", "bus"] as const),
  ...(["incidents", "events", "interests", "tokens"] as const),
]);

/** Ports as one worker has them, each made when it is first asked for: a worker needs few. */
export function portsOf<P extends Ports>(deps: GateDeps, ports: P, worker: Worker): P {
  const gate = gateOf(deps, worker);
  const made = new Map<PropertyKey, unknown>([["clock", clockOf(deps, worker)]]);
  return new Proxy(ports, {
    get: (target, name, receiver) => {
      const known = made.get(name);
      if (known !== undefined) return known;
      const port: unknown = Reflect.get(target, name, receiver);
      if (!GATED.has(name) || typeof port !== "object" || port === null) return port;
      const its = gated(gate, port, String(name));
      made.set(name, its);
      return its;
    },
  });
}

function gated(gate: Gate, port: object, name: string): object {
  return new Proxy(port, {
    get: (target, method, receiver) => {
      const found: unknown = Reflect.get(target, method, receiver);
      if (typeof found !== "function") return found;
      return (...args: unknown[]) =>
        gate({ port: name, method: String(method) }, () => Reflect.apply(found, target, args));
    },
  });
}

function clockOf({ time }: GateDeps, worker: Worker): Ports["clock"] {
  return {
    now: () => time.now() + worker.skewMs,
    sleep: (ms) =>
      new Promise((resolve) => {
        time.after(ms, () => {
          if (!worker.isDead) resolve();
        });
      }),
  };
}

type Gate = (called: Called, effect: Effect) => Promise<unknown>;
type Called = { readonly port: string; readonly method: string };
type Effect = () => Promise<unknown>;

/** What happens to a call. */
type Fate = "passes" | Misfortune;
type Misfortune = "dies_before" | "dies_after" | "throws_before" | "throws_after" | "repeats";

function gateOf(deps: GateDeps, worker: Worker): Gate {
  const { time, calling } = deps;
  return (called, effect) =>
    new Promise((resolve, reject) => {
      const name = `${called.port}.${called.method}`;
      const take = (): Promise<unknown> => {
        calling({ worker, name });
        const done = effect();
        calling(undefined);
        return done;
      };
      const { delayMs, answerDelayMs } = delaysOf(deps, worker, name);
      const answered =
        <T>(tell: (given: T) => void) =>
        (given: T) => {
          if (worker.isDead) return;
          if (answerDelayMs === 0) tell(given);
          else time.after(answerDelayMs, () => tell(given));
        };
      time.after(delayMs, () => {
        if (worker.isDead) return; // 1
        const fate = fateOf(deps, called);
        const answer = fate === "passes" ? take() : meet(deps, worker, { fate, name, take });
        answer.then(answered(resolve), answered(reject));
      });
    });
}

/** Drawn when a call is made: a worker that is late is so from now on. */
function delaysOf(
  { faults, latency, tell }: GateDeps,
  worker: Worker,
  name: string,
): { readonly delayMs: number; readonly answerDelayMs: number } {
  const delayMs = latency.int(CALL_MS.least, CALL_MS.most);
  if (faults.strikes("worker-late")) {
    worker.isLate = true; // 2
    const draw = faults.draw("worker-late");
    const lateMs = draw.int(LATE_MS.least, LATE_MS.most);
    const before = draw.chance(0.5);
    tell(
      () =>
        `${worker.name} #${worker.id} freezes ${before ? "before" : "after"} ${name} for ${lateMs} ms`,
    );
    return before ? { delayMs: lateMs, answerDelayMs: 0 } : { delayMs, answerDelayMs: lateMs };
  }
  if (!faults.strikes("call-slow")) return { delayMs, answerDelayMs: 0 };
  const draw = faults.draw("call-slow");
  return { delayMs: draw.int(SLOW_MS.least, SLOW_MS.most), answerDelayMs: 0 };
}

function fateOf({ faults, outages }: GateDeps, { port }: Called): Fate {
  if (outages.isDown(port)) return "throws_before";
  if (faults.strikes("worker-dies-before")) return "dies_before";
  if (faults.strikes("worker-dies-after")) return "dies_after";
  if (faults.strikes("call-throttled")) return "throws_before";
  if (faults.strikes("call-failed")) return "throws_after";
  return faults.strikes("answer-lost") ? "repeats" : "passes";
}

async function meet(
  { tell }: GateDeps,
  worker: Worker,
  { fate, name, take }: { readonly fate: Misfortune; readonly name: string; readonly take: Effect },
): Promise<unknown> {
  tell(() => `${worker.name} #${worker.id} at ${name}: ${fate}`);
  switch (fate) {
    case "dies_before":
      die(worker);
      return undefined;
    case "dies_after":
      await take();
      die(worker);
      return undefined;
    case "throws_before":
      throw new InfrastructureFailed(`${name} is throttled`);
    case "throws_after":
      await take();
      throw new InfrastructureFailed(`${name} took effect and failed`);
    case "repeats":
      await take();
      return take();
    default:
      return fate satisfies never;
  }
}

function die(worker: Worker): void {
  worker.isDead = true;
  worker.onDeath();
}
