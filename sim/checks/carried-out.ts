/**
 * Ports that tell which effects took effect, by the names of `effect-name.ts`. They are behind the gate: what is told here
 * is durable where it belongs, whether or not its worker lived to know.
 */
import type { JobStore, Placement, Ports } from "../../shared/app/ports.ts";
import type { HostId, VmId } from "../../shared/model/ids.ts";
import type { Interest } from "../../shared/model/interest.ts";
import type { TopicEvent } from "../../shared/model/topic.ts";
import { effectName } from "./effect-name.ts";

export interface Witness {
  readonly carriedOut: (name: string) => void;
  /** A job's record took a projection in. */
  readonly projected: (name: string) => void;
  /** Room that was held is not any more. */
  readonly givenBack: (room: { readonly hostId: HostId; readonly vmId: VmId }) => void;
  /** The bus took an event. */
  readonly toldOnBus: (event: TopicEvent) => void;
  /** Somebody asked who listens. */
  readonly listenersFound: (prefixes: readonly string[], found: readonly Interest[]) => void;
}

export function witnessed(ports: Ports, witness: Witness): Ports {
  const { apartmentQueue, commandQueues, bus, incidents, interests } = ports;
  const { carriedOut } = witness;
  return {
    ...ports,
    jobs: witnessedJobs(ports.jobs, witness),
    placement: witnessedRooms(ports.placement, witness),
    apartmentQueue: {
      send: async (messages) => {
        await apartmentQueue.send(messages);
        for (const { to, message } of messages) {
          carriedOut(effectName({ kind: "message", to, message }));
          // A reservation, or an interest, is carried out when its answer is on the way.
          if (message.body.kind === "reserved") carriedOut(`reserve ${to} ${message.logicalId}`);
          if (message.body.kind === "listening") carriedOut(`listen ${message.body.id}`);
        }
      },
    },
    commandQueues: {
      ...commandQueues,
      send: async (queueUrl, command) => {
        const sent = await commandQueues.send(queueUrl, command);
        carriedOut(`command ${command.commandId}`);
        return sent;
      },
    },
    bus: {
      put: async (events) => {
        await bus.put(events);
        for (const event of events) {
          carriedOut(effectName({ kind: "event", event }));
          witness.toldOnBus(event);
        }
      },
    },
    interests: {
      ...interests,
      under: async (prefixes) => {
        const found = await interests.under(prefixes);
        witness.listenersFound(prefixes, found);
        return found;
      },
      remove: async (interest) => {
        await interests.remove(interest);
        carriedOut(`unlisten ${interest.id}`);
      },
    },
    incidents: {
      ...incidents,
      open: async (incident) => {
        const opened = await incidents.open(incident);
        carriedOut(effectName({ kind: "open-incident", incident }));
        return opened;
      },
      resolve: async (incidentId, at) => {
        const resolved = await incidents.resolve(incidentId, at);
        carriedOut(effectName({ kind: "resolve-incident", incidentId, at }));
        return resolved;
      },
    },
  };
}

function witnessedJobs(jobs: JobStore, { carriedOut, projected }: Witness): JobStore {
  return {
    ...jobs,
    create: async (job, joiner) => {
      const created = await jobs.create(job, joiner);
      carriedOut(effectName({ kind: "new-job", job }));
      return created;
    },
    addJoiner: async (jobId, joiner) => {
      const joined = await jobs.addJoiner(jobId, joiner);
      carriedOut(effectName({ kind: "join", jobId, joiner }));
      return joined;
    },
    requestCancel: async (jobId, reason) => {
      const job = await jobs.requestCancel(jobId, reason);
      if (job !== undefined) carriedOut(`cancel ${jobId}`);
      return job;
    },
    project: async (effect) => {
      const name = effectName(effect);
      const answer = await jobs.project(effect);
      carriedOut(name);
      if (answer.status === "projected") projected(name);
      return answer;
    },
  };
}

function witnessedRooms(placement: Placement, witness: Witness): Placement {
  const isHeld = async ({ hostId, vmId }: Parameters<Witness["givenBack"]>[0]) =>
    (await placement.holders(hostId)).includes(vmId);
  return {
    ...placement,
    release: async (effect) => {
      const wasHeld = await isHeld(effect);
      await placement.release(effect);
      witness.carriedOut(effectName({ ...effect, kind: "release" }));
      if (wasHeld && !(await isHeld(effect))) witness.givenBack(effect);
    },
  };
}
