/** The command line of `npm start`, parsed. A wrong option or value is one line. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { readStage } from "../cdk/context.ts";
import { parseSettings, type Settings } from "../shared/model/settings.ts";

export type LocalOptions = {
  readonly port: number;
  readonly data:
    | { readonly kind: "folder"; readonly path: string }
    | { readonly kind: "ephemeral" };
  /** Simulated hosts to start, and VMs to make for each. */
  readonly hosts: number;
  readonly vmsPerHost: number;
  readonly stage: string;
  readonly settings: Settings;
  readonly json: boolean;
  readonly verbose: boolean;
};

export type ParsedOptions =
  | { readonly kind: "run"; readonly options: LocalOptions }
  | { readonly kind: "help" }
  | { readonly kind: "refused"; readonly reason: string };

const DEFAULT_PORT = 8787;
const PORT_MAX = 65_535;
/** A simulated host is an agent in this process: a few hundred are what one core keeps up with. */
const HOSTS_MAX = 500;
/** The most that a host may report. */
const VMS_PER_HOST_MAX = 2_000;

export const HELP = `vmsync on this machine: the deployed stack's template, run locally.

  npm start -- [options]

  --port N             port of the API on 127.0.0.1 (default ${DEFAULT_PORT}; 0 picks one)
  --data DIR           where everything is kept (default .vmsync)
  --ephemeral          keep nothing
  --hosts N            also start N simulated hosts
  --vms-per-host M     and make M VMs for each, if they are not there yet (default 0)
  --set NAME=VALUE     a setting, e.g. --set reportIntervalSeconds=30 (may be repeated)
  --stage NAME         prefix of everything named (default vmsync)
  --json               say what happens as JSON lines
  --verbose            show what the functions log
  --help               this text

VMSYNC_DYNAMODB_ENDPOINT=URL uses that DynamoDB engine instead of dynoxide.
`;

const OPTIONS = {
  port: { type: "string" },
  data: { type: "string" },
  ephemeral: { type: "boolean" },
  hosts: { type: "string" },
  "vms-per-host": { type: "string" },
  set: { type: "string", multiple: true },
  stage: { type: "string" },
  json: { type: "boolean" },
  verbose: { type: "boolean" },
  help: { type: "boolean" },
} as const;

export function parseOptions(args: readonly string[]): ParsedOptions {
  let given: ReturnType<typeof parse>;
  try {
    given = parse(args);
  } catch (error) {
    // Node's own words name the option; the rest of them is advice on how to escape.
    const [reason = ""] = String(error instanceof Error ? error.message : error).split(/[.\n]/, 1);
    return refused(`${reason}; see --help`);
  }
  if (given.help) return { kind: "help" };
  if (given.data !== undefined && given.ephemeral)
    return refused("give --data or --ephemeral, not both");
  const port = whole("--port", given.port, { fallback: DEFAULT_PORT, max: PORT_MAX });
  if (typeof port === "string") return refused(port);
  const hosts = whole("--hosts", given.hosts, { fallback: 0, max: HOSTS_MAX });
  if (typeof hosts === "string") return refused(hosts);
  const perHost = { fallback: 0, max: VMS_PER_HOST_MAX };
  const vmsPerHost = whole("--vms-per-host", given["vms-per-host"], perHost);
  if (typeof vmsPerHost === "string") return refused(vmsPerHost);
  if (vmsPerHost > 0 && hosts === 0) return refused("--vms-per-host needs --hosts");
  const stage = readStage(given.stage);
  if (!stage.ok) return refused(stage.reason);
  const settings = parseSettings(given.set ?? []);
  if (!settings.ok) return refused(settings.reason);
  return {
    kind: "run",
    options: {
      port,
      data: given.ephemeral
        ? { kind: "ephemeral" }
        : { kind: "folder", path: resolve(given.data ?? ".vmsync") },
      hosts,
      vmsPerHost,
      stage: stage.stage,
      settings: settings.settings,
      json: given.json ?? false,
      verbose: given.verbose ?? false,
    },
  };
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
}

/** The number, or what is wrong with it. */
function whole(
  name: string,
  text: string | undefined,
  { fallback, max }: { readonly fallback: number; readonly max: number },
): number | string {
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value <= max ? value : `${name} must be a whole number from 0 to ${max}, not "${text}"`;
}

function refused(reason: string): ParsedOptions {
  return { kind: "refused", reason };
}
