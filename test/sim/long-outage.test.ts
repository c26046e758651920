/**
 * The whole database refuses everything for an hour, beginning at some moment of jobs under way. Queues, bus, agents and guests
 * go on. No job may fail of it, and none may be lost.
 */
import { describe, expect, it } from "vitest";
import { createVm } from "../../shared/app/create-vm.ts";
import { submitVerb } from "../../shared/app/submit-verb.ts";
import type { JobId, VmId } from "../../shared/model/ids.ts";
import { VmName } from "../../shared/model/vm.ts";
import { OPERATOR, tried } from "../../sim/client.ts";
import { startControlPlane } from "../../sim/control-plane.ts";
import { restOf } from "../../sim/rest.ts";
import { addSimHost, type SimHost } from "../../sim/sim-host.ts";
import { SPEC } from "../../sim/wishes.ts";
import { makeWorld } from "../../sim/world.ts";

const HOUR_MS = 3_600_000;
const DATABASE = {
  ports: [
    ...["apartments", "submissions", "jobs", "hosts", "placement"],
    ...["incidents", "events", "interests"],
  ],
  lastsMs: HOUR_MS,
};

/** Two hosts with VMs that are on, and one that is to come. */
async function aQuietWorld() {
  const rates = {};
  const sizes = { hosts: 2, vms: 5, minutes: 1, askedEverySeconds: 1 };
  const world = makeWorld({ seed: 1, ...sizes, selfFence: false, rates, spared: [] });
  const { time } = world;
  const hosts: SimHost[] = [];
  for (const n of [1, 2]) hosts.push(await addSimHost(world, n, () => {}));
  const pump = startControlPlane(world);
  const isOver = () => {
    pump();
    world.commandsSent.look();
    return false;
  };
  const pass = (ms: number) => time.pass({ at: time.now() + ms, isOver });
  const random = world.random("client");
  const vmIds = Array.from({ length: sizes.vms }, () => world.memory.ports.names.vmId());
  const accepted: JobId[] = [];
  const create = (vmId: VmId) =>
    void tried(world, random, "api-vms", async (deps, keyed) => {
      const request = { id: vmId, name: VmName.parse("web"), spec: SPEC, start: true };
      const answer = await createVm(deps, { ...keyed, caller: OPERATOR, request });
      if (answer.ok && answer.value.job !== undefined) accepted.push(answer.value.job.id);
      return answer;
    });
  const ask = (n: number, verb: string, body: object = {}) => {
    const vmId = vmIds[n];
    if (vmId === undefined) throw new Error(`there is no VM ${n}`);
    void tried(world, random, "api-vms", async (deps, keyed) => {
      const answer = await submitVerb(deps, { ...keyed, caller: OPERATOR, vmId, verb, body });
      if (answer.ok) accepted.push(answer.value.id);
      return answer;
    });
  };
  await pass(60_000);
  for (const vmId of vmIds.slice(0, 4)) create(vmId);
  await pass(5 * 60_000);
  const [newVm] = vmIds.slice(4);
  return {
    ...{ world, hosts, pass, ask, accepted },
    create: () => {
      if (newVm !== undefined) create(newVm);
    },
  };
}

describe("an outage of the whole database for an hour", () => {
  it.each([0, 30, 60, 100, 200, 400, 1_000, 3_000, 10_000])(
    "fails no job and loses none, when it begins %d ms after they were asked for",
    async (afterMs) => {
      const { world, hosts, pass, ask, create, accepted } = await aQuietWorld();
      create();
      ask(0, "stop");
      ask(0, "start");
      ask(1, "reboot");
      ask(2, "migrate");
      ask(3, "suspend");
      ask(3, "resume");
      await pass(afterMs);
      world.outages.begin(DATABASE);
      await pass(HOUR_MS);
      const restAt = world.time.now() + 2 * HOUR_MS;
      while (restOf(world, hosts) !== undefined && world.time.now() < restAt) await pass(60_000);
      expect(world.watch.violation() ?? restOf(world, hosts)).toBeUndefined();
      const asked = world.memory.tables.jobs.all().filter(({ type }) => type !== "vm.verify");
      expect(asked.filter(({ status }) => status !== "succeeded")).toEqual([]);
      const ids = new Set(asked.map(({ id }) => id));
      expect(accepted.filter((id) => !ids.has(id))).toEqual([]);
      expect(new Set(accepted).size).toBeGreaterThanOrEqual(afterMs < 100 ? 4 : 4 + 7);
      const kinds = world.memory.tables.incidents.all().map(({ kind }) => kind);
      // Hosts were not heard for an hour, either.
      expect(kinds.filter((kind) => kind !== "host_down")).toEqual([]);
    },
  );
});
