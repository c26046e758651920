import { describe, expect, it } from "vitest";
import type { ApartmentRecord } from "../../../shared/model/apartment-record.ts";
import type { CommandEffect, Effect, JobEffect } from "../../../shared/model/effect.ts";
import { AccountId, CommandId, LogicalId } from "../../../shared/model/ids.ts";
import { checkCommit } from "../../../sim/checks/commit-checks.ts";
import { aRecord, bootId, hostId, jobIdOf, otherHostId, T0, vmId } from "../../support/a-record.ts";

type Active = NonNullable<ApartmentRecord["active"]>;

function anActive(parts: Partial<Active> = {}): Active {
  return {
    ...{ jobId: jobIdOf(1), type: "vm.start", workVersion: 1, account: AccountId.parse("acme") },
    ...{ input: {}, memo: {}, status: "running", step: "starting", stepSince: T0, startedAt: T0 },
    ...{ attempts: 1, waitFor: { kind: "timer" }, sent: {}, deadlineAt: T0 + 1_000, journalled: 0 },
    ...parts,
  };
}

const anEnd: JobEffect = {
  ...{ kind: "job", jobId: jobIdOf(1), revision: 2, status: "succeeded", attempts: 1, journal: [] },
};

function aStart(parts: Partial<CommandEffect> = {}): CommandEffect {
  return {
    kind: "command",
    commandId: CommandId.parse(`${vmId}.2.0`),
    ...{ hostId, queueUrl: "q", bootId, vmId, jobId: jobIdOf(1), epoch: 1 },
    call: { verb: "start", args: { name: "web", spec: { cpus: 1, memoryMiB: 64 }, ha: false } },
    ...{ timeoutSeconds: 60, issuedAt: T0 },
    ...parts,
  };
}

const unsettled = (at: typeof hostId, version: number) => ({
  commandId: CommandId.parse(`${vmId}.${version}.0`),
  ...{ hostId: at, epoch: 1, jobId: jobIdOf(1), verb: "start" },
});

/** What breaks when `next` follows `before`. */
function broken(before: Partial<ApartmentRecord>, next: Partial<ApartmentRecord>): string[] {
  const found: string[] = [];
  checkCommit(aRecord(before), { ...aRecord(), version: 2, ...next }, (invariant) =>
    found.push(invariant),
  );
  return found;
}

const active = anActive();
const waits = { active, wakeAt: active.deadlineAt };
const queued = [{ jobId: jobIdOf(2), type: "vm.stop" }];
const goOn: Effect = {
  kind: "message",
  to: vmId,
  message: { v: 1, logicalId: LogicalId.parse("go-on"), body: { kind: "wake", dueAt: T0 } },
};

describe("what each commit must keep, as the simulation sees it", () => {
  it("is kept by a job that begins, waits and ends", () => {
    expect(broken({}, waits)).toEqual([]);
    expect(broken({ active }, { effects: [anEnd] })).toEqual([]);
  });

  it.each<[string, Partial<ApartmentRecord>, Partial<ApartmentRecord>]>([
    ["A1", { active }, {}],
    ["A1", { active }, { effects: [anEnd], queued, wakeAt: T0 }],
    ["A2", {}, { version: 3 }],
    ["A2", {}, { version: 1 }],
    ["A7", { active }, { ...waits, effects: [anEnd] }],
    ["A8", {}, { active }],
    ["A8", {}, { active, wakeAt: active.deadlineAt + 1 }],
    ["A8", {}, { active: anActive({ deadlineAt: T0 }), wakeAt: T0 }],
    ["A8", {}, { queued, effects: [goOn] }],
    [
      "A9",
      { active },
      { effects: [{ ...anEnd, status: "failed", error: { code: "poison_message", detail: "" } }] },
    ],
    ["A6", {}, { ...waits, epoch: 1, effects: [aStart()] }],
    [
      "A6",
      { epoch: 1 },
      { ...waits, epoch: 1, effects: [aStart()], unsettled: [unsettled(hostId, 2)] },
    ],
    [
      "A6",
      {},
      {
        ...waits,
        epoch: 1,
        effects: [aStart()],
        unsettled: [unsettled(hostId, 2), unsettled(otherHostId, 1)],
      },
    ],
    [
      "room",
      {},
      {
        effects: [
          { kind: "release", hostId, vmId, revision: 2 },
          {
            kind: "reserve",
            hostId,
            vmId,
            jobId: jobIdOf(1),
            revision: 2,
            attempt: 1,
            need: { cpus: 1, memoryMiB: 1 },
            labels: {},
            boot: { bootId, bootOrdinal: 1, queueUrl: "q" },
          },
        ],
      },
    ],
  ])("%s is broken by name", (invariant, before, next) => {
    expect(broken(before, next)).toEqual([invariant]);
  });

  it("A6 a start goes out under a new epoch while nothing is unsettled elsewhere", () => {
    const sent = { ...waits, epoch: 1, effects: [aStart()], unsettled: [unsettled(hostId, 2)] };
    expect(broken({}, sent)).toEqual([]);
  });
});
