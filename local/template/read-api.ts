/** The HTTP API of the template: its routes with the functions behind them, and its stage. */
import * as z from "zod/mini";
import { lastPart } from "./read-functions.ts";
import type { ApiModel } from "./stack-model.ts";
import { TemplateError } from "./template.ts";

export const ApiProperties = z.strictObject({
  Name: z.string(),
  ProtocolType: z.literal("HTTP"),
  Description: z.optional(z.string()),
  Tags: z.optional(z.unknown()),
});

export const IntegrationProperties = z.strictObject({
  ApiId: z.string(),
  IntegrationType: z.literal("AWS_PROXY"),
  IntegrationUri: z.string().check(z.regex(/^arn:[^:]+:lambda:/, "only functions")),
  PayloadFormatVersion: z.literal("2.0"),
  TimeoutInMillis: z._default(z.number(), 30_000),
});

export const RouteProperties = z.strictObject({
  ApiId: z.string(),
  RouteKey: z.string(),
  Target: z.string().check(z.regex(/^integrations\//)),
  AuthorizationType: z._default(z.literal("NONE"), "NONE"),
});

export const StageProperties = z.strictObject({
  ApiId: z.string(),
  StageName: z.literal("$default"),
  AutoDeploy: z.literal(true),
  DefaultRouteSettings: z.optional(
    z.strictObject({ ThrottlingBurstLimit: z.number(), ThrottlingRateLimit: z.number() }),
  ),
  // Format and place of the access log: the local one is a file of the data folder.
  AccessLogSettings: z.optional(z.unknown()),
  Tags: z.optional(z.unknown()),
});

export type ApiParts = {
  readonly apiIds: readonly string[];
  readonly integrations: ReadonlyMap<string, z.infer<typeof IntegrationProperties>>;
  readonly routes: readonly z.infer<typeof RouteProperties>[];
  readonly stages: readonly z.infer<typeof StageProperties>[];
};

/** One API with one stage: what one local port can be. */
export function apiModel({ apiIds, integrations, routes, stages }: ApiParts): ApiModel {
  const [id, ...otherApis] = apiIds;
  const [stage, ...otherStages] = stages;
  if (id === undefined || stage === undefined || otherApis.length + otherStages.length > 0)
    throw new TemplateError("not supported locally: other than one HTTP API with one stage");
  const settings = stage.DefaultRouteSettings;
  return {
    id,
    stage: stage.StageName,
    throttle: settings && {
      requestsPerSecond: settings.ThrottlingRateLimit,
      burst: settings.ThrottlingBurstLimit,
    },
    routes: routes.map((route) => {
      const integration = integrations.get(route.Target.slice("integrations/".length));
      if (integration === undefined)
        throw new TemplateError(`route ${route.RouteKey} has no integration`);
      return {
        key: route.RouteKey,
        functionName: lastPart(integration.IntegrationUri),
        timeoutMs: integration.TimeoutInMillis,
      };
    }),
  };
}
