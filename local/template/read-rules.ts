/** Rules of the template: patterns and schedules with their targets. What the bus does not do, it refuses by name. */
import * as z from "zod/mini";
import type { ArchiveSpec } from "../../shared/memory/bus-archive.ts";
import type { RuleSpec } from "../../shared/memory/bus-rules.ts";

export const RuleProperties = z.strictObject({
  Name: z.string(),
  EventBusName: z._default(z.string(), "default"),
  EventPattern: z.optional(z.record(z.string(), z.unknown())),
  ScheduleExpression: z.optional(z.string()),
  State: z._default(z.enum(["ENABLED", "DISABLED"]), "ENABLED"),
  Description: z.optional(z.string()),
  Targets: z.array(
    z.strictObject({
      Id: z.string(),
      Arn: z.string(),
      Input: z.optional(z.string()),
      InputPath: z.optional(z.string()),
      InputTransformer: z.optional(z.unknown()),
      DeadLetterConfig: z.optional(z.strictObject({ Arn: z.string() })),
      RetryPolicy: z.optional(
        z.strictObject({
          MaximumRetryAttempts: z.optional(z.number()),
          MaximumEventAgeInSeconds: z.optional(z.number()),
        }),
      ),
    }),
  ),
});

export const BusProperties = z.strictObject({
  Name: z.string(),
  Tags: z.optional(z.unknown()),
});

export const ArchiveProperties = z.strictObject({
  ArchiveName: z.string(),
  /** The bus's ARN. */
  SourceArn: z.string().check(z.regex(/:event-bus\//, "only buses")),
  EventPattern: z.optional(z.record(z.string(), z.unknown())),
  RetentionDays: z.optional(z.number()),
  Description: z.optional(z.string()),
  /** Empty: AWS's own key. */
  KmsKeyIdentifier: z.optional(z.literal("")),
});

export function archiveSpec(
  properties: z.infer<typeof ArchiveProperties>,
  arnOf: (service: string, resource: string) => string,
): ArchiveSpec {
  const { ArchiveName: name, SourceArn, EventPattern: pattern, RetentionDays: days } = properties;
  return {
    name,
    arn: arnOf("events", `archive/${name}`),
    busName: SourceArn.slice(SourceArn.lastIndexOf("/") + 1),
    pattern,
    // 0 is AWS's word for good.
    retentionDays: days === 0 ? undefined : days,
  };
}

export function ruleSpec(
  properties: z.infer<typeof RuleProperties>,
  arnOf: (service: string, resource: string) => string,
): RuleSpec {
  const { Name: name, EventBusName: busName } = properties;
  const place = busName === "default" ? name : `${busName}/${name}`;
  return {
    name,
    busName,
    arn: arnOf("events", `rule/${place}`),
    enabled: properties.State === "ENABLED",
    pattern: properties.EventPattern,
    scheduleExpression: properties.ScheduleExpression,
    targets: properties.Targets.map((target) => ({
      id: target.Id,
      arn: target.Arn,
      input: target.Input,
      inputPath: target.InputPath,
      inputTransformer: target.InputTransformer,
      retriesMax: target.RetryPolicy?.MaximumRetryAttempts,
      eventAgeSecondsMax: target.RetryPolicy?.MaximumEventAgeInSeconds,
      deadLetterArn: target.DeadLetterConfig?.Arn,
    })),
  };
}
