/**
 * Whether the template lets a function do what it did. Not enforced here, since DynamoDB is called past this process; but what AWS
 * would deny is logged, counted, and fails the end-to-end tests.
 */
import type { Need } from "./lambda/needed-permissions.ts";
import { arnsOf, type Site } from "./template/identity.ts";
import type { FunctionModel } from "./template/stack-model.ts";
import { allows } from "./wire/session-policy.ts";

export function isAllowed(
  site: Pick<Site, "region" | "accountId">,
  model: Pick<FunctionModel, "permissions">,
  { action, resource }: Need,
): boolean {
  const [service = ""] = action.split(":");
  const arn = resource.startsWith("arn:") ? resource : arnsOf(site)(service, resource);
  const policy = { Version: "2012-10-17" as const, Statement: [...model.permissions] };
  return allows(policy, { action, resource: arn });
}
