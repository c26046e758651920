/** A simulated host's machine: what outlives the processes on it. */
import type { Hypervisor } from "../agent/hypervisor/hypervisor.ts";
import type { LeaseRecord } from "../shared/model/agent-state.ts";
import type { HostId } from "../shared/model/ids.ts";
import type { Random } from "./random.ts";

export type Machine = {
  readonly hostId: HostId;
  readonly publicKey: string;
  readonly hypervisor: Hypervisor;
  readonly random: Random;
  /** The command log's text, as far as it is durable. */
  disk: string;
  lease: LeaseRecord | undefined;
  /** Its wall clock's difference from true time. */
  skewMs: number;
  /** Grows with each start of the machine. */
  boots: number;
  /** Grows with each start of an agent. */
  agents: number;
  isCutOff: boolean;
  /** It has power. */
  isOn: boolean;
  /** People who have said that it is off, and keep it so. */
  heldOffBy: number;
  /** Its hypervisor does not answer. */
  isHung: boolean;
};
