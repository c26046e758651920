/** The host's own command queue, as a port; `sqs-command-source.ts` is the real one. */
import type { SessionAnswer } from "../shared/model/agent-protocol.ts";

export type QueueMessage = { readonly body: string; readonly receipt: string };

export type Received =
  | { readonly status: "received"; readonly messages: readonly QueueMessage[] }
  /** The credentials or the queue are not good (any longer): the session has to be renewed. */
  | { readonly status: "no_access"; readonly detail: string }
  | { readonly status: "unavailable"; readonly detail: string };

/** A queue, through the credentials of one session. */
export interface CommandSource {
  /** Waits for messages, up to the long poll's time. */
  readonly receive: (signal: AbortSignal) => Promise<Received>;
  /** What could not be deleted comes again, and is known then. */
  readonly remove: (receipts: readonly string[]) => Promise<void>;
  readonly close: () => void;
}

export type OpenCommandSource = (granted: SessionAnswer) => CommandSource;
