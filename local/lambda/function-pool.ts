/**
 * The workers of one function: made on demand, kept warm for a while, never more than may run at a time.
 * An invocation beyond that waits for a free worker, first come, first served.
 */
import { randomUUID } from "node:crypto";
import {
  type FunctionWorker,
  type FunctionWorkerProps,
  type InvocationOutcome,
  startFunctionWorker,
} from "./function-worker.ts";

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
  readonly onInvocation: () => void;
}

/** Of a worker with nothing to do: Lambda keeps them for minutes too. */
const IDLE_MS_MAX = 5 * 60_000;

const STOPPED = { errorType: "Runtime.Stopped", errorMessage: "The local stack is stopping" };

export function functionPool(props: FunctionPoolProps): FunctionPool {
  const idle: { readonly worker: FunctionWorker; readonly timer: NodeJS.Timeout }[] = [];
  const workers = new Set<FunctionWorker>();
  const waiting: ((worker: FunctionWorker | undefined) => void)[] = [];
  const running = new Set<Promise<unknown>>();
  let stopping = false;

  const acquire = (): Promise<FunctionWorker | undefined> => {
    if (stopping) return Promise.resolve(undefined);
    const last = idle.pop(); // the warmest
    if (last !== undefined) {
      clearTimeout(last.timer);
      return Promise.resolve(last.worker);
    }
    if (workers.size < props.concurrencyMax) return Promise.resolve(start());
    return new Promise((resolve) => waiting.push(resolve));
  };
  const start = () => {
    const worker = startFunctionWorker(props);
    workers.add(worker);
    return worker;
  };
  const release = (worker: FunctionWorker) => {
    if (!worker.isAlive()) workers.delete(worker);
    const next = waiting.shift();
    if (next !== undefined) return next(worker.isAlive() ? worker : start());
    if (!worker.isAlive()) return;
    const timer = setTimeout(() => retire(worker), IDLE_MS_MAX);
    timer.unref();
    idle.push({ worker, timer });
  };
  const retire = (worker: FunctionWorker) => {
    const at = idle.findIndex((one) => one.worker === worker);
    if (at >= 0) idle.splice(at, 1);
    workers.delete(worker);
    void worker.stop();
  };

  const run = async (event: string): Promise<Invoked> => {
    const requestId = randomUUID();
    const worker = await acquire();
    if (worker === undefined) return { ok: false, error: STOPPED, requestId };
    props.onInvocation();
    const outcome = await worker.invoke({ requestId, event });
    release(worker);
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
      stopping = true;
      for (const resolve of waiting.splice(0)) resolve(undefined);
      await settledWithin(graceMs, [...running]);
      for (const { timer } of idle.splice(0)) clearTimeout(timer);
      await Promise.all([...workers].map((worker) => worker.stop()));
    },
  };
}

async function settledWithin(ms: number, promises: readonly Promise<unknown>[]): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([Promise.allSettled(promises), late]);
  clearTimeout(timer);
}
