/**
 * The one schema of the settings (contract, "Settings"): CDK context on AWS, `--set name=value` locally, one JSON
 * environment variable for the functions. Every name carries its unit.
 */
import * as z from "zod/mini";

const seconds = (low: number, high: number) => z.int().check(z.gte(low), z.lte(high));
const whole = (low: number, high: number) => z.int().check(z.gte(low), z.lte(high));

const CommandTimeouts = z.strictObject({
  start: z._default(seconds(1, 86_400), 600),
  stop: z._default(seconds(1, 86_400), 300),
  migrate: z._default(seconds(1, 86_400), 3600),
  others: z._default(seconds(1, 86_400), 300),
});

export const Settings = z.strictObject({
  reportIntervalSeconds: z._default(seconds(1, 3600), 60),
  missingGraceReports: z._default(whole(1, 100), 2),
  massAbsencePercent: z._default(whole(1, 100), 50),
  hostDisconnectedAfterSeconds: z._default(seconds(2, 86_400), 150),
  hostDownAfterSeconds: z._default(seconds(3, 604_800), 600),
  leaseSeconds: z._default(seconds(5, 86_400), 300),
  leaseMarginSeconds: z._default(seconds(1, 3600), 60),
  haEnabled: z._default(z.boolean(), true),
  selfFence: z._default(z.boolean(), false),
  commandTimeoutSeconds: z._default(CommandTimeouts, {
    start: 600,
    stop: 300,
    migrate: 3600,
    others: 300,
  }),
  startAttemptsMax: z._default(whole(1, 50), 10),
  shutdownGraceSeconds: z._default(seconds(1, 3600), 120),
  probeTimeoutSeconds: z._default(seconds(1, 600), 15),
  maintenanceParallel: z._default(whole(1, 50), 4),
  jobExpireHours: z._default(whole(1, 720), 24),
  jobRetentionDays: z._default(whole(1, 3650), 30),
  historyRetentionDays: z._default(whole(1, 3650), 90),
  incidentRetentionDays: z._default(whole(1, 3650), 365),
  apartmentQueueMax: z._default(whole(1, 256), 64),
  resyncMinutes: z._default(whole(1, 1440), 10),
});
export type Settings = z.infer<typeof Settings>;

/**
 * Settings from `name=value` pairs; nested names are dotted (`commandTimeoutSeconds.start=60`).
 * A wrong name or value answers one line that says which and why.
 */
export function parseSettings(
  pairs: readonly string[],
):
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly reason: string } {
  const raw: Record<string, unknown> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) return { ok: false, reason: `setting "${pair}" is not of the form name=value` };
    const [name, child] = pair.slice(0, at).split(".", 2);
    const value = scalar(pair.slice(at + 1));
    if (name === undefined) continue;
    if (child === undefined) raw[name] = value;
    else raw[name] = { ...(isObject(raw[name]) ? raw[name] : {}), [child]: value };
  }
  return settingsFrom(raw);
}

/** Settings from data of any origin, with the defaults filled in. */
export function settingsFrom(
  raw: unknown,
):
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly reason: string } {
  const parsed = Settings.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    if (issue?.code === "unrecognized_keys")
      return { ok: false, reason: `unknown setting "${issue.keys.join('", "')}"` };
    return {
      ok: false,
      reason: `setting "${issue?.path.join(".") ?? ""}": ${issue?.message ?? "not valid"}`,
    };
  }
  const settings = parsed.data;
  if (settings.hostDownAfterSeconds <= settings.hostDisconnectedAfterSeconds)
    return {
      ok: false,
      reason: `setting "hostDownAfterSeconds" (${settings.hostDownAfterSeconds}) must be above "hostDisconnectedAfterSeconds" (${settings.hostDisconnectedAfterSeconds})`,
    };
  return { ok: true, settings };
}

function scalar(text: string): unknown {
  if (text === "true") return true;
  if (text === "false") return false;
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
