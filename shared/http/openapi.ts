/**
 * The OpenAPI 3.1 document of the API, made of `ROUTES` and their schemas: what is not a route is not in it, and what a route takes
 * and answers is what its schemas say.
 *
 * The one route of all verbs is a path for each of them, with the verb's own body.
 */
import * as z from "zod/mini";
import { Apartment } from "../model/apartment-record.ts";
import { Host } from "../model/host.ts";
import { Incident } from "../model/incident.ts";
import { Job } from "../model/job.ts";
import { PROBLEMS, ProblemDocument } from "../model/problem.ts";
import { ROUTES, type Route, type RouteAuth } from "../model/routes.ts";
import { Event } from "../model/topic.ts";
import { Limit, Orphan, Token, WaitSeconds } from "../model/user-api.ts";
import { VERB_INPUTS } from "../model/verbs.ts";
import { Vm } from "../model/vm.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** Those that clients have a name for; all others stand where they are used. */
const MODELS = { Vm, Job, Apartment, Host, Incident, Event, Orphan, Token } as const;
const JSON_TYPE = "application/json";
const SECURITY: Readonly<Record<RouteAuth, readonly JsonObject[]>> = {
  none: [],
  "join-token": [],
  agent: [{ hostSignature: [] }],
  viewer: [{ apiToken: [] }],
  operator: [{ apiToken: [] }],
  admin: [{ apiToken: [] }],
};
const IDEMPOTENCY_KEY = {
  name: "Idempotency-Key",
  in: "header",
  description: "The same key and request within 24 hours is done once, and answered the same.",
  schema: { type: "string", pattern: "^[!-~]{1,128}$" },
} as const;
/** What a query has as text, and is a number. */
const NUMBERS = new Map<z.core.$ZodType, JsonObject>([
  [Limit, { type: "integer", minimum: 1, maximum: 200 }],
  [WaitSeconds, { type: "integer", minimum: 0, maximum: 20 }],
]);

/** The whole document; costs some milliseconds, so a function makes it once. */
export function openApiDocument({ version }: { readonly version: string }): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const [name, route] of Object.entries<Route>(ROUTES))
    for (const { path, operation } of operationsOf(name, route))
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation };
  return {
    openapi: "3.1.0",
    info: {
      title: "vmsync",
      version,
      description: "A serverless control plane for virtual machines.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { ...modelSchemas(), Problem: problemSchema() },
      responses: {
        Problem: {
          description: "Refused, or failed; nothing is half done.",
          content: { "application/problem+json": { schema: reference("schemas", "Problem") } },
        },
      },
      securitySchemes: {
        apiToken: { type: "http", scheme: "bearer" },
        hostSignature: {
          ...{ type: "apiKey", in: "header", name: "Signature" },
          description: "HTTP Message Signatures (RFC 9421) with the host's own Ed25519 key.",
        },
      },
    },
  };
}

type Described = { readonly path: string; readonly operation: JsonObject };

function operationsOf(name: string, route: Route): readonly Described[] {
  if (!route.path.endsWith("/{verb}"))
    return [{ path: route.path, operation: operation(name, route) }];
  return Object.entries(VERB_INPUTS).map(([verb, body]) => ({
    path: route.path.replace("{verb}", verb),
    // A body without any field may be left out, as an empty one is read as this.
    operation: operation(`vm.${verb}`, { ...route, body: isEmpty(body) ? z.optional(body) : body }),
  }));
}

function operation(name: string, route: Route): JsonObject {
  const takesBody = route.method === "POST" || route.method === "PATCH";
  const isUsers = ["viewer", "operator", "admin"].includes(route.auth);
  return {
    operationId: name,
    tags: [route.family],
    security: SECURITY[route.auth],
    ...(isUsers ? { description: `Needs a token of the role ${route.auth}.` } : {}),
    parameters: [
      ...parametersOf(route, "path"),
      ...parametersOf(route, "query"),
      ...(isUsers && route.method === "POST" ? [IDEMPOTENCY_KEY] : []),
    ],
    ...(takesBody ? { requestBody: requestBody(route.body) } : {}),
    responses: { ...responsesOf(route), default: reference("responses", "Problem") },
  };
}

/** Those that stand in the path; a verb's does not any more. */
function parametersOf(route: Route, where: "path" | "query"): readonly JsonObject[] {
  const { properties = {}, required = [] } = jsonSchema(
    where === "path" ? route.params : route.query,
    "input",
  );
  return Object.entries(properties)
    .filter(([name]) => where === "query" || (route.path.includes(`{${name}}`) && name !== "verb"))
    .map(([name, schema]) => ({ name, in: where, required: required.includes(name), schema }));
}

function requestBody(body: z.ZodMiniType): JsonObject {
  const content = { [JSON_TYPE]: { schema: jsonSchema(body, "input") } };
  return { required: !z.safeParse(body, undefined).success, content };
}

function responsesOf({ answers }: Route): JsonObject {
  return Object.fromEntries(
    Object.entries(answers).map(([status, body]) => [
      status,
      body === null
        ? { description: "Done." }
        : {
            description: "Done.",
            content: { [JSON_TYPE]: { schema: jsonSchema(body, "output") } },
          },
    ]),
  );
}

function modelSchemas(): JsonObject {
  return Object.fromEntries(
    Object.entries(MODELS).map(([name, model]) => [name, jsonSchema(model, "output", model)]),
  );
}

function problemSchema(): JsonObject {
  const { properties, ...schema } = jsonSchema(ProblemDocument, "output");
  const code = { type: "string", enum: Object.keys(PROBLEMS) };
  return { ...schema, properties: { ...properties, code } };
}

type Schema = JsonObject & {
  readonly properties?: JsonObject;
  readonly required?: readonly string[];
};

/**
 * Without the dialect, which is OpenAPI 3.1's own. A model is a reference, unless it is the one asked for. Answers may grow
 * fields (contract: changed only by adding), so they are not closed; requests are.
 */
function jsonSchema(
  schema: z.core.$ZodType,
  io: "input" | "output",
  model?: z.core.$ZodType,
): Schema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, {
    io,
    override: ({ zodSchema, jsonSchema: written }) => {
      const name = zodSchema === model ? undefined : modelName(zodSchema);
      const instead = name === undefined ? NUMBERS.get(zodSchema) : reference("schemas", name);
      if (io === "output" && written.additionalProperties === false)
        Reflect.deleteProperty(written, "additionalProperties");
      if (instead === undefined) return;
      for (const key of Object.keys(written)) Reflect.deleteProperty(written, key);
      Object.assign(written, instead);
    },
  });
  return made;
}

function modelName(schema: z.core.$ZodType): string | undefined {
  return Object.entries(MODELS).find(([, model]) => model === schema)?.[0];
}

function isEmpty(schema: z.ZodMiniType): boolean {
  return z.safeParse(schema, {}).success;
}

function reference(kind: "schemas" | "responses", name: string): JsonObject {
  return { $ref: `#/components/${kind}/${name}` };
}
