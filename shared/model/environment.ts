/**
 * The environment of every function: what the CDK stack gives and the entry points parse, once, at start.
 * `AWS_REGION` and `AWS_ENDPOINT_URL_*` are the SDK's own and not named here.
 */
import * as z from "zod/mini";
import { Settings } from "./settings.ts";

const Name = z.string().check(z.minLength(1));

export const Environment = z.object({
  /** Prefix of everything named: two stages fit into one account. */
  VMSYNC_STAGE: Name,
  VMSYNC_VERSION: Name,
  /** The settings as JSON. */
  VMSYNC_SETTINGS: z.pipe(
    z.string(),
    z.transform((text: string, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.issues.push({ code: "custom", message: "not JSON", input: text });
        return z.NEVER;
      }
    }),
  ),
  VMSYNC_APARTMENTS_TABLE: Name,
  VMSYNC_DOMAINS_TABLE: Name,
  VMSYNC_JOBS_TABLE: Name,
  VMSYNC_IDEMPOTENCY_TABLE: Name,
  VMSYNC_HOSTS_TABLE: Name,
  VMSYNC_INCIDENTS_TABLE: Name,
  VMSYNC_EVENTS_TABLE: Name,
  VMSYNC_INTERESTS_TABLE: Name,
  VMSYNC_TOKENS_TABLE: Name,
  VMSYNC_APARTMENT_QUEUE_URL: Name,
  VMSYNC_BUS_NAME: Name,
  /** Names of hosts' command queues are `<prefix><hostId>-<generation>.fifo`. */
  VMSYNC_COMMAND_QUEUE_PREFIX: Name,
  /** The role that agents' session credentials are cut from. */
  VMSYNC_AGENT_ROLE_ARN: Name,
  /** Given to agents where the queues are not AWS's own. */
  AWS_ENDPOINT_URL_SQS: z.optional(z.string()),
  AWS_REGION: Name,
});
export type Environment = z.infer<typeof Environment>;

/** The environment with its settings parsed; throws with the variable's name (a deployment that cannot work). */
export function parseEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
): Environment & { readonly settings: Settings } {
  const environment = Environment.parse(variables);
  return { ...environment, settings: Settings.parse(environment.VMSYNC_SETTINGS) };
}
