/** A synthesised CloudFormation template and its assets, as far as they are read. What is not known is refused by name. */
import * as z from "zod/mini";

export const Resource = z.strictObject({
  Type: z.string(),
  Properties: z._default(z.record(z.string(), z.unknown()), {}),
  Condition: z.optional(z.string()),
  // Order, life cycle and notes: nothing that has an effect on one machine.
  DependsOn: z.optional(z.unknown()),
  DeletionPolicy: z.optional(z.string()),
  UpdateReplacePolicy: z.optional(z.string()),
  Metadata: z.optional(z.unknown()),
});
export type Resource = z.infer<typeof Resource>;

export const Template = z.strictObject({
  Resources: z.record(z.string(), Resource),
  Conditions: z._default(z.record(z.string(), z.unknown()), {}),
  Description: z.optional(z.string()),
  Metadata: z.optional(z.unknown()),
  // What a deployment asks of its account (the bootstrap's version) and tells (the API's address): neither is here.
  Parameters: z.optional(z.unknown()),
  Rules: z.optional(z.unknown()),
  Outputs: z.optional(z.unknown()),
});
export type Template = z.infer<typeof Template>;

/** The manifest of a stack's assets: where the folder of each is, by object key. */
export const AssetManifest = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.object({ path: z.string(), packaging: z.string() }),
      destinations: z.record(z.string(), z.object({ objectKey: z.string() })),
    }),
  ),
});

/** Something in the template that the local stack does not know; names it and where it is. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

/** Parses properties or a template; what does not fit is a `TemplateError` that names place and property. */
export function parseAt<Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
  place: string,
): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = [place, ...(issue?.path ?? []).map(String)].join(".");
  const what =
    issue?.code === "unrecognized_keys"
      ? `${path}: not supported locally: ${issue.keys.join(", ")}`
      : `${path}: ${issue?.message ?? "not valid"}`;
  throw new TemplateError(what);
}
