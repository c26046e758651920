/**
 * The template as a model of what to make here.
 *
 * T1 Every resource is read, or is of a type named in `WITHOUT_EFFECT` with its reason; any other type stops the start.
 * T2 Every property of what is read is named in its schema; any other property stops the start.
 */
import { join } from "node:path";
import type * as z from "zod/mini";
import { arnsOf, type Site } from "./identity.ts";
import {
  ApiProperties,
  apiModel,
  IntegrationProperties,
  RouteProperties,
  StageProperties,
} from "./read-api.ts";
import {
  asynchronousPolicy,
  DEFAULT_ASYNCHRONOUS,
  FunctionProperties,
  functionModel,
  InvokeConfigProperties,
  MappingProperties,
  mappingModel,
} from "./read-functions.ts";
import { PolicyProperties, permissionsByRole, roleNameOf } from "./read-permissions.ts";
import {
  ArchiveProperties,
  archiveSpec,
  BusProperties,
  RuleProperties,
  ruleSpec,
} from "./read-rules.ts";
import { QueueProperties, queueModel, TableProperties, tableModel } from "./read-storage.ts";
import { resolverOf } from "./resolve.ts";
import type { StackModel } from "./stack-model.ts";
import { AssetManifest, parseAt, Template, TemplateError } from "./template.ts";

/** Types that do nothing here, and why. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  "AWS::IAM::Role": "functions run as this user; a role's ARN is all that is used of it",
  "AWS::Lambda::Permission": "whatever invokes a function here was wired by the template",
  "AWS::SQS::QueuePolicy": "the queues listen on loopback only",
  "AWS::Logs::LogGroup": "logs go to files in the data folder",
  "AWS::CloudWatch::Alarm": "there are no metrics to watch here",
  "AWS::CDK::Metadata": "says which constructs were used",
};

const READ = [
  "AWS::DynamoDB::Table",
  "AWS::SQS::Queue",
  "AWS::Lambda::Function",
  "AWS::Lambda::EventInvokeConfig",
  "AWS::Lambda::EventSourceMapping",
  "AWS::Events::EventBus",
  "AWS::Events::Rule",
  "AWS::Events::Archive",
  "AWS::ApiGatewayV2::Api",
  "AWS::ApiGatewayV2::Integration",
  "AWS::ApiGatewayV2::Route",
  "AWS::ApiGatewayV2::Stage",
  "AWS::IAM::Policy",
] as const;
type ReadType = (typeof READ)[number];
const KNOWN = new Set<string>([...READ, ...Object.keys(WITHOUT_EFFECT)]);

export interface Synthesised {
  readonly template: unknown;
  readonly assetManifest: unknown;
  /** What the asset paths are relative to. */
  readonly folder: string;
}

/** Throws a `TemplateError` that names what is not known. */
export function readTemplate(synthesised: Synthesised, site: Site): StackModel {
  const template = parseAt(Template, synthesised.template, "template");
  const assets = assetFolders(synthesised);
  const resolver = resolverOf(template, site);
  const present = Object.entries(template.Resources).filter(([id]) => resolver.exists(id));
  for (const [id, { Type }] of present)
    if (!KNOWN.has(Type))
      throw new TemplateError(`${id}: not supported locally: resource type ${Type}`); // T1
  const all = <Schema extends z.ZodMiniType>(type: ReadType, schema: Schema) =>
    present
      .filter(([, resource]) => resource.Type === type)
      .map(([id, resource]) => ({
        id,
        properties: parseAt(schema, resolver.resolve(resource.Properties, id), id), // T2
      }));
  all("AWS::Events::EventBus", BusProperties);

  const policies = new Map(
    all("AWS::Lambda::EventInvokeConfig", InvokeConfigProperties).map(({ properties }) => [
      properties.FunctionName,
      asynchronousPolicy(properties),
    ]),
  );
  const permissions = permissionsByRole(
    all("AWS::IAM::Policy", PolicyProperties).map(({ properties }) => properties),
  );
  const arnOf = arnsOf(site);
  return {
    tables: all("AWS::DynamoDB::Table", TableProperties).map(({ properties }) =>
      tableModel(properties),
    ),
    queues: all("AWS::SQS::Queue", QueueProperties).map(({ properties }) => queueModel(properties)),
    functions: all("AWS::Lambda::Function", FunctionProperties).map(({ id, properties }) => ({
      ...functionModel(properties, { id, assets, arnOf }),
      asynchronous: policies.get(properties.FunctionName) ?? DEFAULT_ASYNCHRONOUS,
      permissions: permissions.get(roleNameOf(properties.Role)) ?? [],
    })),
    mappings: all("AWS::Lambda::EventSourceMapping", MappingProperties).map(({ properties }) =>
      mappingModel(properties),
    ),
    rules: all("AWS::Events::Rule", RuleProperties).map(({ properties }) =>
      ruleSpec(properties, arnOf),
    ),
    archives: all("AWS::Events::Archive", ArchiveProperties).map(({ properties }) =>
      archiveSpec(properties, arnOf),
    ),
    api: apiModel({
      apiIds: all("AWS::ApiGatewayV2::Api", ApiProperties).map(({ id }) => id),
      integrations: new Map(
        all("AWS::ApiGatewayV2::Integration", IntegrationProperties).map(({ id, properties }) => [
          id,
          properties,
        ]),
      ),
      routes: all("AWS::ApiGatewayV2::Route", RouteProperties).map(({ properties }) => properties),
      stages: all("AWS::ApiGatewayV2::Stage", StageProperties).map(({ properties }) => properties),
    }),
  };
}

/** Folders of bundles by the object key under which they would be uploaded. */
function assetFolders({ assetManifest, folder }: Synthesised): ReadonlyMap<string, string> {
  const { files } = parseAt(AssetManifest, assetManifest, "asset manifest");
  const folders = new Map<string, string>();
  for (const { source, destinations } of Object.values(files))
    for (const { objectKey } of Object.values(destinations))
      if (source.packaging === "zip") folders.set(objectKey, join(folder, source.path));
  return folders;
}
