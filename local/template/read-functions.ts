/** Functions of the template, their asynchronous policies and event-source mappings. */
import * as z from "zod/mini";
import { RECEIVE_MESSAGES_MAX } from "../../shared/memory/queue-receive.ts";
import type { AsynchronousPolicy, FunctionModel, MappingModel } from "./stack-model.ts";
import { TemplateError } from "./template.ts";

export const FunctionProperties = z.strictObject({
  FunctionName: z.string(),
  Handler: z.string(),
  /** An ARN. */
  Role: z.string(),
  Code: z.strictObject({ S3Bucket: z.optional(z.unknown()), S3Key: z.string() }),
  Timeout: z._default(z.number(), 3),
  MemorySize: z._default(z.number(), 128),
  Environment: z.optional(z.strictObject({ Variables: z.record(z.string(), z.string()) })),
  ReservedConcurrentExecutions: z.optional(z.number()),
  /** The workers are this process's Node, which `engines` keeps near. */
  Runtime: z.literal("nodejs24.x"),
  // Machine type, and where logs and traces go: this machine, the data folder, nowhere.
  Architectures: z.optional(z.unknown()),
  LoggingConfig: z.optional(z.unknown()),
  TracingConfig: z.optional(z.unknown()),
  Description: z.optional(z.string()),
  Tags: z.optional(z.unknown()),
  // Nobody here ends a chain of invocations: the deployed functions that may form one say "Allow".
  RecursiveLoop: z.optional(z.enum(["Allow", "Terminate"])),
});

/** What the function's own resource says. */
export function functionModel(
  properties: z.infer<typeof FunctionProperties>,
  { id, assets, arnOf }: FunctionPlace,
): Omit<FunctionModel, "asynchronous" | "permissions"> {
  const { FunctionName: name } = properties;
  const codeFolder = assets.get(properties.Code.S3Key);
  if (codeFolder === undefined) throw new TemplateError(`${id}: its code is no asset`);
  return {
    name,
    arn: arnOf("lambda", `function:${name}`),
    codeFolder,
    handler: properties.Handler,
    timeoutMs: properties.Timeout * 1_000,
    memoryMiB: properties.MemorySize,
    environment: properties.Environment?.Variables ?? {},
    reservedConcurrency: properties.ReservedConcurrentExecutions,
  };
}

type FunctionPlace = {
  readonly id: string;
  /** Folders by object key. */
  readonly assets: ReadonlyMap<string, string>;
  readonly arnOf: (service: string, resource: string) => string;
};

export const InvokeConfigProperties = z.strictObject({
  FunctionName: z.string(),
  Qualifier: z.literal("$LATEST"),
  MaximumRetryAttempts: z.optional(z.number()),
  MaximumEventAgeInSeconds: z.optional(z.number()),
  DestinationConfig: z.optional(
    z.strictObject({
      OnFailure: z.strictObject({
        Destination: z.string().check(z.regex(/^arn:[^:]+:sqs:/, "only queues")),
      }),
    }),
  ),
});

/** Lambda's own: two retries, six hours, nowhere. */
export const DEFAULT_ASYNCHRONOUS: AsynchronousPolicy = {
  retriesMax: 2,
  eventAgeMsMax: 6 * 3_600_000,
  onFailureQueue: undefined,
};

export function asynchronousPolicy(
  properties: z.infer<typeof InvokeConfigProperties>,
): AsynchronousPolicy {
  const { MaximumRetryAttempts: retriesMax, MaximumEventAgeInSeconds: ageSeconds } = properties;
  const destination = properties.DestinationConfig?.OnFailure.Destination;
  return {
    retriesMax: retriesMax ?? DEFAULT_ASYNCHRONOUS.retriesMax,
    eventAgeMsMax:
      ageSeconds === undefined ? DEFAULT_ASYNCHRONOUS.eventAgeMsMax : ageSeconds * 1_000,
    onFailureQueue: destination === undefined ? undefined : lastPart(destination),
  };
}

export const MappingProperties = z.strictObject({
  EventSourceArn: z.string().check(z.regex(/^arn:[^:]+:sqs:/, "only queues")),
  FunctionName: z.string(),
  BatchSize: z._default(z.int().check(z.gte(1), z.lte(10_000)), 10),
  MaximumBatchingWindowInSeconds: z._default(z.int().check(z.gte(0), z.lte(300)), 0),
  Enabled: z.optional(z.literal(true)),
  FunctionResponseTypes: z._default(z.array(z.literal("ReportBatchItemFailures")), []),
  ScalingConfig: z.optional(z.strictObject({ MaximumConcurrency: z.number() })),
});

/** Lambda's own rules: a FIFO queue has no window, and without one a batch is what one receive gives. */
export function mappingModel(properties: z.infer<typeof MappingProperties>): MappingModel {
  const { EventSourceArn: arn, MaximumBatchingWindowInSeconds: window } = properties;
  if (window > 0 && arn.endsWith(".fifo"))
    throw new TemplateError(`${arn}: a FIFO queue has no batching window`);
  if (window === 0 && properties.BatchSize > RECEIVE_MESSAGES_MAX)
    throw new TemplateError(`${arn}: more than ${RECEIVE_MESSAGES_MAX} messages need a window`);
  return {
    functionName: lastPart(properties.FunctionName),
    queueName: lastPart(properties.EventSourceArn),
    batchMessagesMax: properties.BatchSize,
    windowMs: properties.MaximumBatchingWindowInSeconds * 1_000,
    reportsItemFailures: properties.FunctionResponseTypes.length > 0,
    batchesMax: properties.ScalingConfig?.MaximumConcurrency,
  };
}

/** A name, of a name or an ARN. */
export function lastPart(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}
