/** What a quiet report costs: one invocation, one conditional write, nothing else, however many VMs it lists. */
import "../support/function-environment.ts";

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { agentsApi } from "../../functions/ingest.ts";
import { reconcileHost } from "../../shared/app/reconcile-host.ts";
import { REPORT_VMS_MAX, ReportAnswer } from "../../shared/model/agent-protocol.ts";
import { AgentReportDetail } from "../../shared/model/topic.ts";
import { openDynamoStores } from "../contract/store-world.ts";
import { aRecord } from "../support/a-record.ts";
import { countCalls } from "../support/count-calls.ts";
import type { DynamoEngine } from "../support/dynamo-engine.ts";
import { startDynoxide } from "../support/dynoxide.ts";
import { aHostInSession, aReport, listed } from "../support/joined-host.ts";
import { aWorld } from "../support/memory-world.ts";
import { signedRequest } from "../support/signed-request.ts";

describe("a quiet report", () => {
  let engine: DynamoEngine;
  let calls: readonly string[];
  beforeAll(async () => {
    engine = await startDynoxide();
    calls = countCalls(engine.client);
  });
  afterAll(() => engine.stop());

  /** A host over tables on the engine; bus and queues are in memory, to be looked at. */
  async function aHost() {
    const world = aWorld();
    const deps = { ...world.deps, ...(await openDynamoStores(engine.client)), clock: world.clock };
    const host = await aHostInSession({ ...world, deps });
    const handler = agentsApi(deps);
    const send = async (vmCount: number, seq: number) => {
      const vms = Array.from({ length: vmCount }, (_, n) => listed(n));
      const body = aReport({ seq, vms });
      const createdSeconds = Math.floor(world.clock.at / 1000);
      return handler(signedRequest(host, "report", { body, createdSeconds }));
    };
    const workOff = async () => {
      const { detail, topic, id } = world.memory.bus.events.at(-1) ?? {};
      await reconcileHost(deps, AgentReportDetail.parse({ ...detail, topic, id }));
      world.taken();
    };
    return { world, deps, host, send, workOff };
  }

  it.each([5, 500, REPORT_VMS_MAX])(
    "of %i VMs is one write, and nothing on bus or queue",
    async (vmCount) => {
      const { world, deps, host, send, workOff } = await aHost();
      await send(vmCount, 1);
      await workOff();
      const before = { calls: calls.length, events: world.memory.bus.events.length };
      world.clock.at += 60_000;
      const { statusCode, body } = await send(vmCount, 2);
      expect(statusCode).toBe(202);
      expect(calls.slice(before.calls)).toEqual(["UpdateItemCommand"]);
      expect(world.memory.bus.events).toHaveLength(before.events);
      expect(world.taken()).toEqual([]);
      // The lease that the answer tells of is the one that was written.
      const { leaseUntil } = ReportAnswer.parse(JSON.parse(body ?? ""));
      const heartbeat = (await deps.hosts.read(host.hostId))?.heartbeat;
      expect(heartbeat?.leaseUntil).toBe(Date.parse(leaseUntil));
      expect(heartbeat?.leaseUntil).toBe(world.clock.at + 300_000);
    },
  );

  it.each([5, 200])(
    "of %i VMs is two writes and one query when a resync is due and finds all as it should be",
    async (vmCount) => {
      const { world, deps, host, send, workOff } = await aHost();
      const vm = { state: "Running", hostId: host.hostId } as const;
      for (let n = 0; n < vmCount; n += 1) {
        const record = aRecord({ id: listed(n).vmId, vm });
        await deps.submissions.accept({ vm: { record }, now: world.clock.at });
      }
      await send(vmCount, 1);
      await workOff();
      const before = { calls: calls.length, events: world.memory.bus.events.length };
      world.clock.at += 600_000;
      expect(await send(vmCount, 2)).toMatchObject({ statusCode: 202 });
      const made = ["UpdateItemCommand", "QueryCommand", "UpdateItemCommand"];
      expect(calls.slice(before.calls)).toEqual(made);
      expect(await send(vmCount, 3)).toMatchObject({ statusCode: 202 });
      expect(calls.slice(before.calls)).toEqual([...made, "UpdateItemCommand"]);
      expect(world.memory.bus.events).toHaveLength(before.events);
      expect(world.taken()).toEqual([]);
    },
  );

  it("is answered only after its write: one that cannot be written renews no lease", async () => {
    const { deps, host } = await aHost();
    const before = await deps.hosts.read(host.hostId);
    const beat = async () => {
      throw new Error("the table is away");
    };
    const handler = agentsApi({ ...deps, hosts: { ...deps.hosts, beat } });
    const request = signedRequest(host, "report", { body: aReport() });
    const answer = handler(request).then(({ statusCode }) => statusCode);
    expect(await answer).toBe(500);
    expect(await deps.hosts.read(host.hostId)).toEqual(before);
  });
});
