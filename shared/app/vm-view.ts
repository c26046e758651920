/** A VM's record as the HTTP API shows it. */
import type { Apartment, ApartmentRecord } from "../model/apartment-record.ts";
import { HostId } from "../model/ids.ts";
import type { Observation } from "../model/power.ts";
import type { Vm } from "../model/vm.ts";
import { isoTime, isoTimeIf } from "./iso-time.ts";

/** `Vm`; the domain XML, where there is one, is given beside the record. */
export function vmView(record: ApartmentRecord, domainXml?: string): Vm {
  const { vm } = record;
  return {
    id: record.id,
    name: vm.name,
    account: vm.account,
    spec: domainXml === undefined ? vm.spec : { ...vm.spec, domainXml },
    haEnabled: vm.haEnabled,
    state: vm.state,
    hostId: vm.hostId,
    lastHostId: vm.lastHostId,
    version: record.version,
    power: powerView(record),
    activeJobId: record.active?.jobId,
    queuedJobs: record.queued.length,
    createdAt: isoTime(record.createdAt),
    updatedAt: isoTime(record.updatedAt),
  };
}

/** `Apartment`: who holds it, since when, for what it waits, who is next. */
export function apartmentView(record: ApartmentRecord): Apartment {
  const { active } = record;
  return {
    vmId: record.id,
    version: record.version,
    epoch: record.epoch,
    paused: record.paused,
    active:
      active === undefined
        ? undefined
        : {
            jobId: active.jobId,
            type: active.type,
            step: active.step,
            since: isoTime(active.stepSince),
            startedAt: isoTime(active.startedAt),
            waitsFor: active.waitFor,
            deadline: isoTime(active.deadlineAt),
          },
    queued: record.queued,
    unsettled: record.unsettled,
    wakeAt: isoTimeIf(record.wakeAt),
  };
}

/** What its own host last said; of a VM that has none, what was last said by any. */
function powerView(record: ApartmentRecord): Vm["power"] {
  const said = latest(record);
  if (said === undefined) return { state: "unknown" };
  const [hostId, observation] = said;
  return {
    state: observation.power,
    hostId,
    observedAt: isoTime(observation.receivedAt),
    detail: observation.detail,
  };
}

function latest(record: ApartmentRecord): readonly [HostId, Observation] | undefined {
  const { hostId } = record.vm;
  const own = hostId === undefined ? undefined : record.observations[hostId];
  if (hostId !== undefined && own !== undefined) return [hostId, own];
  const last = Object.entries(record.observations).sort(
    ([, a], [, b]) => b.receivedAt - a.receivedAt,
  )[0];
  return last === undefined ? undefined : [HostId.parse(last[0]), last[1]];
}
