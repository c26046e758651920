/** What the runtime and a worker thread say to each other. Both are this program, so it is typed and not parsed. */
import type { Need } from "./needed-permissions.ts";

/** What a worker is started with. */
export type WorkerStart = {
  /** `file:` URL of the bundle's module. */
  readonly moduleUrl: string;
  readonly exportName: string;
  /** Something next to the `node_modules` that has the SDK: Lambda's runtime brings it, bundles don't. */
  readonly sdkParentUrl: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMiB: number;
};

export type ToWorker = {
  readonly requestId: string;
  /** JSON. */
  readonly event: string;
  /** Epoch milliseconds. */
  readonly deadlineAt: number;
};

/** What was asked of AWS since the last message. */
export type CallReport = {
  /** By `service:Action`. */
  readonly counts: Readonly<Record<string, number>>;
  /** Permissions that a worker needed for the first time. */
  readonly needs: readonly Need[];
};

export type FromWorker =
  | { readonly kind: "ready" }
  /** The module could not be loaded. */
  | { readonly kind: "unloadable"; readonly error: FunctionError }
  /** In the middle of an invocation. */
  | { readonly kind: "asked"; readonly calls: CallReport }
  | {
      readonly kind: "returned";
      readonly requestId: string;
      /** JSON. */
      readonly payload: string;
      readonly calls: CallReport;
    }
  | {
      readonly kind: "threw";
      readonly requestId: string;
      readonly error: FunctionError;
      readonly calls: CallReport;
    };

/** An error as Lambda hands it to who invoked. */
export type FunctionError = {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
};
