/** Starts an agent with this machine's disk, network and clock; the hypervisor is given. Many fit into one process. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { BootId, type HostId } from "../shared/model/ids.ts";
import { type Agent, runAgent } from "./agent.ts";
import { commandLog } from "./command-log.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";
import { httpControlPlane } from "./http-control-plane.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import { joinHost } from "./join-host.ts";
import { lease } from "./lease.ts";
import { errorText, type Noter } from "./note.ts";
import { sqsCommandSource } from "./sqs-command-source.ts";
import { systemTime } from "./time.ts";

export type StartAgentOptions = {
  readonly controlPlaneUrl: string;
  readonly hostId: HostId;
  /** Needed the first time; one that was used already is ignored. */
  readonly joinToken?: string | undefined;
  readonly dataFolder: string;
  /** Not closed by the agent: it may outlive it. */
  readonly hypervisor: Hypervisor;
  readonly note: Noter;
  /** Aborting it gives up a start that still waits for the control plane. */
  readonly signal?: AbortSignal | undefined;
};

export type StartedAgent = Pick<Agent, "bootId" | "stopped" | "stop">;

/**
 * Resolves when the first session is open. Throws `DataFolderError`, `LogBroken` or `AgentRefused`, each with one line for
 * the operator; a control plane that does not answer is waited for.
 */
export async function startAgent(options: StartAgentOptions): Promise<StartedAgent> {
  const folder = await openDataFolder(options.dataFolder);
  const stop = new AbortController();
  const signal =
    options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  try {
    const agent = await assemble(options, folder, signal);
    const stopped = agent.stopped.finally(folder.close);
    stopped.catch(() => {}); // Nobody has to look at it.
    return {
      bootId: agent.bootId,
      stopped,
      stop: async () => {
        const ended = agent.stop();
        stop.abort(); // After the agent knows that it stops: what this interrupts is no failure then.
        await ended;
        await folder.close();
      },
    };
  } catch (error) {
    stop.abort();
    await folder.close();
    throw error;
  }
}

async function assemble(
  options: StartAgentOptions,
  folder: DataFolder,
  signal: AbortSignal,
): Promise<Agent> {
  const { hostId, controlPlaneUrl, joinToken, hypervisor, note } = options;
  const time = systemTime();
  const random = Math.random;
  const { privateKey } = folder;
  const controlPlane = httpControlPlane({
    baseUrl: controlPlaneUrl,
    hostId,
    privateKey,
    time,
    signal,
  });
  const log = commandLog(folder.log);
  await joinHost(
    { time, random, controlPlane, folder, note, signal },
    { hostId, controlPlaneUrl, joinToken },
  );
  const agent = runAgent({
    time,
    random,
    newBootId: () => BootId.parse(randomUUID()),
    controlPlane,
    openCommandSource: sqsCommandSource,
    hypervisor,
    log,
    lease: lease({
      time,
      machineBootId: await machineBootId(),
      stored: folder.lease,
      store: (record) => {
        folder.writeLease(record).catch((error: unknown) => {
          note({ level: "error", message: "lease not stored", detail: errorText(error) });
        });
      },
    }),
    note,
  });
  const giveUp = () => void agent.stop();
  if (signal.aborted)
    giveUp(); // While the folder was opened or the host joined: no event comes any more.
  else signal.addEventListener("abort", giveUp, { once: true });
  await agent.ready;
  return agent;
}

/** Differs after each start of the machine, of which the monotonic clock begins anew. */
async function machineBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}
