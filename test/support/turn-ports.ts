/** The ports of a turn for `TurnWorld`: the real ones in memory, each call of them at a gate, and what is sent noted. */
import type { TurnDeps } from "../../shared/app/take-turn.ts";
import { memoryApartmentStore } from "../../shared/memory/memory-apartment-store.ts";
import { memoryIncidentStore } from "../../shared/memory/memory-incident-store.ts";
import { memoryInterests } from "../../shared/memory/memory-interests.ts";
import { memoryJobStore } from "../../shared/memory/memory-job-store.ts";
import { memoryPlacement } from "../../shared/memory/memory-placement.ts";
import type { MemoryTables } from "../../shared/memory/memory-tables.ts";
import type { ApartmentMessage } from "../../shared/model/apartment-message.ts";
import { type ApartmentRecord, isOfVm } from "../../shared/model/apartment-record.ts";
import type { Command } from "../../shared/model/command.ts";
import { settings } from "./a-record.ts";
import { effectName } from "./turn-checks.ts";

type Behind = {
  readonly tables: MemoryTables;
  readonly now: () => number;
  readonly commit: (next: ApartmentRecord) => Promise<"committed" | "conflict">;
  /** An effect of this name is where it belongs. */
  readonly sent: (name: string) => void;
  readonly message: (message: ApartmentMessage) => void;
  readonly command: (queueUrl: string, command: Command) => void;
};
type Gate = <T>(effect: () => Promise<T>) => Promise<T>;

export function gatedPorts(behind: Behind, gate: Gate): TurnDeps {
  const clock = { now: behind.now, sleep: unused };
  const stores = { tables: behind.tables, clock };
  const apartments = memoryApartmentStore(stores);
  return {
    settings,
    clock,
    telemetry: { count: () => {}, log: () => {} },
    apartments: {
      read: (id) => gate(() => apartments.read(id)),
      load: (id, jobIds) => gate(() => apartments.load(id, jobIds)),
      commit: (next) => (isOfVm(next) ? gate(() => behind.commit(next)) : unused()),
      createHost: unused,
      list: unused,
      atHost: unused,
      due: unused,
      readDomainXml: unused,
      forgetDomainXml: unused,
    },
    ...gatedRooms(behind, gate),
    ...gatedQueues(behind, gate),
    ...gatedStores(behind, gate),
    ...gatedInterests(behind, gate),
  };
}

function gatedRooms(behind: Behind, gate: Gate): Pick<TurnDeps, "placement"> {
  const placement = memoryPlacement(behind);
  return {
    placement: {
      candidates: (limit) => gate(() => placement.candidates(limit)),
      host: (id) => gate(() => placement.host(id)),
      holders: unused,
      // A reserve effect counts as sent when its answer is.
      reserve: (effect) => gate(() => placement.reserve(effect)),
      release: (effect) =>
        gate(async () => {
          await placement.release(effect);
          behind.sent(effectName({ ...effect, kind: "release" }));
        }),
    },
  };
}

function gatedQueues(
  behind: Behind,
  gate: Gate,
): Pick<TurnDeps, "apartmentQueue" | "commandQueues" | "bus"> {
  return {
    apartmentQueue: {
      send: (messages) =>
        gate(async () => {
          for (const { to, message } of messages) {
            behind.message(message);
            const { body } = message;
            behind.sent(effectName({ kind: "message", to, message }));
            if (body.kind === "reserved")
              behind.sent(`reserve ${body.jobId} ${body.attempt} ${body.hostId}`);
            if (body.kind === "listening") behind.sent(`listen ${body.id}`);
          }
        }),
    },
    commandQueues: {
      access: { region: "local" },
      create: unused,
      remove: unused,
      credentials: unused,
      send: (queueUrl, command) =>
        gate(async () => {
          behind.command(queueUrl, command);
          behind.sent(`command ${command.commandId}`);
          return "sent" as const;
        }),
    },
    bus: {
      put: (events) =>
        gate(async () => {
          for (const event of events) behind.sent(effectName({ kind: "event", event }));
        }),
    },
  };
}

function gatedInterests(behind: Behind, gate: Gate): Pick<TurnDeps, "interests"> {
  const interests = memoryInterests({ tables: behind.tables, clock: { now: behind.now } });
  return {
    interests: {
      register: (interest) => gate(() => interests.register(interest)),
      remove: (interest) =>
        gate(async () => {
          behind.sent(`unlisten ${interest.id}`);
          return interests.remove(interest);
        }),
      under: unused,
    },
  };
}

function gatedStores(behind: Behind, gate: Gate): Pick<TurnDeps, "jobs" | "incidents"> {
  const stores = { tables: behind.tables, clock: { now: behind.now } };
  const jobs = memoryJobStore(stores);
  const incidents = memoryIncidentStore({ ...stores, retention: settings });
  return {
    jobs: {
      read: (id) => gate(() => jobs.read(id)),
      create: (job, joiner) =>
        gate(async () => {
          behind.sent(effectName({ kind: "new-job", job }));
          return jobs.create(job, joiner);
        }),
      addJoiner: (jobId, joiner) =>
        gate(async () => {
          behind.sent(effectName({ kind: "join", jobId, joiner }));
          return jobs.addJoiner(jobId, joiner);
        }),
      project: (effect) =>
        gate(async () => {
          behind.sent(effectName(effect));
          return jobs.project(effect);
        }),
      requestCancel: (jobId, reason) =>
        gate(async () => {
          behind.sent(`cancel ${jobId}`);
          return jobs.requestCancel(jobId, reason);
        }),
      list: unused,
      unsent: unused,
    },
    incidents: {
      open: (incident) =>
        gate(async () => {
          behind.sent(effectName({ kind: "open-incident", incident }));
          return incidents.open(incident);
        }),
      resolve: (incidentId, at) =>
        gate(async () => {
          behind.sent(effectName({ kind: "resolve-incident", incidentId, at }));
          return incidents.resolve(incidentId, at);
        }),
      read: unused,
      list: unused,
    },
  };
}

async function unused(): Promise<never> {
  throw new Error("not used by a turn");
}
