/** What the benchmark and the threads that call engines alone say to each other: typed and not parsed, as it is one program. */
import type { NativeAttributeValue } from "@aws-sdk/util-dynamodb";
import type { CallMix } from "./aws-calls.ts";

export type Item = Readonly<Record<string, NativeAttributeValue>>;

export type EngineStart = {
  readonly dynamoDb: string;
  readonly aws: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly tables: { readonly apartments: string; readonly jobs: string; readonly hosts: string };
  readonly apartmentQueueUrl: string;
  readonly commandQueueUrl: string;
  readonly busName: string;
  /** An apartment's and a job's item as the stack has just written them: what is written here is as large. */
  readonly samples: { readonly apartment: Item; readonly job: Item };
  /** A copy of one of the stack's hosts; every thread has all of them, as placement sees them. */
  readonly hostId: string;
  readonly thread: number;
  readonly shape: JobShape;
};

/** What the puts of a job are. */
export type JobShape = {
  /** A new job in its indexes, then the commits. */
  readonly puts: number;
  /** Which of the commits, from 1 on, leave something due some time (a sparse index). */
  readonly dueCommits: readonly number[];
  /** Commits that change the VM's state or its host's word, and so the index of the host's VMs. */
  readonly stateCommits: readonly number[];
};

export type EngineRun = {
  /** Calls a job, fractions too. */
  readonly mix: CallMix;
  /** Jobs that are under way side by side on this thread. */
  readonly sideBySide: number;
  readonly durationMs: number;
};

export type EngineDone =
  | { readonly ok: true; readonly calls: number }
  | { readonly ok: false; readonly reason: string };
