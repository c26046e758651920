/**
 * The functions of the control plane as the template has them (`cdk/`): what invokes them, for how long they may run, how
 * often they are tried. `test/sim/functions.test.ts` holds these numbers to the template.
 */
export const FUNCTIONS = {
  apartment: { timeoutMs: 30_000 },
  "dead-letters": { timeoutMs: 30_000 },
  "reconcile-host": { timeoutMs: 60_000, retriesMax: 2, eventAgeMsMax: 3_600_000 },
  "redrive-reports": { timeoutMs: 60_000 },
  sweeper: { timeoutMs: 75_000, retriesMax: 0, eventAgeMsMax: 60_000 },
  events: { timeoutMs: 20_000 },
  ingest: { timeoutMs: 29_000 },
  "api-vms": { timeoutMs: 29_000 },
  "api-jobs": { timeoutMs: 29_000 },
  "api-hosts": { timeoutMs: 29_000 },
  "api-incidents": { timeoutMs: 29_000 },
  "api-events": { timeoutMs: 29_000 },
} as const satisfies Readonly<Record<string, FunctionNumbers>>;
export type FunctionName = keyof typeof FUNCTIONS;

type FunctionNumbers = {
  readonly timeoutMs: number;
  /** Of an asynchronous invocation. */
  readonly retriesMax?: number;
  readonly eventAgeMsMax?: number;
};

/** The apartments' queue and its dead-letter queue, and how functions are given batches of them. */
export const APARTMENT_SOURCE = {
  visibilitySeconds: 180,
  batchMessagesMax: 10,
  batchesMax: 50,
  receivesMax: 1_000,
  deadLetterVisibilitySeconds: 180,
  deadLetterBatchesMax: 2,
} as const;

/** The queue of what is told on the bus, and how it is worked off. */
export const EVENT_SOURCE = {
  visibilitySeconds: 121,
  batchMessagesMax: 24,
  windowMs: 1_000,
  batchesMax: 4,
} as const;

/** The queue of reports that were given up, and how it is worked off. */
export const FAILED_REPORT_SOURCE = {
  visibilitySeconds: 360,
  batchMessagesMax: 1,
  windowMs: 0,
  batchesMax: 2,
} as const;

/** Lambda's waits before it tries an asynchronous invocation again. */
export const RETRY_WAITS_MS: readonly number[] = [60_000, 120_000];

/** For so long a run of the sweeper looks (`functions/sweeper.ts`). */
export const SWEEP_MS = 56_000;

export const DEAD_LETTER_QUEUE = "apartments-dead.fifo";
export const EVENT_QUEUE = "events";
export const FAILED_REPORT_QUEUE = "reports-failed";
