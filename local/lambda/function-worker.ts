/**
 * One worker of a function: an execution environment of Lambda as a thread.
 *
 * L1 One invocation at a time.
 * L2 An invocation that runs out of its time ends with its worker: nothing of it goes on.
 * L3 A worker that ended, for whatever reason, is not used again; its invocation is answered all the same.
 */

import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { FunctionModel } from "../template/stack-model.ts";
import { exited, thrownError, timedOut } from "./function-error.ts";
import type {
  CallReport,
  FromWorker,
  FunctionError,
  ToWorker,
  WorkerStart,
} from "./worker-protocol.ts";

export type InvocationOutcome =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly error: FunctionError };
export type Invocation = { readonly requestId: string; readonly event: string };

export interface FunctionWorker {
  /** `ready` for its first invocation, or why it never will be (it has then ended). */
  readonly loaded: Promise<"ready" | FunctionError>;
  /** To be called when it is ready. */
  readonly invoke: (invocation: Invocation) => Promise<InvocationOutcome>;
  /** False once it ended. */
  readonly isAlive: () => boolean;
  readonly stop: () => Promise<void>;
}

export interface FunctionWorkerProps {
  readonly model: FunctionModel;
  readonly environment: Readonly<Record<string, string>>;
  /** Node's own options for the thread, such as those for a profile. */
  readonly execArgv?: readonly string[] | undefined;
  readonly onOutput: (output: Readable) => void;
  readonly onCalls: (calls: CallReport) => void;
}

/** Lambda's limit on loading a module before its first invocation. */
const INIT_MS_MAX = 10_000;
const INIT_TIMED_OUT: FunctionError = {
  errorType: "Sandbox.Timedout",
  errorMessage: `Init timed out after ${(INIT_MS_MAX / 1_000).toFixed(2)} seconds`,
};
/** Ended by itself, with nothing said. */
const EXITED: FunctionError = {
  errorType: "Runtime.ExitError",
  errorMessage: "Runtime exited without providing a reason",
};

export function startFunctionWorker(props: FunctionWorkerProps): FunctionWorker {
  const { model } = props;
  const worker = startThread(props);
  let alive = true;
  const { promise: loading, resolve: markLoaded } = Promise.withResolvers<
    "ready" | FunctionError
  >();
  let answer: ((outcome: InvocationOutcome) => void) | undefined;
  let lastWords: FunctionError | undefined;
  const end = async () => {
    alive = false;
    await worker.terminate();
  };

  worker.on("message", (message: FromWorker) => {
    if (message.kind === "ready") return markLoaded("ready");
    if (message.kind === "unloadable") return markLoaded(message.error);
    props.onCalls(message.calls);
    if (message.kind === "asked") return;
    if (message.kind === "returned") answer?.({ ok: true, payload: message.payload });
    else answer?.({ ok: false, error: message.error });
  });
  worker.on("error", (thrown) => {
    lastWords = thrownError(thrown);
  });
  worker.on("exit", () => {
    alive = false; // L3
    const error = lastWords ?? EXITED;
    markLoaded(error);
    answer?.({ ok: false, error });
  });

  const load = async (): Promise<"ready" | FunctionError> => {
    const loaded = await within(INIT_MS_MAX, loading, () => INIT_TIMED_OUT);
    if (loaded !== "ready") await end();
    return loaded;
  };
  const invoke = async ({ requestId, event }: Invocation): Promise<InvocationOutcome> => {
    const { promise, resolve } = Promise.withResolvers<InvocationOutcome>();
    answer = resolve; // L1
    const deadlineAt = Date.now() + model.timeoutMs;
    worker.postMessage({ requestId, event, deadlineAt } satisfies ToWorker);
    const late = (): InvocationOutcome => {
      void end(); // L2
      return { ok: false, error: timedOut(requestId, model.timeoutMs) };
    };
    const outcome = await within(model.timeoutMs, promise, late);
    answer = undefined;
    if (outcome.ok || outcome.error !== EXITED) return outcome;
    return { ok: false, error: exited(requestId) };
  };
  return { loaded: load(), invoke, isAlive: () => alive, stop: end };
}

function startThread({ model, environment, execArgv = [], onOutput }: FunctionWorkerProps): Worker {
  const [moduleName = "", exportName = ""] = model.handler.split(".");
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData: {
      moduleUrl: pathToFileURL(`${model.codeFolder}/${moduleName}.mjs`).href,
      exportName,
      sdkParentUrl: import.meta.url,
      functionName: model.name,
      functionArn: model.arn,
      memoryMiB: model.memoryMiB,
    } satisfies WorkerStart,
    env: { ...environment },
    resourceLimits: { maxOldGenerationSizeMb: model.memoryMiB },
    execArgv: [...execArgv],
    stdout: true,
    stderr: true,
    name: model.name,
  });
  onOutput(worker.stdout);
  onOutput(worker.stderr);
  return worker;
}

/** The promise's value, or the other one if it takes longer. */
async function within<T, U>(ms: number, promise: Promise<T>, otherwise: () => U): Promise<T | U> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), ms);
  const first = await Promise.race([promise.then((value) => ({ value })), late]);
  clearTimeout(timer);
  return first === "late" ? otherwise() : first.value;
}
