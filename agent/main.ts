/** The program: `node agent/main.ts --help`. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type HostId, VmId } from "../shared/model/ids.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import { connectLibvirt } from "./hypervisor/libvirt-hypervisor.ts";
import { simulatedHypervisor } from "./hypervisor/simulated.ts";
import { errorText, type Note, type Noter } from "./note.ts";
import { type AgentOptions, parseOptions, USAGE } from "./options.ts";
import { startAgent } from "./start-agent.ts";
import { systemTime } from "./time.ts";

const parsed = parseOptions(process.argv.slice(2), process.env);
switch (parsed.kind) {
  case "help":
    process.stdout.write(USAGE);
    break;
  case "wrong":
    fail(parsed.reason, "text");
    break;
  case "run":
    await run(parsed.options).catch((error: unknown) =>
      fail(errorText(error), parsed.options.output),
    );
    break;
  default:
    parsed satisfies never;
}

/** Until it is told to stop; throws with a line for the operator. */
async function run(options: AgentOptions): Promise<void> {
  const note = options.output === "json" ? jsonNote : textNote;
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  const hypervisor = await openHypervisor(options, note);
  try {
    const { hostId } = options;
    const agent = await startAgent({
      controlPlaneUrl: options.controlPlaneUrl,
      hostId,
      joinToken: await readJoinToken(options.joinToken),
      dataFolder: options.dataFolder,
      hypervisor,
      note,
      signal: stop.signal,
    });
    note({ level: "info", message: "agent is up", hostId, bootId: agent.bootId() });
    stop.signal.addEventListener("abort", () => void agent.stop(), { once: true });
    await agent.stopped;
    note({ level: "info", message: "agent stopped", hostId });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await hypervisor.close();
  }
}

async function openHypervisor(options: AgentOptions, note: Noter): Promise<Hypervisor> {
  const { hypervisor, hostId } = options;
  const time = systemTime();
  if (hypervisor.kind === "libvirt") return await connectLibvirt({ ...hypervisor, time, note });
  const running = Array.from({ length: hypervisor.guests }, (_, at) => ({
    vmId: simulatedVmId(hostId, at),
    name: `${hostId}-${at}`,
  }));
  return simulatedHypervisor({ time, random: Math.random, running });
}

/** The same ids at each start, so that a simulated host restarts with the VMs that it had. */
function simulatedVmId(hostId: HostId, at: number): VmId {
  const hex = createHash("sha256").update(`${hostId}:${at}`).digest("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return VmId.parse([...parts, hex.slice(20, 32)].join("-"));
}

async function readJoinToken(source: AgentOptions["joinToken"]): Promise<string | undefined> {
  if (source === undefined) return undefined;
  if (source.from === "text") return source.token;
  return (await readFile(source.path, "utf8")).trim();
}

function textNote({ level, message, ...fields }: Note): void {
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  process.stderr.write(`${new Date().toISOString()} ${level} ${message}${rest.join("")}\n`);
}

function jsonNote(note: Note): void {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), ...note })}\n`);
}

function fail(reason: string, output: AgentOptions["output"]): void {
  if (output === "json") jsonNote({ level: "error", message: reason });
  else process.stderr.write(`vmsync agent: ${reason}\n`);
  process.exitCode = 1;
}
