import { beforeEach, describe, expect, test } from "vitest";
import type { ReserveEffect } from "../../shared/model/effect.ts";
import { HostId, VmId } from "../../shared/model/ids.ts";
import { aJoin, hostUp, otherBootId, tokenHash } from "../support/a-host.ts";
import { bootId, hostId, jobIdOf, T0, vmId } from "../support/a-record.ts";
import type { OpenStores, StoreWorld } from "./store-world.ts";

const { queueUrl } = aJoin();
const otherVmId = VmId.parse("66666666-6666-4666-8666-666666666666");

const aReserve = (overrides: Partial<ReserveEffect> = {}): ReserveEffect => ({
  kind: "reserve",
  hostId,
  vmId,
  jobId: jobIdOf(1),
  revision: 5,
  attempt: 1,
  need: { cpus: 2, memoryMiB: 1024 },
  labels: {},
  boot: { bootId, bootOrdinal: 1, queueUrl },
  ...overrides,
});
const refused = (reason: string) => ({ status: "refused", reason });

export function placementContract(open: OpenStores): void {
  describe("Placement", () => {
    let world: StoreWorld;
    beforeEach(async () => {
      world = await open();
    });
    const reserved = async () => (await world.hosts.read(hostId))?.host.reserved;
    const free = async () => (await world.placement.host(hostId))?.free;

    test("knows who holds room on a host, and on no other", async () => {
      const otherHost = HostId.parse("host-b");
      for (const id of [hostId, otherHost]) await hostUp(world.hosts, { id });
      expect(await world.placement.holders(hostId)).toEqual([]);
      await world.placement.reserve(aReserve());
      await world.placement.reserve(aReserve({ vmId: otherVmId }));
      await world.placement.reserve(aReserve({ hostId: otherHost }));
      expect(new Set(await world.placement.holders(hostId))).toEqual(new Set([vmId, otherVmId]));
      await world.placement.release({ hostId, vmId, revision: 9 });
      expect(await world.placement.holders(hostId)).toEqual([otherVmId]);
      expect(await world.placement.holders(otherHost)).toEqual([vmId]);
    });

    describe("candidates", () => {
      test("are the hosts that are Up, in a boot and not in maintenance", async () => {
        for (const id of ["up", "silent", "joined-again", "in-maintenance"])
          await hostUp(world.hosts, {
            id: HostId.parse(id),
            capacity: { cpus: 8, memoryMiB: 8192 },
            maintenance: id === "in-maintenance",
          });
        const again = HostId.parse("joined-again");
        await world.hosts.setJoinToken(again, { hash: tokenHash, expiresAt: T0 + 1 });
        await world.hosts.join(aJoin(again));
        const silent = HostId.parse("silent");
        const silence = { hostId: silent, lastReportAt: T0, state: "Down" } as const;
        expect(await world.hosts.markSilent(silence)).toBe("marked");
        expect((await world.placement.candidates(10)).map((host) => host.hostId)).toEqual(["up"]);
        await world.hosts.markHeard(silent);
        const heard = await world.placement.candidates(10);
        expect(new Set(heard.map((host) => host.hostId))).toEqual(new Set(["up", "silent"]));
      });

      test("say what placement and sending need", async () => {
        const labels = { zone: "b" };
        await hostUp(world.hosts, { labels, capacity: { cpus: 8, memoryMiB: 8192 } });
        await world.placement.reserve(aReserve());
        const fact = {
          ...{ hostId, state: "Up", labels, bootId, bootOrdinal: 1, queueUrl },
          free: { cpus: 6, memoryMiB: 7168 },
        };
        expect(await world.placement.candidates(10)).toEqual([fact]);
        expect(await world.placement.host(hostId)).toEqual(fact);
        expect(await world.placement.host(HostId.parse("nobody"))).toBeUndefined();
      });

      test("of more hosts than asked for, are those with the most room", async () => {
        for (const memoryMiB of [1, 5, 3, 4, 2])
          await hostUp(world.hosts, {
            id: HostId.parse(`host-${memoryMiB}`),
            capacity: { cpus: 8, memoryMiB },
          });
        const candidates = await world.placement.candidates(3);
        expect(candidates.map((host) => host.hostId)).toEqual(["host-5", "host-4", "host-3"]);
      });
    });

    describe("reserve", () => {
      const capacity = { cpus: 5, memoryMiB: 4096 };

      test("takes room from the host's sum", async () => {
        await hostUp(world.hosts, { capacity });
        expect(await world.placement.reserve(aReserve())).toEqual({ status: "held" });
        const other = aReserve({ vmId: otherVmId, need: { cpus: 3, memoryMiB: 3072 } });
        expect(await world.placement.reserve(other)).toEqual({ status: "held" });
        expect(await reserved()).toEqual({ cpus: 5, memoryMiB: 4096 });
        expect(await free()).toEqual({ cpus: 0, memoryMiB: 0 });
      });

      test("what this VM holds there is held again, whichever job took it and whatever became of the host", async () => {
        await hostUp(world.hosts, { capacity });
        await world.placement.reserve(aReserve());
        const again = aReserve({ jobId: jobIdOf(2), attempt: 4 });
        expect(await world.placement.reserve(again)).toEqual({ status: "held" });
        await world.hosts.markSilent({ hostId, lastReportAt: T0, state: "Down" });
        expect(await world.placement.reserve(again)).toEqual({ status: "held" });
        expect(await reserved()).toEqual({ cpus: 2, memoryMiB: 1024 });
      });

      test("is refused where room, boot, labels or state do not fit, and takes nothing", async () => {
        await hostUp(world.hosts, { capacity, labels: { zone: "a", "gpu/kind": "größe" } });
        const tooMany = aReserve({ need: { cpus: 6, memoryMiB: 1 } });
        expect(await world.placement.reserve(tooMany)).toEqual(refused("no_room"));
        const tooMuch = aReserve({ need: { cpus: 1, memoryMiB: 4097 } });
        expect(await world.placement.reserve(tooMuch)).toEqual(refused("no_room"));
        const boot = { bootId: otherBootId, bootOrdinal: 1, queueUrl };
        expect(await world.placement.reserve(aReserve({ boot }))).toEqual(refused("stale_boot"));
        const labels = aReserve({ labels: { zone: "b" } });
        expect(await world.placement.reserve(labels)).toEqual(refused("labels_differ"));
        const absent = aReserve({ labels: { zone: "a", disk: "fast" } });
        expect(await world.placement.reserve(absent)).toEqual(refused("labels_differ"));
        await world.hosts.markSilent({ hostId, lastReportAt: T0, state: "Disconnected" });
        expect(await world.placement.reserve(aReserve())).toEqual(refused("host_not_up"));
        const nobody = aReserve({ hostId: HostId.parse("nobody") });
        expect(await world.placement.reserve(nobody)).toEqual(refused("host_not_found"));
        expect(await reserved()).toEqual({ cpus: 0, memoryMiB: 0 });
        await world.hosts.markHeard(hostId);
        const fits = aReserve({ labels: { zone: "a", "gpu/kind": "größe" } });
        expect(await world.placement.reserve(fits)).toEqual({ status: "held" });
      });

      test("holds for a VM that was found on, whatever the host's room, labels and state, and counts it", async () => {
        await hostUp(world.hosts, { capacity });
        await world.hosts.markSilent({ hostId, lastReportAt: T0, state: "Disconnected" });
        const boot = { bootId: otherBootId, bootOrdinal: 1, queueUrl };
        const need = { cpus: 7, memoryMiB: 1024 };
        const found = aReserve({ found: true, need, boot, labels: { zone: "b" } });
        expect(await world.placement.reserve(found)).toEqual({ status: "held" });
        expect(await world.placement.reserve(found)).toEqual({ status: "held" });
        expect(await reserved()).toEqual(need);
        expect(await free()).toEqual({ cpus: 0, memoryMiB: 3072 });
        const nobody = aReserve({ found: true, hostId: HostId.parse("nobody") });
        expect(await world.placement.reserve(nobody)).toEqual(refused("host_not_found"));
        await world.placement.release({ hostId, vmId, revision: 6 });
        expect(await reserved()).toEqual({ cpus: 0, memoryMiB: 0 });
      });

      test("is refused in maintenance", async () => {
        await hostUp(world.hosts, { capacity, maintenance: true });
        const outcome = await world.placement.reserve(aReserve());
        expect(outcome).toEqual(refused("host_in_maintenance"));
      });

      test("a host whose capacity is not known takes anything, and goes by it once it is", async () => {
        await hostUp(world.hosts);
        const large = { cpus: 512, memoryMiB: 999_999 };
        expect(await world.placement.reserve(aReserve({ need: large }))).toEqual({
          status: "held",
        });
        expect(await free()).toBeUndefined();
        await world.hosts.setCapacity(hostId, { cpus: 514, memoryMiB: 1_000_100 });
        expect(await free()).toEqual({ cpus: 2, memoryMiB: 101 });
        const rest = aReserve({ vmId: otherVmId, need: { cpus: 2, memoryMiB: 101 } });
        expect(await world.placement.reserve(rest)).toEqual({ status: "held" });
        await world.hosts.setCapacity(hostId, { cpus: 1, memoryMiB: 1 });
        expect(await free()).toEqual({ cpus: 0, memoryMiB: 0 });
      });

      test("of many that race for the last room, one holds it", async () => {
        await hostUp(world.hosts, { capacity: { cpus: 2, memoryMiB: 1024 } });
        const racers = Array.from({ length: 6 }, (_, n) =>
          aReserve({ vmId: VmId.parse(`77777777-7777-4777-8777-00000000000${n}`) }),
        );
        const outcomes = await Promise.all(racers.map((racer) => world.placement.reserve(racer)));
        expect(outcomes.filter(({ status }) => status === "held")).toHaveLength(1);
        const losers = outcomes.filter(({ status }) => status === "refused");
        expect(losers).toEqual(losers.map(() => refused("no_room")));
        expect(await reserved()).toEqual({ cpus: 2, memoryMiB: 1024 });
      });
    });

    describe("release", () => {
      beforeEach(() => hostUp(world.hosts, { capacity: { cpus: 4, memoryMiB: 4096 } }));

      test("gives back what was held, once", async () => {
        await world.placement.reserve(aReserve());
        await world.placement.reserve(aReserve({ vmId: otherVmId }));
        await world.placement.release({ hostId, vmId, revision: 6 });
        await world.placement.release({ hostId, vmId, revision: 6 });
        expect(await reserved()).toEqual({ cpus: 2, memoryMiB: 1024 });
        expect(await free()).toEqual({ cpus: 2, memoryMiB: 3072 });
        expect(await world.placement.reserve(aReserve({ revision: 7 }))).toEqual({
          status: "held",
        });
      });

      test("is not undone by the older reserve that a late worker sends again (A4)", async () => {
        await world.placement.reserve(aReserve());
        await world.placement.release({ hostId, vmId, revision: 6 });
        expect(await world.placement.reserve(aReserve())).toEqual(refused("superseded"));
        expect(await reserved()).toEqual({ cpus: 0, memoryMiB: 0 });
      });

      test("that comes before the reserve it undoes keeps that from taking room", async () => {
        await world.placement.release({ hostId, vmId, revision: 6 });
        expect(await world.placement.reserve(aReserve())).toEqual(refused("superseded"));
        expect(await reserved()).toEqual({ cpus: 0, memoryMiB: 0 });
      });

      test("sent again late gives back nothing that was taken, or held on to, since (A4)", async () => {
        await world.placement.reserve(aReserve());
        await world.placement.release({ hostId, vmId, revision: 6 });
        await world.placement.reserve(aReserve({ revision: 7 }));
        await world.placement.release({ hostId, vmId, revision: 6 });
        expect(await reserved()).toEqual({ cpus: 2, memoryMiB: 1024 });
        await world.placement.reserve(aReserve({ revision: 9 }));
        await world.placement.release({ hostId, vmId, revision: 8 });
        expect(await reserved()).toEqual({ cpus: 2, memoryMiB: 1024 });
        await world.placement.release({ hostId, vmId, revision: 10 });
        expect(await reserved()).toEqual({ cpus: 0, memoryMiB: 0 });
      });

      test("of many at once, one gives back", async () => {
        await world.placement.reserve(aReserve());
        const releases = [1, 2, 3, 4].map(() =>
          world.placement.release({ hostId, vmId, revision: 6 }),
        );
        await Promise.all(releases);
        expect(await reserved()).toEqual({ cpus: 0, memoryMiB: 0 });
      });

      test("nothing held, or no such host, is fine", async () => {
        await world.placement.release({ hostId, vmId, revision: 6 });
        await world.placement.release({ hostId: HostId.parse("nobody"), vmId, revision: 6 });
        expect(await reserved()).toEqual({ cpus: 0, memoryMiB: 0 });
        expect(await world.hosts.read(HostId.parse("nobody"))).toBeUndefined();
      });
    });
  });
}
