/** The functions, each an entry `functions/<name>.ts`; and which one serves which family of routes. */
import type { RouteFamily } from "../shared/model/routes.ts";

export const FUNCTION_NAMES = [
  "api-vms",
  "api-jobs",
  "api-hosts",
  "api-incidents",
  "api-events",
  "api-tokens",
  "api-system",
  "ingest",
  "apartment",
  "dead-letters",
  "reconcile-host",
  "redrive-reports",
  "events",
  "sweeper",
  "first-token",
] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

export const FUNCTION_OF_FAMILY = {
  vms: "api-vms",
  jobs: "api-jobs",
  hosts: "api-hosts",
  incidents: "api-incidents",
  events: "api-events",
  tokens: "api-tokens",
  system: "api-system",
  agents: "ingest",
} as const satisfies Readonly<Record<RouteFamily, FunctionName>>;
