/** What each operation costs in calls: the budgets of design.md rest on these. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ReserveEffect } from "../../../shared/model/effect.ts";
import { VmId } from "../../../shared/model/ids.ts";
import { openDynamoStores, type StoreWorld } from "../../contract/store-world.ts";
import { aJoin, aSession, hostUp, otherBootId, publicKey } from "../../support/a-host.ts";
import { aJob, aRecord, bootId, hostId, jobIdOf, T0, vmId } from "../../support/a-record.ts";
import { countCalls } from "../../support/count-calls.ts";
import type { DynamoEngine } from "../../support/dynamo-engine.ts";
import { startDynoxide } from "../../support/dynoxide.ts";

describe("calls to DynamoDB", () => {
  let engine: DynamoEngine;
  let calls: readonly string[];
  let world: StoreWorld;
  beforeAll(async () => {
    engine = await startDynoxide();
    calls = countCalls(engine.client);
  });
  afterAll(() => engine.stop());
  beforeEach(async () => {
    world = await openDynamoStores(engine.client);
    await hostUp(world.hosts, { capacity: { cpus: 8, memoryMiB: 8192 } });
    await world.submissions.accept({ job: aJob(1), vm: { record: aRecord() }, now: T0 });
  });

  const callsOf = async (act: () => Promise<unknown>) => {
    const before = calls.length;
    await act();
    return calls.slice(before);
  };
  const reserve: ReserveEffect = {
    ...{ kind: "reserve", hostId, vmId, jobId: jobIdOf(1), revision: 1, attempt: 1, labels: {} },
    need: { cpus: 1, memoryMiB: 1 },
    boot: { bootId, bootOrdinal: 1, queueUrl: aJoin().queueUrl },
  };
  const beat = {
    ...{
      hostId,
      publicKey,
      bootId,
      seq: 1,
      digest: "d",
      selfFence: false,
      vmCount: 1,
      now: T0,
      leaseUntil: T0,
    },
  };

  test("a turn reads with one call, with jobs or without, and commits with one", async () => {
    const { apartments } = world;
    expect(await callsOf(() => apartments.load(vmId, []))).toEqual(["GetItemCommand"]);
    const withJobs = await callsOf(() => apartments.load(vmId, [jobIdOf(1), jobIdOf(2)]));
    expect(withJobs).toEqual(["BatchGetItemCommand"]);
    const commit = await callsOf(() => apartments.commit(aRecord({ version: 2 })));
    expect(commit).toEqual(["PutItemCommand"]);
    const conflict = await callsOf(() => apartments.commit(aRecord({ version: 2 })));
    expect(conflict).toEqual(["PutItemCommand"]);
  });

  test("a submission is accepted with one call, refused and replayed with one", async () => {
    const { submissions } = world;
    const job = await callsOf(() => submissions.accept({ job: aJob(2), now: T0 }));
    expect(job).toEqual(["PutItemCommand"]);
    const account = aJob(3).account;
    const idempotency = { account, key: "k", requestHash: "h", expiresAt: T0 + 1 };
    const submission = { job: aJob(3), idempotency, now: T0 };
    for (const status of ["accepted", "replayed"]) {
      const accept = await callsOf(async () =>
        expect(await submissions.accept(submission)).toMatchObject({ status }),
      );
      expect(accept).toEqual(["TransactWriteItemsCommand"]);
    }
  });

  test("a projection is one call, whatever it comes to", async () => {
    const effect = { kind: "job", jobId: jobIdOf(1), revision: 2, attempts: 1 } as const;
    for (const status of ["projected", "superseded"]) {
      const project = await callsOf(async () =>
        expect(await world.jobs.project({ ...effect, status: "running", journal: [] })).toEqual({
          status,
        }),
      );
      expect(project).toEqual(["UpdateItemCommand"]);
    }
  });

  test("a report is one call, whatever it comes to", async () => {
    for (const status of ["beaten", "replayed"]) {
      const beaten = await callsOf(async () =>
        expect(await world.hosts.beat(beat)).toMatchObject({ status }),
      );
      expect(beaten).toEqual(["UpdateItemCommand"]);
    }
  });

  test("a reservation is one call, held or refused; the candidates are one query", async () => {
    const { placement } = world;
    expect(await callsOf(() => placement.candidates(10))).toEqual(["QueryCommand"]);
    const transaction = ["TransactWriteItemsCommand"];
    expect(await callsOf(() => placement.reserve(reserve))).toEqual(transaction);
    expect(await callsOf(() => placement.reserve(reserve))).toEqual(transaction);
    const need = { cpus: 99, memoryMiB: 1 };
    const refused = { ...reserve, vmId: VmId.parse("99999999-9999-4999-8999-999999999999"), need };
    expect(await callsOf(() => placement.reserve(refused))).toEqual(transaction);
    const release = await callsOf(() => placement.release({ hostId, vmId, revision: 9 }));
    expect(release).toEqual(["GetItemCommand", ...transaction]);
    const again = await callsOf(() => placement.release({ hostId, vmId, revision: 9 }));
    expect(again).toEqual(["GetItemCommand", ...transaction]);
  });

  test("a host is read with one call, a session goes on with one and opens with two", async () => {
    const { hosts } = world;
    expect(await callsOf(() => hosts.read(hostId))).toEqual(["QueryCommand"]);
    expect(await callsOf(() => hosts.openSession(aSession()))).toEqual(["GetItemCommand"]);
    const opened = await callsOf(() => hosts.openSession({ ...aSession(), bootId: otherBootId }));
    expect(opened).toEqual(["GetItemCommand", "TransactWriteItemsCommand"]);
  });

  test("a list without filter reads as much as it shows: one query, one read of the items", async () => {
    const list = await callsOf(() => world.jobs.list({}, { limit: 50 }));
    expect(list).toEqual(["QueryCommand", "BatchGetItemCommand"]);
  });

  test("what is due is looked for in every shard", async () => {
    const due = await callsOf(() => world.apartments.due({ before: T0, limit: 10 }));
    expect(due).toEqual(Array.from({ length: 8 }, () => "QueryCommand"));
  });
});
