/** An AWS call that gave no answer: neither a result nor one of the refusals that an adapter knows how to read. */
export class ServiceFailure extends Error {
  override readonly name = "ServiceFailure";
  /** Throttled, failed on their side, or not reached: the same call may succeed later. Otherwise a bug or missing rights. */
  readonly transient: boolean;

  /** `transient` is read off the cause unless the caller knows (batch APIs say it for each entry). */
  constructor(doing: string, cause: unknown, { transient = isTransient(cause) } = {}) {
    super(doing, { cause });
    this.transient = transient;
  }
}

/** Awaits a call; an exception comes out as `ServiceFailure` that says what was being done, and to which id. */
export async function calling<T>(doing: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof ServiceFailure ? error : new ServiceFailure(doing, error);
  }
}

/** Throttling that comes with a client fault (status 400); 429 and 5xx are told by their status. */
const THROTTLING: ReadonlySet<string> = new Set([
  "LimitExceededException",
  "OverLimit",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "Throttling",
  "ThrottlingException",
  "TransactionConflictException",
  "TransactionInProgressException",
]);

function isTransient(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const { name } = cause;
  if (THROTTLING.has(name) || name === "TimeoutError" || name === "AbortError") return true;
  if ("$fault" in cause && cause.$fault === "server") return true;
  if ("$metadata" in cause && statusOf(cause.$metadata) === 429) return true;
  // Node's network errors: ECONNREFUSED, ECONNRESET, ENOTFOUND, EPIPE, …
  return "code" in cause && typeof cause.code === "string" && /^E[A-Z_]+$/.test(cause.code);
}

function statusOf(metadata: unknown): unknown {
  const isObject = typeof metadata === "object" && metadata !== null;
  return isObject && "httpStatusCode" in metadata ? metadata.httpStatusCode : undefined;
}
