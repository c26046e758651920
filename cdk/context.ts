/** What a deployment chooses, from the CDK context. A wrong name or value is one line, said before anything is made. */
import { parseSettings, type Settings, settingsFrom } from "../shared/model/settings.ts";

/** The stage that a plain `cdk deploy` and a plain `npm start` make: the bus is then `vmsync`, as the contract names it. */
export const DEFAULT_STAGE = "vmsync";

/**
 * Everything is named `<stage>-…`, so two stages fit into one account. Twenty characters: the shortest limit is Lambda's 64,
 * and SQS's 80 then leave 50 of a host's id legible in the name of its command queue (the rest becomes a hash).
 */
const STAGE = /^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/;
const SETTING_PREFIX = "settings.";

export type DeploymentContext = {
  readonly stage: string;
  readonly settings: Settings;
  /** An SNS topic that every alarm tells; without one alarms only show. */
  readonly alarmTopicArn?: string;
};

type Refused = { readonly ok: false; readonly reason: string };

/** Stage, settings and alarm topic of a CDK context, with the defaults filled in. */
export function readContext(
  context: Readonly<Record<string, unknown>>,
): ({ readonly ok: true } & DeploymentContext) | Refused {
  const stage = readStage(context["stage"]);
  if (!stage.ok) return stage;
  const settings = readSettings(context);
  if (!settings.ok) return settings;
  const alarmTopicArn = context["alarmTopicArn"];
  if (alarmTopicArn === undefined)
    return { ok: true, stage: stage.stage, settings: settings.settings };
  if (typeof alarmTopicArn !== "string" || !alarmTopicArn.startsWith("arn:"))
    return { ok: false, reason: "alarmTopicArn must be the ARN of an SNS topic" };
  return { ok: true, stage: stage.stage, settings: settings.settings, alarmTopicArn };
}

/** A stage name that every resource can carry. */
export function readStage(value: unknown): { readonly ok: true; readonly stage: string } | Refused {
  if (value === undefined) return { ok: true, stage: DEFAULT_STAGE };
  if (typeof value === "string" && STAGE.test(value)) return { ok: true, stage: value };
  return {
    ok: false,
    reason: `stage "${String(value)}" must be 1 to 20 of a-z, 0-9 and -, beginning with a letter and not ending with -`,
  };
}

function readSettings(context: Readonly<Record<string, unknown>>) {
  const pairs = Object.entries(context)
    .filter(([name]) => name.startsWith(SETTING_PREFIX))
    .map(([name, value]) => `${name.slice(SETTING_PREFIX.length)}=${String(value)}`);
  const whole = context["settings"];
  if (whole === undefined) return parseSettings(pairs);
  if (pairs.length > 0)
    return { ok: false, reason: "give settings as one object or name by name, not both" } as const;
  if (typeof whole !== "string") return settingsFrom(whole);
  try {
    return settingsFrom(JSON.parse(whole));
  } catch {
    return { ok: false, reason: "settings is not JSON" } as const;
  }
}
