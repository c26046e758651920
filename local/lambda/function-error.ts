/** Errors of invocations, shaped as Lambda shapes them. */
import type { FunctionError } from "./worker-protocol.ts";

/** What a handler threw; anything may be thrown. */
export function thrownError(thrown: unknown): FunctionError {
  if (!(thrown instanceof Error)) return { errorType: typeof thrown, errorMessage: String(thrown) };
  return {
    errorType: thrown.name,
    errorMessage: thrown.message,
    trace: (thrown.stack ?? "").split("\n"),
  };
}

export function timedOut(requestId: string, timeoutMs: number): FunctionError {
  const seconds = (timeoutMs / 1_000).toFixed(2);
  return {
    errorType: "Sandbox.Timedout",
    errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`,
  };
}

/** The worker ended by itself in the middle of an invocation. */
export function exited(requestId: string): FunctionError {
  return {
    errorType: "Runtime.ExitError",
    errorMessage: `RequestId: ${requestId} Error: Runtime exited without providing a reason`,
  };
}

export function tooLarge(bytes: number, bytesMax: number): FunctionError {
  return {
    errorType: "Function.ResponseSizeTooLarge",
    errorMessage: `Response payload size (${bytes} bytes) exceeded maximum allowed payload size (${bytesMax} bytes).`,
  };
}
