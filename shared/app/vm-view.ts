/** A VM's record as the HTTP API shows it. */
import type { Apartment, ApartmentRecord } from "../model/apartment-record.ts";
import { shownObservation } from "../model/list-filters.ts";
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
    snapshots: (vm.snapshots ?? []).map(({ takenAt, ...snapshot }) => ({
      ...snapshot,
      takenAt: isoTime(takenAt),
    })),
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
            joined: active.joined,
            deadline: isoTime(active.deadlineAt),
          },
    outer: record.outer?.map(({ jobId, type, step }) => ({ jobId, type, step })),
    queued: record.queued.map(({ jobId, type }) => ({ jobId, type })),
    unsettled: record.unsettled,
    wakeAt: isoTimeIf(record.wakeAt),
  };
}

/** What stands for the VM where one observation is shown; the `powerState` filter goes by the same. */
function powerView(record: ApartmentRecord): Vm["power"] {
  const shown = shownObservation(record);
  if (shown === undefined) return { state: "unknown" };
  const { hostId, observation } = shown;
  return {
    state: observation.power,
    hostId,
    observedAt: isoTime(observation.receivedAt),
    detail: observation.detail,
  };
}
