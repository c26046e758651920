/** Records and messages for tests: defaults that make sense, with overrides. */
import { disagreement } from "../../shared/core/agreement.ts";
import type { TurnSource } from "../../shared/core/flush.ts";
import type {
  ApartmentMessage,
  ApartmentMessageBody,
} from "../../shared/model/apartment-message.ts";
import {
  ApartmentRecord,
  HostApartmentRecord,
  type VmSubject,
} from "../../shared/model/apartment-record.ts";
import { HostFact } from "../../shared/model/host.ts";
import { BootId, HostId, hostApartmentId, JobId, LogicalId, VmId } from "../../shared/model/ids.ts";
import { JobRecord } from "../../shared/model/job.ts";
import { Settings } from "../../shared/model/settings.ts";

export const settings = Settings.parse({});
export const vmId = VmId.parse("11111111-1111-4111-8111-111111111111");
export const hostId = HostId.parse("host-a");
export const otherHostId = HostId.parse("host-b");
export const bootId = BootId.parse("boot-0001");
export const T0 = 1_800_000_000_000;

/** The n-th job's id. */
export function jobIdOf(n: number): JobId {
  return JobId.parse(`01930000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`);
}

export function aRecord(
  overrides: Partial<Omit<ApartmentRecord, "vm">> & { readonly vm?: Partial<VmSubject> } = {},
): ApartmentRecord {
  const { vm, ...rest } = overrides;
  const record = ApartmentRecord.parse({
    v: 1,
    id: vmId,
    version: 1,
    epoch: 0,
    observations: {},
    queued: [],
    unsettled: [],
    openIncidents: [],
    paused: false,
    applied: [],
    effects: [],
    createdAt: T0,
    updatedAt: T0,
    ...rest,
    vm: {
      account: "acme",
      name: "web",
      spec: { cpus: 1, memoryMiB: 64 },
      haEnabled: false,
      state: "Stopped",
      ...vm,
    },
  });
  return asCommitted(record);
}

/** Its host has said that it is on, or paused, where it is; and what hosts do not agree to is to be verified, another day. */
function asCommitted(record: ApartmentRecord): ApartmentRecord {
  const { state, hostId: at } = record.vm;
  const power = state === "Running" ? "on" : state === "Suspended" ? "paused" : undefined;
  const seen =
    power === undefined || at === undefined || record.observations[at] !== undefined
      ? record
      : {
          ...record,
          observations: {
            ...record.observations,
            [at]: { bootOrdinal: 1, seq: 0, power, receivedAt: T0 },
          },
        };
  const recheck = { at: T0 + 24 * 60 * 60 * 1000, tries: 0 };
  return disagreement(seen) === undefined || seen.recheck !== undefined
    ? seen
    : { ...seen, recheck };
}

export function aHostRecord(overrides: Partial<HostApartmentRecord> = {}): HostApartmentRecord {
  return HostApartmentRecord.parse({
    v: 1,
    id: hostApartmentId(hostId),
    hostId,
    version: 1,
    epoch: 0,
    queued: [],
    openIncidents: [],
    paused: false,
    applied: [],
    effects: [],
    createdAt: T0,
    updatedAt: T0,
    ...overrides,
  });
}

export function aJob(n: number, overrides: Partial<JobRecord> = {}): JobRecord {
  return JobRecord.parse({
    id: jobIdOf(n),
    type: "vm.start",
    workVersion: 1,
    account: "acme",
    vmId,
    status: "queued",
    revision: 0,
    input: {},
    cancelRequested: false,
    attempts: 0,
    createdAt: T0,
    journal: [],
    ...overrides,
  });
}

export function aHostFact(overrides: Partial<HostFact> = {}): HostFact {
  return HostFact.parse({
    hostId,
    state: "Up",
    free: { cpus: 8, memoryMiB: 8192 },
    labels: {},
    bootId,
    bootOrdinal: 1,
    queueUrl: "http://127.0.0.1/commands-host-a",
    migrationUri: "qemu+tls://host-a/system",
    ...overrides,
  });
}

/** A message named by what it says, as its real sender would name it. */
export function aMessage(body: ApartmentMessageBody): ApartmentMessage {
  return { v: 1, logicalId: LogicalId.parse(logicalName(body)), body };
}

function logicalName(body: ApartmentMessageBody): string {
  switch (body.kind) {
    case "submit":
      return `submit:${body.jobId}`;
    case "cancel":
      return `cancel:${body.jobId}`;
    case "job-ended":
      return `ended:${body.jobId}`;
    case "join-refused":
      return `join-refused:${body.parentId}:${body.jobId}`;
    case "result":
      return `result:${body.hostId}:${body.commandId}`;
    case "observed":
      return `obs:${body.hostId}:${body.bootOrdinal}:${body.seq}`;
    case "host-lost":
      return `lost:${body.hostId}:${body.bootOrdinal}:${body.lastReportAt ?? 0}`;
    case "host-fenced":
      return `fenced:${body.hostId}:${body.bootOrdinal}`;
    case "reserved":
      return `reserved:${body.jobId}:${body.attempt}:${body.hostId}`;
    case "listening":
      return `listening:${body.id}`;
    case "topic":
      return `topic:${body.id}:${body.event.id}`;
    case "wake":
      return `wake:${vmId}:${body.dueAt}`;
    case "patch":
      return `inline:patch:${body.name}:${body.haEnabled}`;
    case "pause":
      return `inline:pause:${body.paused}`;
    case "incident-resolved":
      return `inline:${body.incidentId}`;
    default:
      return body satisfies never;
  }
}

/** The next batch of the queue: its sequence numbers are above those of all that was committed before. */
export function nextBatch({ version }: Pick<ApartmentRecord, "version">): TurnSource {
  return { kind: "queue", lowestSequence: String(version), highestSequence: String(version) };
}
