/** What the template's policies allow each role. */
import * as z from "zod/mini";

const OneOrMore = z.union([z.string(), z.array(z.string())]);
export const Permission = z.strictObject({
  Sid: z.optional(z.string()),
  Effect: z.enum(["Allow", "Deny"]),
  Action: OneOrMore,
  Resource: OneOrMore,
});
export type Permission = z.infer<typeof Permission>;

export const PolicyProperties = z.strictObject({
  PolicyName: z.string(),
  PolicyDocument: z.strictObject({
    Version: z.literal("2012-10-17"),
    Statement: z.array(Permission),
  }),
  /** Names. */
  Roles: z.array(z.string()),
});

/** By role name. */
export function permissionsByRole(
  policies: readonly z.infer<typeof PolicyProperties>[],
): ReadonlyMap<string, readonly Permission[]> {
  const byRole = new Map<string, readonly Permission[]>();
  for (const { Roles, PolicyDocument } of policies)
    for (const role of Roles)
      byRole.set(role, [...(byRole.get(role) ?? []), ...PolicyDocument.Statement]);
  return byRole;
}

/** `role/<name>`, whatever the path. */
export function roleNameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}
