/** Rows of the verb table that verbs share (contract, "What a verb does, by the VM's state when its job begins"). */
import type { Reception } from "../core/work-type.ts";
import type { VmState } from "../model/vm.ts";

/** States of which nobody knows whether they are so: the host is asked first. */
export const IN_DOUBT = {
  Unknown: "probe",
  Starting: "probe",
  Stopping: "probe",
  Migrating: "probe",
} as const satisfies Partial<Record<VmState, Reception>>;

/** States from which only a few verbs lead on. */
export const LAID_OFF = {
  Destroyed: "conflict",
  Expunging: "conflict",
  Error: "conflict",
} as const satisfies Partial<Record<VmState, Reception>>;

/** Snapshots of a VM, whether it is on or off. */
export const SNAPSHOT_TABLE = {
  Stopped: "go",
  Running: "go",
  Suspended: "go",
  ...LAID_OFF,
  ...IN_DOUBT,
} as const satisfies Record<VmState, Reception>;

/** Devices of a VM that is off, or goes on while they change. */
export const DEVICE_TABLE = {
  Stopped: "go",
  Running: "go",
  Suspended: "conflict",
  ...LAID_OFF,
  ...IN_DOUBT,
} as const satisfies Record<VmState, Reception>;
