/**
 * Whether a VM's record and what hosts last said of it agree, as it must be while no job is at it (design.md, "Reports").
 *
 * Total over VM states and powers, and pure. It only says that somebody must look: what is true is for the job that probes
 * (`work/vm-verify.ts`), as the last words of two hosts are of different times.
 */
import type { ApartmentRecord } from "../model/apartment-record.ts";
import type { IncidentKind } from "../model/incident.ts";
import type { Power } from "../model/power.ts";
import type { VmState } from "../model/vm.ts";

/** What the recorded host says: its last word; `nothing` while it has said none; `nowhere` where no host is recorded. */
export type Here = Power | "nothing" | "nowhere";

/**
 * What the recorded host says of a VM in that state when all is well; `doubt`: a state that no VM may rest in. A VM that
 * is off is at no host.
 */
const WELL: Readonly<Record<VmState, Here | "doubt">> = {
  Stopped: "nowhere",
  Running: "on",
  Suspended: "paused",
  Destroyed: "nowhere",
  Expunging: "nowhere",
  Error: "nowhere",
  Starting: "doubt",
  Stopping: "doubt",
  Migrating: "doubt",
  Unknown: "doubt",
};

/** Whether a host that is not the recorded one, saying this, may have the VM. Absence and off are what it should say. */
const CLAIMS: Readonly<Record<Power, boolean>> = {
  on: true,
  paused: true,
  unknown: true,
  off: false,
  crashed: false,
  missing: false,
};

/** Incidents that say themselves that the record cannot be trusted: as long as one is open, somebody looks again. */
const DOUBTFUL: ReadonlySet<IncidentKind> = new Set(["split_brain", "unconfirmed_stop", "zombie"]);

/** Why they do not agree, for people; `undefined` if they do. */
export function disagreement(
  record: Pick<ApartmentRecord, "vm" | "observations" | "openIncidents">,
): string | undefined {
  const { vm, observations, openIncidents } = record;
  const well = WELL[vm.state];
  if (well === "doubt") return `it is ${vm.state}, and no job is at it`;
  const doubtful = openIncidents.find(({ kind }) => DOUBTFUL.has(kind));
  if (doubtful !== undefined) return `an incident is open: ${doubtful.kind}`;
  const here = vm.hostId === undefined ? "nowhere" : (observations[vm.hostId]?.power ?? "nothing");
  if (here !== well) return `it is ${vm.state}, and ${vm.hostId ?? "its host"} says ${here}`;
  const claim = Object.entries(observations).find(
    ([hostId, { power }]) => hostId !== vm.hostId && CLAIMS[power],
  );
  return (
    claim &&
    `it is ${vm.state} at ${vm.hostId ?? "no host"}, and ${claim[0]} says ${claim[1].power}`
  );
}

/**
 * Whether the agent of the VM's host is still to be told whether the VM is one to power off when its lease runs out: it came by a
 * migration, was made one for HA while it ran, or the agent has begun another boot, perhaps without its disk. A probe tells it.
 */
export function isHaUntold({
  vm,
  observations,
}: Pick<ApartmentRecord, "vm" | "observations">): boolean {
  const { hostId, haAt, haEnabled, state } = vm;
  const said = hostId === undefined ? undefined : observations[hostId];
  if (state !== "Running" || said === undefined) return false;
  const mayKnow = haAt?.hostId === hostId && haAt?.bootOrdinal === said.bootOrdinal;
  return haEnabled ? !mayKnow || haAt?.doubted === true : mayKnow;
}

/** Whether a VM may rest in that state while its host says so. */
export function isWell(state: VmState, here: Here): boolean {
  return WELL[state] === here;
}

/** Whether a host's last word makes it one to be asked. */
export function claims(power: Power): boolean {
  return CLAIMS[power];
}
