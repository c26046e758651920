/** OpenAPI 3.1 as far as this project speaks it, strictly: a field that the specification does not know is refused. */
import * as z from "zod";

const Pattern = z.string().refine((text) => RegExp(text, "u") !== undefined);
/** JSON Schema 2020-12, the keywords that are used. */
const Schema: z.ZodType = z.lazy(() =>
  z.strictObject({
    $ref: z.string().optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    enum: z.array(z.string()).optional(),
    const: z.union([z.string(), z.number(), z.boolean()]).optional(),
    format: z.string().optional(),
    pattern: Pattern.optional(),
    minLength: z.int().optional(),
    maxLength: z.int().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    minItems: z.int().optional(),
    maxItems: z.int().optional(),
    properties: z.record(z.string(), Schema).optional(),
    propertyNames: Schema.optional(),
    additionalProperties: z.union([z.boolean(), Schema]).optional(),
    required: z.array(z.string()).optional(),
    items: Schema.optional(),
    anyOf: z.array(Schema).min(1).optional(),
    oneOf: z.array(Schema).min(1).optional(),
    allOf: z.array(Schema).min(1).optional(),
  }),
);
const Content = z.record(z.string(), z.strictObject({ schema: Schema }));
const Response = z.union([
  z.strictObject({ $ref: z.string() }),
  z.strictObject({ description: z.string(), content: Content.optional() }),
]);
const Parameter = z.strictObject({
  name: z.string(),
  in: z.enum(["path", "query", "header"]),
  description: z.string().optional(),
  required: z.boolean().optional(),
  schema: Schema,
});
const Operation = z.strictObject({
  operationId: z.string(),
  tags: z.array(z.string()),
  description: z.string().optional(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(
    // The specification: one in the path is always required.
    Parameter.refine(({ in: where, required }) => where !== "path" || required === true),
  ),
  requestBody: z.strictObject({ required: z.boolean(), content: Content }).optional(),
  responses: z.record(z.string().regex(/^([1-5]\d\d|default)$/), Response),
});
export type Operation = z.infer<typeof Operation>;

export const OpenApiDocument = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d+$/),
  info: z.strictObject({
    title: z.string(),
    version: z.string(),
    description: z.string(),
    license: z.strictObject({ name: z.string(), identifier: z.string() }),
  }),
  servers: z.array(z.strictObject({ url: z.string() })),
  paths: z.record(
    z.string().startsWith("/"),
    z.partialRecord(z.enum(["get", "post", "patch", "delete"]), Operation),
  ),
  components: z.strictObject({
    schemas: z.record(z.string().regex(/^[\w.-]+$/), Schema),
    responses: z.record(z.string(), Response),
    securitySchemes: z.record(
      z.string(),
      z.discriminatedUnion("type", [
        z.strictObject({ type: z.literal("http"), scheme: z.string() }),
        z.strictObject({
          ...{ type: z.literal("apiKey"), in: z.literal("header"), name: z.string() },
          description: z.string(),
        }),
      ]),
    ),
  }),
});
