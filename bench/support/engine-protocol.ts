/** What the benchmark and the threads that call engines alone say to each other: typed and not parsed, as it is one program. */
import type { NativeAttributeValue } from "@aws-sdk/util-dynamodb";
import type { CallMix } from "./aws-calls.ts";

export type Item = Readonly<Record<string, NativeAttributeValue>>;

/** As the stack has just written them: what is written here is as large. */
export type Samples = {
  readonly job: Item;
  /** An apartment after each commit of a job. */
  readonly commits: readonly Item[];
  /** The events and pages of one append to the log of events. */
  readonly append: readonly Item[];
};

/** What `GetItem` reads. */
export type Read = "apartment" | "job" | "host" | "token";

export type EngineStart = {
  readonly dynamoDb: string;
  readonly aws: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly tables: Readonly<Record<"apartments" | "jobs" | "hosts" | "events" | "tokens", string>>;
  readonly apartmentQueueUrl: string;
  readonly commandQueueUrl: string;
  readonly busName: string;
  readonly samples: Samples;
  /** A copy of one of the stack's hosts; every thread has all of them, as placement sees them. */
  readonly hostId: string;
  readonly tokenId: string;
  readonly thread: number;
};

export type EngineRun = {
  /** Calls a job, fractions too. */
  readonly mix: CallMix;
  /** What is read by turns. */
  readonly reads: readonly Read[];
  /** Jobs that are under way side by side on this thread. */
  readonly sideBySide: number;
  readonly durationMs: number;
};

export type EngineDone =
  | { readonly ok: true; readonly calls: number }
  | { readonly ok: false; readonly reason: string };
