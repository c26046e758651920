/**
 * The inline session policy of an assumed role: which actions on which resources. Only `Effect`, `Action` and `Resource`
 * are understood; a statement with anything else is refused when the role is assumed, never passed over.
 */
import * as z from "zod/mini";

const OneOrMore = z.union([z.string(), z.array(z.string())]);

export const SessionPolicySchema = z.strictObject({
  Version: z.literal("2012-10-17"),
  Statement: z.array(
    z.strictObject({
      Sid: z.optional(z.string()),
      Effect: z.enum(["Allow", "Deny"]),
      Action: OneOrMore,
      Resource: OneOrMore,
    }),
  ),
});
export type SessionPolicy = z.infer<typeof SessionPolicySchema>;

/** Undefined where the text is no policy that is understood here. */
export function parseSessionPolicy(text: string): SessionPolicy | undefined {
  try {
    return z.parse(SessionPolicySchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

export type Access = { readonly action: string; readonly resource: string };

/** A denial wins; what no statement allows is not allowed. Actions compare without case, as in IAM. */
export function allows(policy: SessionPolicy, { action, resource }: Access): boolean {
  const about = policy.Statement.filter(
    (statement) =>
      [statement.Action].flat().some((p) => fits(p.toLowerCase(), action.toLowerCase())) &&
      [statement.Resource].flat().some((p) => fits(p, resource)),
  );
  return (
    about.some(({ Effect }) => Effect === "Allow") &&
    about.every(({ Effect }) => Effect === "Allow")
  );
}

function fits(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(text);
}
