/** What a work type's answer brings about beside the job itself: the VM's state, room given back, incidents. */
import {
  type AnyApartmentRecord,
  type ApartmentRecord,
  isOfVm,
} from "../model/apartment-record.ts";
import { HostId } from "../model/ids.ts";
import { changedVm, type VmChange } from "../model/vm-change.ts";
import { claims } from "./agreement.ts";
import { openIncident, resolveIncident, resolveWhatIsOver } from "./incidents.ts";
import { amendVm, emit, type Turn, tell, vmRecord } from "./turn.ts";
import type { Outcome } from "./work-type.ts";

/** VM change, room given back, incidents. */
export function consequences(
  turn: Turn,
  outcome: Extract<Outcome<unknown, unknown>, { kind: "wait" | "succeed" | "fail" }>,
): Turn {
  let next = outcome.vm === undefined ? turn : changeVm(turn, outcome.vm, outcome.cause);
  if (outcome.forget !== undefined) next = forget(next, outcome.forget);
  if (outcome.open !== undefined) next = openIncident(next, outcome.open);
  for (const { id, kind } of next.record.openIncidents)
    if (outcome.resolve?.includes(kind) === true) next = resolveIncident(next, id);
  return next;
}

/**
 * Gives back the VM's room on a host, once a turn. What this turn was to reserve there is not asked for any more: the two
 * effects have no order among them.
 */
export function release(turn: Turn, hostId: HostId): Turn {
  const { id: vmId, version: revision } = vmRecord(turn);
  const given = turn.effects.some((each) => each.kind === "release" && each.hostId === hostId);
  if (given) return turn;
  const effects = turn.effects.filter((each) => each.kind !== "reserve" || each.hostId !== hostId);
  return emit({ ...turn, effects }, { kind: "release", hostId, vmId, revision });
}

/**
 * Whether nobody knows where the VM is, and it may be there: a migration may still bring it, or the host says that it has it.
 * Meanwhile its room there is kept.
 */
export function mayBeThere(turn: Turn, hostId: HostId): boolean {
  return hostsToBe(vmRecord(turn)).has(hostId);
}

/** Gives back what was kept there, once it is known that the VM is not. */
export function releaseWhereNot(turn: Turn, before: AnyApartmentRecord): Turn {
  if (!isOfVm(before)) return turn;
  const { vm, active } = vmRecord(turn);
  return [...hostsToBe(before)]
    .filter((hostId) => hostId !== vm.hostId && hostId !== active?.roomAt)
    .filter((hostId) => !mayBeThere(turn, hostId))
    .reduce(release, turn);
}

function hostsToBe({ vm, unsettled, observations }: ApartmentRecord): ReadonlySet<HostId> {
  if (vm.state !== "Unknown") return new Set();
  const targets = unsettled.filter(({ sourceHostId }) => sourceHostId !== undefined);
  const said = Object.entries(observations).filter(([, { power }]) => claims(power));
  return new Set([
    ...targets.map(({ hostId }) => hostId),
    ...said.map(([hostId]) => HostId.parse(hostId)),
  ]);
}

function forget(turn: Turn, hosts: readonly HostId[]): Turn {
  const forgotten: ReadonlySet<string> = new Set(hosts);
  const kept = Object.entries(vmRecord(turn).observations).filter(([id]) => !forgotten.has(id));
  return amendVm(turn, { observations: Object.fromEntries(kept) });
}

/**
 * The VM in another state, told to its topic, or at another host: it holds no room where it is not. Incidents that are over
 * with that are resolved.
 */
export function changeVm(turn: Turn, change: VmChange, cause: "job" | "power" = "job"): Turn {
  const { vm, id, active } = vmRecord(turn);
  const next = changedVm(vm, change);
  const left = next.hostId === vm.hostId ? undefined : vm.hostId;
  const changed = resolveWhatIsOver(amendVm(turn, { vm: next }));
  const amended = left === undefined ? changed : release(changed, left);
  if (next.state === vm.state) return amended;
  return tell(amended, {
    family: "vm.state",
    topic: `vm.state.${id}`,
    detail: {
      vmId: id,
      from: vm.state,
      to: next.state,
      cause,
      jobId: active?.jobId ?? null,
    },
  });
}
