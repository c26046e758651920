/** What a work type's answer brings about beside the job itself: the VM's state, room given back, incidents. */
import { isOfVm } from "../model/apartment-record.ts";
import type { Effect } from "../model/effect.ts";
import type { HostId } from "../model/ids.ts";
import { IncidentId } from "../model/incident.ts";
import { changedVm, type VmChange } from "../model/vm-change.ts";
import { amend, amendVm, emit, nextName, subjectOf, type Turn, tell, vmRecord } from "./turn.ts";
import type { Outcome } from "./work-type.ts";

/** VM change, room given back, incidents. */
export function consequences(
  turn: Turn,
  outcome: Extract<Outcome<unknown, unknown>, { kind: "wait" | "succeed" | "fail" }>,
): Turn {
  let next = outcome.vm === undefined ? turn : changeVm(turn, outcome.vm);
  for (const hostId of outcome.release ?? []) next = release(next, hostId);
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

/** The VM in another state, told to its topic, or at another host: it holds no room where it is not. */
export function changeVm(turn: Turn, change: VmChange): Turn {
  const { vm, id, active } = vmRecord(turn);
  const next = changedVm(vm, change);
  const left = next.hostId === vm.hostId ? undefined : vm.hostId;
  const changed = amendVm(turn, { vm: next });
  const amended = left === undefined ? changed : release(changed, left);
  if (next.state === vm.state) return amended;
  return tell(amended, {
    family: "vm.state",
    topic: `vm.state.${id}`,
    detail: {
      vmId: id,
      from: vm.state,
      to: next.state,
      cause: "job",
      jobId: active?.jobId ?? null,
    },
  });
}

/** Opens an incident about this VM, unless one of its kind is open. */
export function openIncident(
  turn: Turn,
  incident: NonNullable<Extract<Outcome<unknown, unknown>, { kind: "fail" }>["open"]>,
): Turn {
  const { record } = turn;
  const { openIncidents } = record;
  const whose = isOfVm(record)
    ? { account: record.vm.account, vmId: record.id }
    : { hostId: record.hostId };
  if (openIncidents.some((open) => open.kind === incident.kind)) return turn;
  const { turn: named, name } = nextName(turn);
  const id = IncidentId.parse(`${incident.kind}.${name}`);
  const opened = emit(
    amend(named, { openIncidents: [...openIncidents, { id, kind: incident.kind }] }),
    {
      kind: "open-incident",
      incident: {
        id,
        kind: incident.kind,
        ...whose,
        ...(incident.hostId === undefined ? {} : { hostId: incident.hostId }),
        openedAt: turn.inputs.now,
        detail: incident.detail.slice(0, 1024),
      },
    },
  );
  return tell(opened, {
    family: "incident",
    topic: `incident.${incident.kind}`,
    detail: { incidentId: id, ...subjectOf(turn), change: "opened" },
  });
}

/**
 * Resolves an incident that this record keeps open. One that this very turn opened nobody was told of, and nobody is: sent
 * side by side, its resolving could come before its opening, which then stayed.
 */
export function resolveIncident(turn: Turn, incidentId: IncidentId): Turn {
  const incident = turn.record.openIncidents.find((open) => open.id === incidentId);
  if (incident === undefined) return turn;
  const closed = amend(turn, {
    openIncidents: turn.record.openIncidents.filter((open) => open !== incident),
  });
  const untold = turn.effects.filter((effect) => !opens(effect, incidentId));
  if (untold.length < turn.effects.length) return { ...closed, effects: untold };
  const resolved = emit(closed, { kind: "resolve-incident", incidentId, at: turn.inputs.now });
  return tell(resolved, {
    family: "incident",
    topic: `incident.${incident.kind}`,
    detail: { incidentId, ...subjectOf(turn), change: "resolved" },
  });
}

/** The opening of an incident, and its event. */
function opens(effect: Effect, incidentId: IncidentId): boolean {
  if (effect.kind === "open-incident") return effect.incident.id === incidentId;
  return effect.kind === "event" && effect.event.detail["incidentId"] === incidentId;
}
