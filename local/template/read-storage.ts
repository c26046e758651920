/** Tables and queues of the template. */
import * as z from "zod/mini";
import type { QueueModel, TableModel } from "./stack-model.ts";

const KeySchema = z.array(
  z.strictObject({ AttributeName: z.string(), KeyType: z.enum(["HASH", "RANGE"]) }),
);
const Projection = z.strictObject({
  ProjectionType: z.enum(["ALL", "KEYS_ONLY", "INCLUDE"]),
  NonKeyAttributes: z.optional(z.array(z.string())),
});

export const TableProperties = z.strictObject({
  TableName: z.string(),
  AttributeDefinitions: z.array(
    z.strictObject({ AttributeName: z.string(), AttributeType: z.enum(["S", "N", "B"]) }),
  ),
  KeySchema,
  BillingMode: z.literal("PAY_PER_REQUEST"),
  GlobalSecondaryIndexes: z.optional(
    z.array(z.strictObject({ IndexName: z.string(), KeySchema, Projection })),
  ),
  TimeToLiveSpecification: z.optional(
    z.strictObject({ AttributeName: z.string(), Enabled: z.boolean() }),
  ),
  // Of AWS's operation, not of the table's behaviour.
  PointInTimeRecoverySpecification: z.optional(z.unknown()),
  DeletionProtectionEnabled: z.optional(z.boolean()),
  Tags: z.optional(z.unknown()),
});

export function tableModel(properties: z.infer<typeof TableProperties>): TableModel {
  const { TableName, AttributeDefinitions, KeySchema: keys, BillingMode } = properties;
  const ttl = properties.TimeToLiveSpecification;
  const indexes = properties.GlobalSecondaryIndexes;
  return {
    create: {
      TableName,
      AttributeDefinitions,
      KeySchema: keys,
      BillingMode,
      GlobalSecondaryIndexes: indexes?.map(({ Projection: projection, ...index }) => ({
        ...index,
        Projection: {
          ProjectionType: projection.ProjectionType,
          ...(projection.NonKeyAttributes && { NonKeyAttributes: projection.NonKeyAttributes }),
        },
      })),
    },
    ttlAttribute: ttl?.Enabled ? ttl.AttributeName : undefined,
  };
}

const Scalar = z.optional(z.union([z.string(), z.number(), z.boolean()]));

/** Named as the attributes of `CreateQueue` are. */
export const QueueProperties = z.strictObject({
  QueueName: z.string(),
  FifoQueue: Scalar,
  ContentBasedDeduplication: Scalar,
  DeduplicationScope: Scalar,
  FifoThroughputLimit: Scalar,
  VisibilityTimeout: Scalar,
  MessageRetentionPeriod: Scalar,
  DelaySeconds: Scalar,
  ReceiveMessageWaitTimeSeconds: Scalar,
  MaximumMessageSize: Scalar,
  SqsManagedSseEnabled: Scalar,
  RedrivePolicy: z.optional(z.record(z.string(), z.unknown())),
  RedriveAllowPolicy: z.optional(z.record(z.string(), z.unknown())),
  Tags: z.optional(z.unknown()),
});

export function queueModel({
  QueueName: name,
  Tags: _tags,
  ...rest
}: z.infer<typeof QueueProperties>): QueueModel {
  const attributes: Record<string, string> = {};
  for (const [key, value] of Object.entries(rest))
    if (value !== undefined)
      attributes[key] = typeof value === "object" ? JSON.stringify(value) : String(value);
  return { name, attributes };
}
