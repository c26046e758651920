/** The command line of the agent. */
import { parseArgs } from "node:util";
import { HostId } from "../shared/model/ids.ts";
import { isTargetUri } from "./hypervisor/libvirt-migrate.ts";
import { errorText } from "./note.ts";

export const USAGE = `Usage: node agent/main.ts --control-plane URL --host ID --data DIR [options]

Runs the vmsync agent of one host: reports what its hypervisor says and does the commands it is handed.

  --control-plane URL     where the control plane answers, e.g. http://127.0.0.1:8787
  --host ID               the host's id, as it was registered
  --data DIR              the agent's own folder: key, command log
  --join-token TOKEN      one-time token, needed the first time; also --join-token-file PATH
                          or the environment variable VMSYNC_JOIN_TOKEN
  --libvirt-socket PATH   libvirt's socket (default /run/libvirt/libvirt-sock)
  --migration-uri URI     how other hosts' libvirtd reaches this one's, e.g. qemu+tls://host-b/system;
                          without it no VM is moved to this host
  --domain-type TYPE      of domains made from a VM's spec: qemu (default) or kvm
  --simulated N           no libvirt: a simulated host with N guests already on (0 to 2000)
  --json                  one JSON object a line instead of text
  --help                  this text
`;

const LIBVIRT_SOCKET = "/run/libvirt/libvirt-sock";
/** As many VMs as a report carries. */
const SIMULATED_MAX = 2000;

export type AgentOptions = {
  readonly controlPlaneUrl: string;
  readonly hostId: HostId;
  readonly dataFolder: string;
  readonly joinToken:
    | { readonly from: "text"; readonly token: string }
    | { readonly from: "file"; readonly path: string }
    | undefined;
  readonly hypervisor:
    | {
        readonly kind: "libvirt";
        readonly socketPath: string;
        readonly domainType: "qemu" | "kvm";
        readonly migrationUri: string | undefined;
      }
    | { readonly kind: "simulated"; readonly guests: number };
  readonly output: "text" | "json";
};

export type ParsedOptions =
  | { readonly kind: "run"; readonly options: AgentOptions }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly reason: string };

export function parseOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ParsedOptions {
  try {
    const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true });
    if (values.help === true) return { kind: "help" };
    return { kind: "run", options: fromValues(values, environment) };
  } catch (error) {
    return { kind: "wrong", reason: errorText(error) };
  }
}

const FLAGS = {
  "control-plane": { type: "string" },
  host: { type: "string" },
  data: { type: "string" },
  "join-token": { type: "string" },
  "join-token-file": { type: "string" },
  "libvirt-socket": { type: "string" },
  "migration-uri": { type: "string" },
  "domain-type": { type: "string" },
  simulated: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean" },
} as const;

type Values = { readonly [name in keyof typeof FLAGS]?: string | boolean };

/** Throws with a line for the operator. */
function fromValues(
  values: Values,
  environment: Readonly<Record<string, string | undefined>>,
): AgentOptions {
  const hostId = HostId.safeParse(required(values, "host"));
  if (!hostId.success) throw new Error("--host is not a host id");
  return {
    controlPlaneUrl: httpUrl(required(values, "control-plane")),
    hostId: hostId.data,
    dataFolder: required(values, "data"),
    joinToken: joinToken(values, environment),
    hypervisor: hypervisor(values),
    output: values.json === true ? "json" : "text",
  };
}

function required(values: Values, name: keyof Values): string {
  const value = values[name];
  if (typeof value !== "string" || value === "") throw new Error(`--${name} is missing`);
  return value;
}

function httpUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error("--control-plane is not an http or https URL");
  return url.href;
}

function joinToken(
  values: Values,
  environment: Readonly<Record<string, string | undefined>>,
): AgentOptions["joinToken"] {
  const path = values["join-token-file"];
  if (typeof path === "string") return { from: "file", path };
  const token = values["join-token"] ?? environment["VMSYNC_JOIN_TOKEN"];
  return typeof token === "string" && token !== "" ? { from: "text", token } : undefined;
}

function hypervisor(values: Values): AgentOptions["hypervisor"] {
  if (typeof values.simulated === "string") {
    const guests = Number(values.simulated);
    if (!/^\d+$/.test(values.simulated) || guests > SIMULATED_MAX)
      throw new Error(`--simulated is not a whole number from 0 to ${SIMULATED_MAX}`);
    return { kind: "simulated", guests };
  }
  const domainType = values["domain-type"] ?? "qemu";
  if (domainType !== "qemu" && domainType !== "kvm")
    throw new Error("--domain-type is neither qemu nor kvm");
  const socketPath = values["libvirt-socket"] ?? LIBVIRT_SOCKET;
  const migrationUri = values["migration-uri"];
  if (typeof migrationUri === "string" && !isTargetUri(migrationUri))
    throw new Error("--migration-uri is no libvirt URI like qemu+tls://host/system");
  return {
    kind: "libvirt",
    socketPath: String(socketPath),
    domainType,
    migrationUri: typeof migrationUri === "string" ? migrationUri : undefined,
  };
}
