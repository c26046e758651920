/** What the template declares, as the local stack makes it. Every name and ARN is resolved. */
import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import type { ArchiveSpec } from "../../shared/memory/bus-archive.ts";
import type { RuleSpec } from "../../shared/memory/bus-rules.ts";
import type { Permission } from "./read-permissions.ts";

export type TableModel = {
  readonly create: CreateTableCommandInput & { readonly TableName: string };
  readonly ttlAttribute: string | undefined;
};

export type QueueModel = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
};

export type FunctionModel = {
  readonly name: string;
  readonly arn: string;
  /** Folder of its bundle. */
  readonly codeFolder: string;
  /** `<module>.<export>`. */
  readonly handler: string;
  readonly timeoutMs: number;
  readonly memoryMiB: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly reservedConcurrency: number | undefined;
  /** What its role's policies say. */
  readonly permissions: readonly Permission[];
  readonly asynchronous: AsynchronousPolicy;
};

/** What Lambda does with an event that a function failed on. */
export type AsynchronousPolicy = {
  readonly retriesMax: number;
  readonly eventAgeMsMax: number;
  /** Name of a queue. */
  readonly onFailureQueue: string | undefined;
};

export type MappingModel = {
  readonly functionName: string;
  readonly queueName: string;
  readonly batchMessagesMax: number;
  /** How long a batch that is not full is kept open. */
  readonly windowMs: number;
  readonly reportsItemFailures: boolean;
  /** Batches at a time; undefined: as many as the function takes. */
  readonly batchesMax: number | undefined;
};

export type RouteModel = {
  /** `GET /v1/vms/{vmId}` or `$default`. */
  readonly key: string;
  readonly functionName: string;
  readonly timeoutMs: number;
};

export type ApiModel = {
  readonly id: string;
  readonly stage: string;
  readonly routes: readonly RouteModel[];
  readonly throttle: { readonly requestsPerSecond: number; readonly burst: number } | undefined;
};

export type StackModel = {
  readonly tables: readonly TableModel[];
  readonly queues: readonly QueueModel[];
  readonly functions: readonly FunctionModel[];
  readonly mappings: readonly MappingModel[];
  readonly rules: readonly RuleSpec[];
  readonly archives: readonly ArchiveSpec[];
  readonly api: ApiModel;
};
