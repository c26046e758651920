/** An agent on a simulated host, against a control plane in memory, in time that a test makes pass. */
import { type Agent, runAgent } from "../../../agent/agent.ts";
import { commandLog } from "../../../agent/command-log.ts";
import {
  type SimulatedHypervisor,
  type SimulatedOptions,
  simulatedHypervisor,
} from "../../../agent/hypervisor/simulated.ts";
import { lease } from "../../../agent/lease.ts";
import type { Note } from "../../../agent/note.ts";
import type { CommandResult } from "../../../shared/model/agent-protocol.ts";
import type { LeaseRecord } from "../../../shared/model/agent-state.ts";
import { BootId } from "../../../shared/model/ids.ts";
import { type FakeControlPlane, fakeControlPlane } from "./fake-control-plane.ts";
import { type ManualTime, manualTime } from "./manual-time.ts";
import { type MemoryDisk, memoryDisk, openMemoryLog } from "./memory-log-file.ts";

export type AgentRig = {
  readonly time: ManualTime;
  readonly plane: FakeControlPlane;
  readonly hypervisor: SimulatedHypervisor;
  readonly disk: MemoryDisk;
  readonly notes: Note[];
  /** Of the machine, kept over restarts of the agent. */
  readonly leaseStore: { record: LeaseRecord | undefined };
  /** Starts an agent of the next boot: `boot-0001`, `boot-0002`, …; one that runs goes on unless it is stopped first. */
  readonly start: () => Agent;
  readonly resultOf: (commandId: string) => CommandResult | undefined;
};

export function agentRig(options: Partial<SimulatedOptions> = {}): AgentRig {
  const time = manualTime();
  const random = () => 0.5;
  const plane = fakeControlPlane();
  const hypervisor = simulatedHypervisor({ time, random, ...options });
  const disk = memoryDisk();
  const notes: Note[] = [];
  const leaseStore: AgentRig["leaseStore"] = { record: undefined };
  let boots = 0;
  return {
    time,
    plane,
    hypervisor,
    disk,
    notes,
    leaseStore,
    resultOf: (commandId) => plane.results.findLast((result) => result.commandId === commandId),
    start: () =>
      runAgent({
        time,
        random,
        newBootId: () => BootId.parse(`boot-${String(++boots).padStart(4, "0")}`),
        controlPlane: plane.port,
        openCommandSource: plane.openCommandSource,
        hypervisor,
        log: commandLog(openMemoryLog(disk)),
        lease: lease({
          time,
          machineBootId: "machine-1",
          stored: leaseStore.record,
          store: (record) => {
            leaseStore.record = record;
          },
        }),
        note: (note) => notes.push(note),
      }),
  };
}
