/**
 * What the agent needs of a hypervisor. `libvirt-hypervisor.ts` and `simulated.ts` implement it; one suite holds both to it.
 *
 *  H1 A failed look is never an empty one: `list` answers `complete: false` when it could not see everything.
 *  H2 A refusal says whether the hypervisor may still do it: `outcome_unknown` when it may, any other code when nothing
 *     ran or is over.
 *  H3 Looks (`list`, `read`) are bounded in time by the implementation and never wait for an action. Actions take as long
 *     as they take: who calls them has a time budget, and knows by the promise when they are over.
 *  H4 A VM is known by its UUID, which is its id; a domain that was never vmsync's is listed like any other.
 */
import type { VmId } from "../../shared/model/ids.ts";
import type { ReportedPower } from "../../shared/model/power.ts";
import type { Device, DomainChanges, VmSpec } from "../../shared/model/vm.ts";

/** The hypervisor's word on one VM. */
export type PowerSeen = {
  readonly power: ReportedPower;
  /** Its own state and reason, in its words; at most 64 characters. */
  readonly detail: string;
  /** The hypervisor holds it: a process, memory, its disks. `false` only when nothing of it is left but its definition. */
  readonly held: boolean;
};
/** `name`: what the hypervisor calls it, where that is not simply the id; at most 64 characters. */
export type VmSeen = PowerSeen & { readonly vmId: VmId; readonly name?: string | undefined };

export type Listing =
  | { readonly complete: true; readonly vms: readonly VmSeen[] }
  | { readonly complete: false; readonly reason: string };

/** An expected failure. `detail` is the hypervisor's text. */
export type Failure = {
  readonly ok: false;
  readonly code: string;
  readonly detail: string;
  /** Of a migration with `outcome_unknown`: this host is at it no more; only what it came to at the target is not known. */
  readonly isOverHere?: true;
};
export type Done = { readonly ok: true };
/** `not_found`: this host knows no such VM. */
export type Read = (PowerSeen & { readonly ok: true }) | Failure;

/** The hypervisor could not be asked at all: nothing ran. */
export const UNREACHABLE = "hypervisor_unreachable";
export const NOT_FOUND = "not_found";
export const ALREADY_RUNNING = "already_running";
export const OUTCOME_UNKNOWN = "outcome_unknown";
export const SNAPSHOT_NOT_FOUND = "snapshot_not_found";
/** It was aborted as it was asked to be: all is as it was. */
export const ABORTED = "aborted";

export type StartRequest = {
  readonly vmId: VmId;
  readonly name: string;
  readonly spec: VmSpec;
  /** Wins over `spec` where the hypervisor speaks libvirt's language. */
  readonly domainXml?: string | undefined;
  /** To be made in `domainXml`. */
  readonly changes?: DomainChanges | undefined;
};

export type MigrateRequest = {
  readonly vmId: VmId;
  /** The target's `migrationUri`. */
  readonly targetUri: string;
  /** Asks for an abort. The migration may be over before it is heard: the answer tells. */
  readonly signal: AbortSignal;
};

/** What a VM is made of, as the hypervisor knows it: what the next start would give it. */
export type Description = {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly domainXml: string;
};

export type HypervisorEvent =
  | { readonly kind: "vm"; readonly vmId: VmId; readonly rebooted?: true }
  | { readonly kind: "lost"; readonly reason: string }
  | { readonly kind: "regained" };

export type HostCapacity = { readonly cpus: number; readonly memoryMiB: number };

export interface Hypervisor {
  /** Every VM that the host knows, on or off. */
  readonly list: () => Promise<Listing>;
  readonly read: (vmId: VmId) => Promise<Read>;
  /** `already_running` when the hypervisor holds it already, in whatever state. */
  readonly start: (request: StartRequest) => Promise<Done | Failure>;
  /** Asks the guest; that it was asked is all that this tells. */
  readonly requestShutdown: (vmId: VmId) => Promise<Done | Failure>;
  /** Ends it at once; one that is off is `ok`. Also ends a start under way. */
  readonly powerOff: (vmId: VmId) => Promise<Done | Failure>;
  /** Asks the guest to restart; that it was asked is all that this tells. An event says `rebooted` when it does. */
  readonly requestReboot: (vmId: VmId) => Promise<Done | Failure>;
  /** Restarts the machine under the guest. */
  readonly reset: (vmId: VmId) => Promise<Done | Failure>;
  /** `ok` when it is paused, by this or already. */
  readonly suspend: (vmId: VmId) => Promise<Done | Failure>;
  /** `ok` when it is on, by this or already. */
  readonly resume: (vmId: VmId) => Promise<Done | Failure>;
  /**
   * Moves the running guest and its definition. `ok`: the target has it, and this host has not. Any failure but
   * `outcome_unknown`: it is here as before.
   */
  readonly migrate: (request: MigrateRequest) => Promise<Done | Failure>;
  /** Whether the hypervisor is at something long for it, a migration say, whoever asked; a look (H3). */
  readonly isAtWork: (vmId: VmId) => Promise<"yes" | "no" | "cannot_tell">;
  /** Forgets one that is off, the metadata of its snapshots included; `already_running` when it is held. */
  readonly undefine: (vmId: VmId) => Promise<Done | Failure>;
  /** Of memory too when it is on. `ok` when there is one of that name already. */
  readonly snapshot: (vmId: VmId, name: string) => Promise<Done | Failure>;
  /** Brings back what was, the power state included. `snapshot_not_found`. */
  readonly revert: (vmId: VmId, name: string) => Promise<Done | Failure>;
  /** `ok` when there is none of that name. */
  readonly deleteSnapshot: (vmId: VmId, name: string) => Promise<Done | Failure>;
  /** To the running guest only. `ok` when it has one such. */
  readonly attach: (vmId: VmId, device: Device) => Promise<Done | Failure>;
  /**
   * From the running guest only. `ok` when it has none such; a guest has to let go of it, and one that does not is waited
   * for until the signal, then `outcome_unknown`.
   */
  readonly detach: (vmId: VmId, device: Device, signal: AbortSignal) => Promise<Done | Failure>;
  /** In the definition of one that is off; `already_running` when it is held. */
  readonly scale: (
    vmId: VmId,
    size: Pick<DomainChanges, "cpus" | "memoryMiB">,
  ) => Promise<Done | Failure>;
  readonly describe: (
    vmId: VmId,
  ) => Promise<{ readonly ok: true; readonly description: Description } | Failure>;
  /** Where other hosts' hypervisors move guests to; `undefined`: none can. */
  readonly migrationUri: string | undefined;
  readonly capacity: () => Promise<HostCapacity | undefined>;
  /** Events are hints: one may be lost with the connection, and `regained` stands for all that were. */
  readonly subscribe: (listener: (event: HypervisorEvent) => void) => () => void;
  readonly close: () => Promise<void>;
}
