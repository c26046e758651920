/**
 * Runs in a worker thread: loads one function's bundle and serves its invocations, one at a time.
 *
 * The thread's `process.env` is what the template gives the function and nothing of this machine's. Code of the bundle
 * finds the SDK as it would in Lambda's runtime. Lambda also freezes a function between invocations; a thread cannot
 * be frozen, so a function that works on after its answer is not noticed here.
 */
import { registerHooks } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { thrownError, tooLarge } from "./function-error.ts";
import { watchCalls } from "./watch-calls.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./worker-protocol.ts";

/** Lambda's limit on the answer of a synchronous invocation. */
const RESPONSE_BYTES_MAX = 6 * 1_048_576;

type Handler = (event: unknown, context: object) => unknown;

const start: WorkerStart = workerData;

registerHooks({
  resolve: (specifier, context, next) =>
    /^@(aws-sdk|smithy)\//.test(specifier)
      ? next(specifier, { ...context, parentURL: start.sdkParentUrl })
      : next(specifier, context),
});
const asked = watchCalls(() => say({ kind: "asked", calls: asked.take() }));

const handler = await load();
if (handler !== undefined) {
  parentPort?.on("message", (message: ToWorker) => {
    void invoke(handler, message).then(say);
  });
  say({ kind: "ready" });
}

async function load(): Promise<Handler | undefined> {
  try {
    const module: unknown = await import(start.moduleUrl);
    const found = Object(module)[start.exportName];
    if (typeof found === "function") return found;
    throw new Error(`${start.functionName} has no export ${start.exportName}`);
  } catch (thrown) {
    say({ kind: "unloadable", error: thrownError(thrown) });
    return undefined;
  }
}

async function invoke(
  run: Handler,
  { requestId, event, deadlineAt }: ToWorker,
): Promise<FromWorker> {
  try {
    const result = await run(JSON.parse(event), contextOf(requestId, deadlineAt));
    const payload = JSON.stringify(result) ?? "null";
    const bytes = Buffer.byteLength(payload);
    if (bytes <= RESPONSE_BYTES_MAX)
      return { kind: "returned", requestId, payload, calls: asked.take() };
    const error = tooLarge(bytes, RESPONSE_BYTES_MAX);
    return { kind: "threw", requestId, error, calls: asked.take() };
  } catch (thrown) {
    return { kind: "threw", requestId, error: thrownError(thrown), calls: asked.take() };
  }
}

function contextOf(requestId: string, deadlineAt: number): object {
  return {
    awsRequestId: requestId,
    functionName: start.functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: start.functionArn,
    memoryLimitInMB: String(start.memoryMiB),
    logGroupName: `/aws/lambda/${start.functionName}`,
    logStreamName: "local",
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineAt - Date.now()),
  };
}

function say(message: FromWorker): void {
  parentPort?.postMessage(message);
}
