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
import type { VmSpec } from "../../shared/model/vm.ts";

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
export type Failure = { readonly ok: false; readonly code: string; readonly detail: string };
export type Done = { readonly ok: true };
/** `not_found`: this host knows no such VM. */
export type Read = (PowerSeen & { readonly ok: true }) | Failure;

/** The hypervisor could not be asked at all: nothing ran. */
export const UNREACHABLE = "hypervisor_unreachable";
export const NOT_FOUND = "not_found";
export const ALREADY_RUNNING = "already_running";
export const OUTCOME_UNKNOWN = "outcome_unknown";

export type StartRequest = {
  readonly vmId: VmId;
  readonly name: string;
  readonly spec: VmSpec;
  /** Wins over `spec` where the hypervisor speaks libvirt's language. */
  readonly domainXml?: string | undefined;
};

export type HypervisorEvent =
  | { readonly kind: "vm"; readonly vmId: VmId }
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
  readonly capacity: () => Promise<HostCapacity | undefined>;
  /** Events are hints: one may be lost with the connection, and `regained` stands for all that were. */
  readonly subscribe: (listener: (event: HypervisorEvent) => void) => () => void;
  readonly close: () => Promise<void>;
}
