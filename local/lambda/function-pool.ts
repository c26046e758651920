/**
 * The workers of one function: made on demand, kept warm for a while, never more than may run at a time.
 *
 * P1 An invocation takes a free worker, or waits for the first that becomes free or ready, first come, first served. It is not
 *    bound to the worker that was started for it: on few cores a burst is over before a second worker is up.
 * P2 Another worker beside those that are there is started only when the machine has a core to spare for it, or when those
 *    that are there hold on to their invocations (callers who wait for a job's end): then they are no use to anybody else.
 * P3 A worker that could not be loaded answers one waiting invocation with its error; each of the others has its own try.
 */
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import {
  type FunctionWorker,
  type FunctionWorkerProps,
  type InvocationOutcome,
  startFunctionWorker,
} from "./function-worker.ts";
import type { Turnstile } from "./turnstile.ts";
import type { FunctionError } from "./worker-protocol.ts";

export interface FunctionPool {
  readonly invoke: (event: string) => Promise<Invoked>;
  /** Invocations that can run at a time. */
  readonly concurrencyMax: number;
  /** Waits for what runs, at most so long, and ends the workers. What still waits is answered as failed. */
  readonly stop: (graceMs: number) => Promise<void>;
}
export type Invoked = InvocationOutcome & { readonly requestId: string };

export interface FunctionPoolProps extends FunctionWorkerProps {
  readonly concurrencyMax: number;
  /** Where workers of all functions pass to be started: loading one takes a core for a while. */
  readonly starts: Turnstile;
  /** Resolves when the machine has a core to spare, or `isEnough` says that it has been waited for long enough. */
  readonly spareCore: (wait: { readonly isEnough: () => boolean }) => Promise<void>;
  readonly onInvocation: () => void;
}

/** Of a worker with nothing to do: Lambda keeps them for minutes too. */
const IDLE_MS_MAX = 5 * 60_000;

/** What workers do with a core takes less on a busy machine too, on average; what takes longer is a wait. */
const HOLDING_MS = 500;

const STOPPED = { errorType: "Runtime.Stopped", errorMessage: "The local stack is stopping" };

/** What a waiting invocation gets. */
type Given = { readonly worker: FunctionWorker } | { readonly error: FunctionError };

export function functionPool(props: FunctionPoolProps): FunctionPool {
  const running = new Set<Promise<unknown>>();
  const workers = workersOf(props);

  const run = async (event: string): Promise<Invoked> => {
    const requestId = randomUUID();
    const given = await workers.acquire();
    if ("error" in given) return { ok: false, error: given.error, requestId };
    props.onInvocation();
    const outcome = await given.worker.invoke({ requestId, event });
    workers.release(given.worker);
    return { ...outcome, requestId };
  };

  return {
    concurrencyMax: props.concurrencyMax,
    invoke: (event) => {
      const invocation = run(event);
      running.add(invocation);
      return invocation.finally(() => running.delete(invocation));
    },
    stop: async (graceMs) => {
      workers.close();
      await settledWithin(graceMs, [...running]);
      await workers.end();
    },
  };
}

function workersOf(props: FunctionPoolProps) {
  const idle: { readonly worker: FunctionWorker; readonly timer: NodeJS.Timeout }[] = [];
  const alive = new Set<FunctionWorker>();
  /** Those that serve an invocation, and since when. */
  const serving = new Map<FunctionWorker, number>();
  const waiting: ((given: Given) => void)[] = [];
  /** A start that waits for its turn; and workers that load. */
  let isPlanned = false;
  let loading = 0;
  let isOpen = true;

  const give = (worker: FunctionWorker): Given => {
    serving.set(worker, performance.now());
    return { worker };
  };
  /** Nobody waits any more, or for workers that hold on to what they have. */
  const isEnough = () => waiting.length <= loading || isHolding([...serving.values()]);
  const startIfWanted = () => {
    if (!isOpen || loading >= waiting.length || alive.size >= props.concurrencyMax) return;
    if (isPlanned) return; // what comes after it looks again
    isPlanned = true;
    const begin = alive.size === 0 ? Promise.resolve() : props.spareCore({ isEnough }); // P2
    void begin.then(() => props.starts.pass(start)).finally(startIfWanted);
  };
  const start = async () => {
    isPlanned = false;
    // Whoever waited may have been served meanwhile.
    if (!isOpen || waiting.length <= loading) return;
    const worker = startFunctionWorker(props);
    alive.add(worker);
    loading += 1;
    startIfWanted();
    const loaded = await worker.loaded;
    loading -= 1;
    if (loaded === "ready") return release(worker);
    alive.delete(worker);
    waiting.shift()?.({ error: loaded }); // P3
  };
  const release = (worker: FunctionWorker) => {
    serving.delete(worker);
    if (!worker.isAlive()) {
      alive.delete(worker);
      startIfWanted();
      return;
    }
    const next = waiting.shift();
    if (next !== undefined) return next(give(worker)); // P1
    const timer = setTimeout(() => retire(worker), IDLE_MS_MAX);
    timer.unref();
    idle.push({ worker, timer });
  };
  const retire = (worker: FunctionWorker) => {
    const at = idle.findIndex((one) => one.worker === worker);
    if (at >= 0) idle.splice(at, 1);
    alive.delete(worker);
    void worker.stop();
  };

  return {
    acquire: (): Promise<Given> => {
      if (!isOpen) return Promise.resolve({ error: STOPPED });
      const last = idle.pop(); // the warmest
      if (last !== undefined) {
        clearTimeout(last.timer);
        return Promise.resolve(give(last.worker));
      }
      const given = new Promise<Given>((resolve) => waiting.push(resolve));
      startIfWanted();
      return given;
    },
    release,
    close: () => {
      isOpen = false;
      for (const answer of waiting.splice(0)) answer({ error: STOPPED });
    },
    end: async () => {
      for (const { timer } of idle.splice(0)) clearTimeout(timer);
      await Promise.all([...alive].map((worker) => worker.stop()));
    },
  };
}

function isHolding(servingSince: readonly number[]): boolean {
  const now = performance.now();
  const servedMs = servingSince.reduce((total, since) => total + now - since, 0);
  return servedMs > HOLDING_MS * servingSince.length;
}

async function settledWithin(ms: number, promises: readonly Promise<unknown>[]): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([Promise.allSettled(promises), late]);
  clearTimeout(timer);
}
