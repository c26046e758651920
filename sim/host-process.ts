/**
 * The agent's process on a simulated host: the real agent, over a disk and a machine that outlive it.
 *
 *  1. A process that was killed does nothing any more: its timers do not run, and nothing that it waited for answers. What
 *     its disk had taken stays; what the hypervisor had begun goes on.
 */
import { runAgent } from "../agent/agent.ts";
import { commandLog } from "../agent/command-log.ts";
import { lease } from "../agent/lease.ts";
import type { LogFile } from "../agent/log-file.ts";
import type { AgentTime } from "../agent/time.ts";
import { BootId } from "../shared/model/ids.ts";
import { agentCommandSource } from "./agent-command-source.ts";
import { agentControlPlane } from "./agent-control-plane.ts";
import { type Life, mayDie, whileAlive } from "./life.ts";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

export type HostProcess = {
  readonly kill: () => void;
};

/** What a write to the disk takes. */
const DISK_MS = { least: 1, most: 5 };

/** `died`: it ended, without having been told to. */
export function startHostProcess(world: World, machine: Machine, died: () => void): HostProcess {
  const life: Life = { isOver: false, died };
  const time = timeOf(world, machine, life);
  machine.agents += 1;
  let boots = 0;
  const agent = runAgent({
    time,
    random: machine.random.next,
    newBootId: () => BootId.parse(`${machine.hostId}.boot-${machine.agents}.${++boots}`),
    controlPlane: agentControlPlane(world, machine, life),
    openCommandSource: agentCommandSource(world, machine, life),
    hypervisor: whileAlive(world, life, { port: machine.hypervisor, listening: ["subscribe"] }),
    log: commandLog(openDisk(world, machine, life)),
    lease: lease({
      time,
      machineBootId: `${machine.hostId}.machine-${machine.boots}`,
      stored: machine.lease,
      store: (record) => {
        if (!life.isOver) machine.lease = record;
      },
    }),
    note: ({ level, message, detail }) => {
      if (!life.isOver && level !== "info")
        world.history.tell(() => `${machine.hostId} agent: ${message} ${String(detail ?? "")}`);
    },
  });
  agent.stopped.then(died, died);
  const kill = () => {
    life.isOver = true;
  };
  world.over.signal.addEventListener("abort", () => {
    kill();
    void agent.stop();
  });
  return { kill };
}

function timeOf(world: World, machine: Machine, life: Life): AgentTime {
  const { time } = world;
  return {
    wallNow: () => time.now() + machine.skewMs,
    monotonicNow: time.now,
    after: (delayMs, run) =>
      time.after(delayMs, () => {
        if (!life.isOver) run();
      }),
  };
}

/** Appends are durable after a moment; a process that dies within it may have written or not. */
function openDisk(
  world: World,
  machine: Machine,
  life: Life,
): { readonly text: string; readonly file: LogFile } {
  const { time, latency } = world;
  let lastAt = 0;
  const write = (change: () => void): Promise<void> =>
    mayDie(
      world,
      life,
      () =>
        new Promise((resolve) => {
          lastAt = Math.max(lastAt, time.now() + latency.int(DISK_MS.least, DISK_MS.most)); // in order
          time.after(lastAt - time.now(), () => {
            if (life.isOver) return;
            change();
            resolve();
          });
        }),
    );
  return {
    text: machine.disk,
    file: {
      append: (text) =>
        write(() => {
          machine.disk += text;
        }),
      replace: (text) =>
        write(() => {
          machine.disk = text;
        }),
      close: async () => {},
    },
  };
}
