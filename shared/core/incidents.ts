/**
 * The life of every kind of incident: who opens it, what resolves it. Each opens once for one cause, resolves itself when
 * the cause is gone, and can be resolved by hand; opened and resolved are told on `incident.<kind>`.
 */
import { type ApartmentRecord, isOfVm, type OpenIncident } from "../model/apartment-record.ts";
import type { Effect } from "../model/effect.ts";
import { IncidentId, type IncidentKind } from "../model/incident.ts";
import { amend, emit, nextName, subjectOf, type Turn, tell, vmRecord } from "./turn.ts";
import type { Outcome } from "./work-type.ts";

type Vm = ApartmentRecord["vm"];

type Life = {
  /** Whose incident it is: an apartment's record keeps it, or nobody's (its id says what it is about). */
  readonly keeper: "apartment" | "none";
  readonly opens: string;
  readonly resolves: string;
  /** The cause is gone as soon as the VM is like this, whoever brought it about. */
  readonly isOver?: (vm: Vm, incident: OpenIncident) => boolean;
};

/** The one list; a kind without its row does not compile. */
export const INCIDENT_LIFE: Readonly<Record<IncidentKind, Life>> = {
  out_of_band_power_on: {
    keeper: "apartment",
    opens: "vm.verify: found on though it was Stopped or Error",
    resolves: "the VM is off again",
    isOver: ({ state }) => OFF.has(state),
  },
  out_of_band_power_off: {
    keeper: "apartment",
    opens: "vm.verify: found off, crashed or gone though it was on",
    resolves: "the VM is on again, or nobody wants it any more (Destroyed)",
    isOver: ({ state }) => ON.has(state) || GONE.has(state),
  },
  out_of_band_migration: {
    keeper: "apartment",
    opens: "vm.verify: found at another host, its own having it no longer",
    resolves: "the VM leaves that host: it is moved, or stopped",
    isOver: ({ hostId }, incident) => hostId !== incident.hostId,
  },
  split_brain: {
    keeper: "apartment",
    opens:
      "vm.verify: on at two hosts by their own fresh answers, for longer than a migration takes",
    resolves: "vm.verify: fresh answers of all concerned say that one has it at most",
  },
  zombie: {
    keeper: "apartment",
    opens: "vm.verify: on though it was Destroyed or Expunging; the same job powers it off",
    resolves: "vm.verify: seen off; or the VM is recovered",
    isOver: ({ state }) => !GONE.has(state),
  },
  unconfirmed_stop: {
    keeper: "apartment",
    opens: "a forced stop that nobody confirmed",
    resolves:
      "nothing of it is unsettled: its host answered, or was fenced; a stop that was confirmed",
  },
  poison_message: {
    keeper: "apartment",
    opens:
      "a message that does not parse or makes the decision throw; one that belongs to no apartment is kept by none",
    resolves: "by hand: its cause is a bug",
  },
  stalled_job: {
    keeper: "apartment",
    opens: "a job of which nobody heard for jobExpireHours",
    resolves: "by hand",
  },
  orphan: {
    keeper: "none",
    opens: "a host lists a VM that no record knows",
    resolves: "it is adopted, or the host lists it no more",
  },
  mass_absence: {
    keeper: "none",
    opens: "many VMs vanish from one complete report",
    resolves: "the host lists all VMs again that hold room there",
  },
  host_down: {
    keeper: "none",
    opens: "a host is silent for hostDownAfterSeconds",
    resolves: "it is heard again, or fenced",
  },
};

const ON: ReadonlySet<Vm["state"]> = new Set(["Running", "Suspended"]);
const GONE: ReadonlySet<Vm["state"]> = new Set(["Destroyed", "Expunging"]);
const OFF: ReadonlySet<Vm["state"]> = new Set(["Stopped", "Error", ...GONE]);

/** The turn with those incidents resolved whose cause its record says is gone. */
export function resolveWhatIsOver(turn: Turn): Turn {
  const { vm, openIncidents } = vmRecord(turn);
  return openIncidents
    .filter((incident) => INCIDENT_LIFE[incident.kind].isOver?.(vm, incident) === true)
    .reduce((next, { id }) => resolveIncident(next, id), turn);
}

/** An event is in the record until it is sent, with its incident. */
const TOLD_CHARACTERS_MAX = 256;

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
  const { kind, hostId } = incident;
  const about = { id, kind, ...(hostId === undefined ? {} : { hostId }) };
  const opened = emit(amend(named, { openIncidents: [...openIncidents, about] }), {
    kind: "open-incident",
    incident: {
      ...whose,
      ...about,
      openedAt: turn.inputs.now,
      detail: incident.detail.slice(0, 1024),
    },
  });
  return tell(opened, {
    family: "incident",
    topic: `incident.${incident.kind}`,
    detail: {
      incidentId: id,
      ...(hostId === undefined ? {} : { hostId }),
      ...subjectOf(turn),
      change: "opened",
      detail: incident.detail.slice(0, TOLD_CHARACTERS_MAX),
    },
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
