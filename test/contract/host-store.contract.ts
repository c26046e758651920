import { beforeEach, describe, expect, test } from "vitest";
import { CommandResult } from "../../shared/model/agent-protocol.ts";
import { type FenceScope, HEARD_CROWD, HEARD_MAX } from "../../shared/model/host.ts";
import { HostId, VmId } from "../../shared/model/ids.ts";
import {
  aHost,
  aJoin,
  aSession,
  hostUp,
  otherBootId,
  otherKey,
  publicKey,
  tokenHash,
} from "../support/a-host.ts";
import { bootId, hostId, jobIdOf, T0, vmId } from "../support/a-record.ts";
import { allPages } from "./all-pages.ts";
import type { OpenStores, StoreWorld } from "./store-world.ts";

const aBeat = (seq: number) => ({
  hostId,
  publicKey,
  bootId,
  seq,
  digest: `digest-${seq}`,
  selfFence: false,
  vmCount: 3,
  now: T0 + seq,
  leaseUntil: T0 + seq + 300_000,
});

export function hostStoreContract(open: OpenStores): void {
  describe("HostStore", () => {
    let world: StoreWorld;
    beforeEach(async () => {
      world = await open();
    });
    const read = async (id: HostId = hostId) => {
      const row = await world.hosts.read(id);
      if (row === undefined) throw new Error(`no host ${id}`);
      return row;
    };

    describe("registration", () => {
      test("is read back, without a heartbeat until the host joined", async () => {
        expect(await world.hosts.read(hostId)).toBeUndefined();
        const labels = { "rack.example/position": "größe ✓" };
        const host = aHost({ capacity: { cpus: 64, memoryMiB: 262_144 }, labels });
        expect(await world.hosts.create(host)).toBe("created");
        expect(await read()).toEqual({ host });
      });

      test("happens once", async () => {
        await world.hosts.create(aHost());
        const again = aHost({ labels: { a: "b" } });
        expect(await world.hosts.create(again)).toBe("host_exists");
        expect((await read()).host.labels).toEqual({});
      });

      test("is listed by id, page by page, with its heartbeat", async () => {
        const ids = ["b-1", "a", "c", "b", "a-9", "d", "e"].map((id) => HostId.parse(id));
        for (const id of ids) await world.hosts.create(aHost({ id }));
        await hostUp(world.hosts, { id: HostId.parse("z") });
        const rows = await allPages((page) => world.hosts.list(page), 3);
        const expected = [...ids.toSorted(), "z"];
        expect(rows.map(({ host }) => host.id)).toEqual(expected);
        expect(rows.map(({ heartbeat }) => heartbeat?.bootOrdinal)).toEqual([
          ...ids.map(() => undefined),
          1,
        ]);
      });

      test("has its heartbeat listed by id, page by page, once the host joined", async () => {
        const ids = ["b", "a", "d", "c"].map((id) => HostId.parse(id));
        await world.hosts.create(aHost({ id: HostId.parse("bb") }));
        for (const id of ids) await hostUp(world.hosts, { id });
        const found = await allPages((page) => world.hosts.heartbeats(page), 2);
        expect(found.map((heartbeat) => heartbeat.hostId)).toEqual(ids.toSorted());
        expect(found[0]).toEqual((await read(HostId.parse("a"))).heartbeat);
      });

      test("answers bad_cursor to what it did not make", async () => {
        const wrong = { limit: 2, cursor: "nonsense" };
        for (const page of [await world.hosts.list(wrong), await world.hosts.heartbeats(wrong)])
          expect(page).toEqual({ ok: false, reason: "bad_cursor" });
      });
    });

    describe("join", () => {
      test("uses the token up: key, queue and generation are noted, the boot is none", async () => {
        await world.hosts.create(aHost());
        const token = { hash: tokenHash, expiresAt: T0 + 1 };
        expect(await world.hosts.setJoinToken(hostId, token)).toBe("set");
        expect(await world.hosts.join(aJoin())).toBe("joined");
        const { host, heartbeat } = await read();
        const { queueUrl, queueGeneration } = aJoin();
        expect(host).toEqual(aHost({ queueUrl, queueGeneration }));
        expect(heartbeat).toEqual({ hostId, publicKey, bootOrdinal: 0, seq: -1, vmCount: 0 });
        expect(await world.hosts.join({ ...aJoin(), publicKey: otherKey })).toBe("refused");
        expect((await read()).heartbeat?.publicKey).toBe(publicKey);
      });

      test("of many with one token, one succeeds", async () => {
        await world.hosts.create(aHost({ joinTokenHash: tokenHash, joinTokenExpiresAt: T0 + 1 }));
        const outcomes = await Promise.all([1, 2, 3, 4].map(() => world.hosts.join(aJoin())));
        expect(outcomes.filter((outcome) => outcome === "joined")).toHaveLength(1);
      });

      test("is refused without a token, with another, with one that expired or was replaced", async () => {
        expect(await world.hosts.join(aJoin())).toBe("refused");
        await world.hosts.create(aHost());
        expect(await world.hosts.join(aJoin())).toBe("refused");
        for (const expiresAt of [T0, T0 - 1]) {
          await world.hosts.setJoinToken(hostId, { hash: tokenHash, expiresAt });
          expect(await world.hosts.join(aJoin())).toBe("refused");
        }
        await world.hosts.setJoinToken(hostId, { hash: "b".repeat(64), expiresAt: T0 + 1 });
        expect(await world.hosts.join(aJoin())).toBe("refused");
        expect((await read()).heartbeat).toBeUndefined();
      });

      test("again replaces the key and ends the boot, and the ordinals go on", async () => {
        await hostUp(world.hosts);
        await world.hosts.beat(aBeat(4));
        await world.hosts.setJoinToken(hostId, { hash: tokenHash, expiresAt: T0 + 1 });
        const queueUrl = "http://127.0.0.1:1/000000000000/host-a-2.fifo";
        const again = { ...aJoin(), publicKey: otherKey, queueUrl, queueGeneration: 2 };
        expect(await world.hosts.join(again)).toBe("joined");
        expect((await read()).host).toMatchObject({ queueUrl, queueGeneration: 2 });
        expect((await read()).host.bootId).toBeUndefined();
        expect(await world.hosts.beat(aBeat(5))).toEqual({ status: "wrong_key" });
        const stale = await world.hosts.beat({ ...aBeat(5), publicKey: otherKey });
        expect(stale).toEqual({ status: "stale_boot" });
        expect(await world.hosts.openSession(aSession())).toEqual({ status: "refused" });
        const opened = await world.hosts.openSession({ ...aSession(), publicKey: otherKey });
        expect(opened).toEqual({ status: "open", bootOrdinal: 2 });
      });

      test("needs a host for its token", async () => {
        const token = { hash: tokenHash, expiresAt: T0 + 1 };
        expect(await world.hosts.setJoinToken(hostId, token)).toBe("host_not_found");
        expect(await world.hosts.read(hostId)).toBeUndefined();
      });
    });

    describe("openSession", () => {
      beforeEach(async () => {
        await world.hosts.create(aHost({ joinTokenHash: tokenHash, joinTokenExpiresAt: T0 + 1 }));
        await world.hosts.join(aJoin());
      });

      test("gives a new boot the next ordinal, notes it on both items, and the host is Up", async () => {
        const opened = await world.hosts.openSession(aSession());
        expect(opened).toEqual({ status: "open", bootOrdinal: 1 });
        const { host, heartbeat } = await read();
        expect(host).toMatchObject({ state: "Up", bootId, bootOrdinal: 1 });
        const expected = { bootId, bootOrdinal: 1, seq: -1, agentVersion: "1.0.0" };
        expect(heartbeat).toMatchObject({ ...expected, lastReportAt: T0 });
      });

      test("the same boot goes on under its ordinal, and what was heard of it stays", async () => {
        await world.hosts.openSession(aSession());
        await world.hosts.beat(aBeat(7));
        const again = await world.hosts.openSession({ ...aSession(), now: T0 + 60 });
        expect(again).toEqual({ status: "open", bootOrdinal: 1 });
        expect((await read()).heartbeat).toMatchObject({ seq: 7, lastReportAt: T0 + 7 });
      });

      test("says where VMs are migrated to, for this boot and no other", async () => {
        const migrationUri = "qemu+tls://host-a/system";
        await world.hosts.openSession({ ...aSession(), migrationUri });
        expect((await read()).host.migrationUri).toBe(migrationUri);
        expect(await world.placement.host(hostId)).toMatchObject({ migrationUri });
        expect(await world.placement.candidates(1)).toMatchObject([{ migrationUri }]);
        await world.hosts.openSession({ ...aSession(), bootId: otherBootId });
        expect((await read()).host.migrationUri).toBeUndefined();
      });

      test("another boot ends the one before", async () => {
        await world.hosts.openSession(aSession());
        await world.hosts.beat(aBeat(7));
        const next = await world.hosts.openSession({ ...aSession(), bootId: otherBootId });
        expect(next).toEqual({ status: "open", bootOrdinal: 2 });
        expect(await world.hosts.beat(aBeat(8))).toEqual({ status: "stale_boot" });
        const heard = await world.hosts.beat({ ...aBeat(0), bootId: otherBootId });
        expect(heard).toMatchObject({ status: "beaten", heartbeat: { bootOrdinal: 2, seq: 0 } });
      });

      test("of many at once, the same boot gets one ordinal and others get others", async () => {
        const same = [1, 2, 3].map(() => world.hosts.openSession(aSession()));
        expect(new Set((await Promise.all(same)).map((one) => JSON.stringify(one))).size).toBe(1);
        const others = await Promise.all(
          [otherBootId, bootId].map((boot) =>
            world.hosts.openSession({ ...aSession(), bootId: boot }),
          ),
        );
        expect(new Set(others.map((one) => JSON.stringify(one))).size).toBe(2);
      });

      test("is refused with another key, or before the host joined", async () => {
        const wrong = await world.hosts.openSession({ ...aSession(), publicKey: otherKey });
        expect(wrong).toEqual({ status: "refused" });
        const stranger = HostId.parse("stranger");
        expect(await world.hosts.openSession(aSession(stranger))).toEqual({ status: "refused" });
        expect((await read()).host.state).toBe("Registered");
      });
    });

    describe("beat", () => {
      beforeEach(() => hostUp(world.hosts));

      test("extends the lease and answers the heartbeat after it", async () => {
        const beaten = await world.hosts.beat(aBeat(0));
        const { heartbeat } = await read();
        expect(beaten).toEqual({ status: "beaten", heartbeat });
        const leaseUntil = T0 + 300_000;
        expect(heartbeat).toMatchObject({ seq: 0, vmCount: 3, lastReportAt: T0, leaseUntil });
      });

      test("a seq that is not newer is a replay and changes nothing", async () => {
        await world.hosts.beat(aBeat(5));
        const { heartbeat } = await read();
        for (const seq of [5, 4, 0])
          expect(await world.hosts.beat(aBeat(seq))).toEqual({ status: "replayed", heartbeat });
        expect((await read()).heartbeat).toEqual(heartbeat);
      });

      test("of many reports at once, the newest stays", async () => {
        await Promise.all([3, 9, 1, 7, 8, 2].map((seq) => world.hosts.beat(aBeat(seq))));
        expect((await read()).heartbeat).toMatchObject({ seq: 9, lastReportAt: T0 + 9 });
      });

      test("marks what was said, with the last report that said so, until another boot", async () => {
        await world.hosts.beat({ ...aBeat(1), digest: "a" });
        await world.hosts.beat({ ...aBeat(2), digest: "open:b" });
        await world.hosts.beat({ ...aBeat(3), digest: "a" });
        const heard = { a: { seq: 3, at: T0 + 3 }, "open:b": { seq: 2, at: T0 + 2 } };
        expect((await read()).heartbeat?.heard).toEqual(heard);
        await world.hosts.openSession(aSession());
        expect((await read()).heartbeat?.heard).toEqual(heard);
        await world.hosts.openSession({ ...aSession(), bootId: otherBootId });
        expect((await read()).heartbeat?.heard).toEqual({});
      });

      test("puts more marks than an item should hold together, under the age of the oldest", async () => {
        for (let seq = 0; seq < HEARD_MAX; seq += 1) await world.hosts.beat(aBeat(seq));
        expect(Object.keys((await read()).heartbeat?.heard ?? {})).toHaveLength(HEARD_MAX);
        const beaten = await world.hosts.beat(aBeat(HEARD_MAX));
        const heard = { [HEARD_CROWD]: { seq: HEARD_MAX, at: T0 } };
        expect(beaten).toMatchObject({ status: "beaten", heartbeat: { heard } });
        expect((await read()).heartbeat?.heard).toEqual(heard);
      });

      test("tells another boot from another key, and both from a host that never joined", async () => {
        const stale = await world.hosts.beat({ ...aBeat(1), bootId: otherBootId });
        expect(stale).toEqual({ status: "stale_boot" });
        const wrong = { ...aBeat(1), publicKey: otherKey, bootId: otherBootId };
        expect(await world.hosts.beat(wrong)).toEqual({ status: "wrong_key" });
        const nobody = { ...aBeat(1), hostId: HostId.parse("nobody") };
        expect(await world.hosts.beat(nobody)).toEqual({ status: "wrong_key" });
        expect((await read()).heartbeat?.seq).toBe(-1);
        expect(await world.hosts.read(HostId.parse("nobody"))).toBeUndefined();
      });
    });

    describe("silence", () => {
      beforeEach(async () => {
        await hostUp(world.hosts);
        await world.hosts.beat(aBeat(0));
      });
      const silence = { hostId, lastReportAt: T0, state: "Disconnected" } as const;

      test("is noted on both items, and its end too", async () => {
        expect(await world.hosts.markSilent(silence)).toBe("marked");
        expect((await read()).host.state).toBe("Disconnected");
        const beaten = await world.hosts.beat(aBeat(1));
        expect(beaten).toMatchObject({ status: "beaten", heartbeat: { silent: true } });
        await world.hosts.markHeard(hostId);
        const { host, heartbeat } = await read();
        expect(host.state).toBe("Up");
        expect(heartbeat?.silent).toBeUndefined();
      });

      test("deepens from Disconnected to Down", async () => {
        await world.hosts.markSilent(silence);
        expect(await world.hosts.markSilent({ ...silence, state: "Down" })).toBe("marked");
        expect((await read()).host.state).toBe("Down");
      });

      test("is not noted of a host that was heard since", async () => {
        await world.hosts.beat(aBeat(1));
        expect(await world.hosts.markSilent(silence)).toBe("heard_since");
        expect((await read()).host.state).toBe("Up");
        const nobody = { ...silence, hostId: HostId.parse("nobody") };
        expect(await world.hosts.markSilent(nobody)).toBe("heard_since");
      });

      test("ends with a session, be it of the same boot", async () => {
        await world.hosts.markSilent(silence);
        const same = await world.hosts.openSession({ ...aSession(), now: T0 + 9 });
        expect(same).toEqual({ status: "open", bootOrdinal: 1 });
        expect((await read()).host.state).toBe("Up");
        expect((await read()).heartbeat?.silent).toBeUndefined();
        expect((await read()).heartbeat?.seq).toBe(0);
        expect(await world.hosts.markSilent(silence)).toBe("heard_since");
        const later = { ...silence, lastReportAt: T0 + 9 };
        expect(await world.hosts.markSilent(later)).toBe("marked");
        await world.hosts.openSession({ ...aSession(), bootId: otherBootId });
        expect((await read()).host).toMatchObject({ state: "Up", bootOrdinal: 2 });
      });

      test("hearing a host that is not silent, or not there, changes nothing", async () => {
        const before = await read();
        await world.hosts.markHeard(hostId);
        await world.hosts.markHeard(HostId.parse("nobody"));
        expect(await read()).toEqual(before);
        expect(await world.hosts.read(HostId.parse("nobody"))).toBeUndefined();
      });
    });

    describe("a fence", () => {
      const queueUrl = "http://127.0.0.1:1/000000000000/host-a-2.fifo";
      const queue = { url: queueUrl, generation: 2 };
      const again = { ...aSession(), bootId: otherBootId, queue, now: T0 + 9 };
      const fence = async (scope: FenceScope = "all") => {
        const { bootOrdinal = 0, seq = 0, leaseUntil } = (await read()).heartbeat ?? {};
        const request = { hostId, scope, read: { bootOrdinal, seq, leaseUntil }, now: T0 + 5 };
        return world.hosts.fence(request);
      };
      const told = () => world.hosts.markTold({ hostId, bootOrdinal: 2, untold: "fenced" });
      beforeEach(async () => {
        await hostUp(world.hosts);
        await world.hosts.beat(aBeat(4));
        await world.hosts.markApplied({
          ...{ hostId, bootOrdinal: 1, settled: [] },
          applied: { bootOrdinal: 1, seq: 4, digest: "d", at: T0 },
        });
      });

      test("ends the boot under an ordinal of its own, and its VMs are to be told", async () => {
        expect(await fence()).toBe("fenced");
        const { host, heartbeat } = await read();
        expect(host).toMatchObject({
          ...{ state: "Fenced", bootOrdinal: 2, untold: "fenced" },
          fence: { scope: "all", bootOrdinal: 2, at: T0 + 5 },
        });
        expect(host.bootId).toBeUndefined();
        expect(heartbeat).toMatchObject({ bootOrdinal: 2, seq: -1, heard: {}, fenced: true });
        for (const gone of ["bootId", "leaseUntil", "applied", "selfFence"] as const)
          expect(heartbeat?.[gone]).toBeUndefined();
        expect(await world.hosts.beat(aBeat(5))).toEqual({ status: "stale_boot" });
        expect(await world.placement.host(hostId)).toMatchObject({ state: "Fenced", fence: "all" });
        expect(await world.placement.candidates(9)).toEqual([]);
      });

      test("of a lease that was revoked leaves the host Down", async () => {
        await world.hosts.markSilent({ hostId, lastReportAt: T0 + 4, state: "Down" });
        expect(await fence("ha")).toBe("fenced");
        expect((await read()).host).toMatchObject({ state: "Down", fence: { scope: "ha" } });
      });

      test("holds only if nothing was heard meanwhile", async () => {
        const { heartbeat } = await read();
        if (heartbeat === undefined) throw new Error("no heartbeat");
        const request = { hostId, scope: "ha", read: heartbeat, now: T0 } as const;
        await world.hosts.beat(aBeat(5));
        const before = await read();
        expect(await world.hosts.fence(request)).toBe("changed");
        const unleased = { ...heartbeat, seq: 5, leaseUntil: undefined };
        expect(await world.hosts.fence({ ...request, read: unleased })).toBe("changed");
        expect(await world.hosts.fence({ ...request, hostId: HostId.parse("nobody") })).toBe(
          "changed",
        );
        expect(await read()).toEqual(before);
      });

      test("stays through the next session, which has a queue of its own", async () => {
        await fence();
        expect(await world.hosts.openSession(again)).toEqual({ status: "open", bootOrdinal: 3 });
        const { host, heartbeat } = await read();
        expect(host).toMatchObject({
          ...{ state: "Fenced", bootId: otherBootId, queueUrl, queueGeneration: 2 },
          ...{ fence: { scope: "all" }, untold: "fenced" },
        });
        expect(heartbeat).toMatchObject({ fenced: true, bootId: otherBootId });
        await world.hosts.markHeard(hostId);
        expect((await read()).host.state).toBe("Fenced");
        expect(await world.placement.candidates(9)).toEqual([]);
        const beaten = await world.hosts.beat({ ...aBeat(0), bootId: otherBootId });
        expect(beaten).toMatchObject({ status: "beaten", heartbeat: { fenced: true } });
      });

      test("is over when the VMs were told and the host has come back, and not before", async () => {
        await fence();
        const returned = (bootOrdinal: number) => world.hosts.markReturned({ hostId, bootOrdinal });
        expect(await returned(2)).toBe("superseded");
        await world.hosts.openSession(again);
        expect(await returned(3)).toBe("superseded");
        await world.hosts.markTold({ hostId, bootOrdinal: 3, untold: "fenced" });
        expect(await returned(2)).toBe("superseded");
        expect(await returned(3)).toBe("returned");
        const { host, heartbeat } = await read();
        expect(host).toMatchObject({ state: "Up", bootOrdinal: 3 });
        expect(host.fence).toBeUndefined();
        expect(heartbeat?.fenced).toBeUndefined();
        expect(await world.placement.candidates(9)).toHaveLength(1);
        expect(await returned(3)).toBe("superseded");
      });

      test("of a silent host ends its silence when it is over", async () => {
        await world.hosts.markSilent({ hostId, lastReportAt: T0 + 4, state: "Down" });
        await fence("ha");
        await told();
        await world.hosts.openSession(again);
        const silence = { hostId, lastReportAt: T0 + 9, state: "Down" } as const;
        expect(await world.hosts.markSilent(silence)).toBe("heard_since");
        await world.hosts.markReturned({ hostId, bootOrdinal: 3 });
        expect((await read()).heartbeat?.silent).toBeUndefined();
        expect(await world.hosts.markSilent(silence)).toBe("marked");
      });
    });

    describe("what VMs are to be told", () => {
      beforeEach(async () => {
        await hostUp(world.hosts);
        await world.hosts.beat(aBeat(0));
      });
      const silent = (state: "Disconnected" | "Down") =>
        world.hosts.markSilent({ hostId, lastReportAt: T0, state });

      test("is that their host is lost, once it is Down, and its next report is no longer quiet", async () => {
        const applied = { bootOrdinal: 1, seq: 0, digest: "d", at: T0 };
        await world.hosts.markApplied({ hostId, bootOrdinal: 1, applied, settled: [] });
        await silent("Disconnected");
        expect((await read()).host.untold).toBeUndefined();
        expect((await read()).heartbeat?.applied).toEqual(applied);
        await silent("Down");
        expect((await read()).host.untold).toBe("lost");
        expect((await read()).heartbeat?.applied).toBeUndefined();
      });

      test("is done when it was told, in the same boot", async () => {
        await silent("Down");
        await world.hosts.markTold({ hostId, bootOrdinal: 2, untold: "lost" });
        await world.hosts.markTold({ hostId, bootOrdinal: 1, untold: "fenced" });
        expect((await read()).host.untold).toBe("lost");
        await world.hosts.markTold({ hostId, bootOrdinal: 1, untold: "lost" });
        expect((await read()).host.untold).toBeUndefined();
        await world.hosts.markTold({
          hostId: HostId.parse("nobody"),
          bootOrdinal: 1,
          untold: "lost",
        });
      });

      test("is nothing any more when the host is heard again", async () => {
        await silent("Down");
        await world.hosts.markHeard(hostId);
        expect((await read()).host.untold).toBeUndefined();
        await world.hosts.beat(aBeat(1));
        await world.hosts.markSilent({ hostId, lastReportAt: T0 + 1, state: "Down" });
        await world.hosts.openSession({ ...aSession(), bootId: otherBootId });
        expect((await read()).host.untold).toBeUndefined();
      });
    });

    describe("what a report says of its agent", () => {
      beforeEach(() => hostUp(world.hosts));

      test("is kept: whether it fences itself, and since when its hypervisor is not seen", async () => {
        const reason = "libvirt is away";
        await world.hosts.beat({ ...aBeat(1), selfFence: true, blind: { reason } });
        const blind = { since: T0 + 1, reason };
        expect((await read()).heartbeat).toMatchObject({ selfFence: true, blind });
        await world.hosts.beat({ ...aBeat(2), blind: {} });
        expect((await read()).heartbeat).toMatchObject({ selfFence: false, blind });
        await world.hosts.beat(aBeat(3));
        expect((await read()).heartbeat?.blind).toBeUndefined();
        await world.hosts.beat({ ...aBeat(4), blind: {} });
        expect((await read()).heartbeat?.blind).toEqual({ since: T0 + 4 });
      });
    });

    describe("forgetting a host", () => {
      const need = { cpus: 1, memoryMiB: 1 };
      const reserve = (vmId: VmId) =>
        world.placement.reserve({
          ...{ kind: "reserve", hostId, vmId, jobId: jobIdOf(1), revision: 1, attempt: 1 },
          ...{ need, labels: {}, boot: { bootId, bootOrdinal: 1, queueUrl: "q" } },
        });

      test("takes all that is known of it", async () => {
        await hostUp(world.hosts);
        const inventory = { hostId, bootOrdinal: 1, seq: 1, complete: true, vms: {} };
        await world.hosts.writeInventory(inventory, undefined);
        expect(await world.hosts.remove(hostId)).toBe("removed");
        expect(await world.hosts.read(hostId)).toBeUndefined();
        expect(await world.hosts.readInventory(hostId)).toBeUndefined();
        expect(await world.hosts.beat(aBeat(1))).toEqual({ status: "wrong_key" });
        expect(await world.hosts.remove(hostId)).toBe("host_not_found");
      });

      test("needs that no room is held there", async () => {
        await hostUp(world.hosts);
        await reserve(vmId);
        expect(await world.hosts.remove(hostId)).toBe("not_empty");
        expect((await read()).host.state).toBe("Up");
        await world.placement.release({ hostId, vmId, revision: 2 });
        expect(await world.hosts.remove(hostId)).toBe("removed");
      });

      test("has another of its name count its boots on: what was said must stay older", async () => {
        await hostUp(world.hosts);
        await world.hosts.openSession({ ...aSession(), bootId: otherBootId });
        await world.hosts.remove(hostId);
        await world.hosts.create(aHost({ joinTokenHash: tokenHash, joinTokenExpiresAt: T0 + 1 }));
        const { bootOrdinal } = (await read()).host;
        expect(bootOrdinal).toBe(2);
        await world.hosts.join({ ...aJoin(), bootOrdinal });
        const opened = await world.hosts.openSession(aSession());
        expect(opened).toEqual({ status: "open", bootOrdinal: 3 });
      });

      test("leaves nothing behind that a host of its name would find", async () => {
        await hostUp(world.hosts);
        await world.hosts.remove(hostId);
        // A worker that was late with the last report.
        const late = { hostId, bootOrdinal: 1, seq: 9, complete: true, vms: {} };
        await world.hosts.writeInventory(late, undefined);
        await hostUp(world.hosts);
        expect(await world.hosts.readInventory(hostId)).toBeUndefined();
      });
    });

    test("takes over the capacity that the agent reports", async () => {
      await world.hosts.create(aHost());
      await world.hosts.setCapacity(hostId, { cpus: 8, memoryMiB: 1024 });
      await world.hosts.setCapacity(hostId, { cpus: 16, memoryMiB: 2048 });
      expect((await read()).host.capacity).toEqual({ cpus: 16, memoryMiB: 2048 });
      await world.hosts.setCapacity(HostId.parse("nobody"), { cpus: 1, memoryMiB: 1 });
      expect(await world.hosts.read(HostId.parse("nobody"))).toBeUndefined();
    });

    test("maintenance keeps placement away from a host, and lets it come back", async () => {
      await hostUp(world.hosts);
      const candidates = async () => (await world.placement.candidates(5)).length;
      for (const maintenance of ["enabled", "enabled"] as const)
        expect(await world.hosts.setMaintenance(hostId, maintenance)).toBe("set");
      expect((await world.hosts.read(hostId))?.host.maintenance).toBe(true);
      expect(await candidates()).toBe(0);
      expect(await world.hosts.setMaintenance(hostId, "disabled")).toBe("set");
      expect(await candidates()).toBe(1);
      const nobody = HostId.parse("nobody");
      expect(await world.hosts.setMaintenance(nobody, "enabled")).toBe("host_not_found");
      expect(await world.hosts.read(nobody)).toBeUndefined();
    });

    describe("inventory", () => {
      const vmIdOf = (n: number) =>
        VmId.parse(`55555555-5555-4555-8555-${n.toString().padStart(12, "0")}`);
      const inventory = (bootOrdinal: number, seq: number) => ({
        hostId,
        bootOrdinal,
        seq,
        complete: seq % 2 === 0,
        vms: { [vmIdOf(seq)]: { power: "on" as const, detail: "läuft", epoch: 4, absences: 1 } },
      });

      test("follows the one that it was compared with, and no other", async () => {
        expect(await world.hosts.readInventory(hostId)).toBeUndefined();
        expect(await world.hosts.writeInventory(inventory(2, 5), inventory(2, 4))).toBe("changed");
        expect(await world.hosts.writeInventory(inventory(2, 5), undefined)).toBe("written");
        for (const other of [undefined, inventory(2, 4), inventory(1, 5), inventory(2, 6)])
          expect(await world.hosts.writeInventory(inventory(2, 7), other)).toBe("changed");
        expect(await world.hosts.readInventory(hostId)).toEqual(inventory(2, 5));
        expect(await world.hosts.writeInventory(inventory(3, 0), inventory(2, 5))).toBe("written");
        expect(await world.hosts.readInventory(hostId)).toEqual(inventory(3, 0));
      });

      test("keeps the VMs that are the same, and takes all else that is said of them", async () => {
        const first = { ...inventory(1, 0), massAbsence: true } as const;
        await world.hosts.writeInventory(first, undefined);
        const { massAbsence: _, ...rest } = first;
        const over = { ...rest, bootOrdinal: 2, seq: 1, complete: false };
        expect(await world.hosts.writeInventory(over, { ...first, seq: 3 })).toBe("changed");
        expect(await world.hosts.writeInventory(over, first)).toBe("written");
        expect(await world.hosts.readInventory(hostId)).toEqual(over);
        const again = { ...first, bootOrdinal: 2, seq: 2 };
        expect(await world.hosts.writeInventory(again, over)).toBe("written");
        expect(await world.hosts.readInventory(hostId)).toEqual(again);
      });

      test("of many that were compared with one, one is written", async () => {
        await world.hosts.writeInventory(inventory(1, 0), undefined);
        const written = await Promise.all(
          [1, 2, 3, 4].map((seq) => world.hosts.writeInventory(inventory(1, seq), inventory(1, 0))),
        );
        expect(written.filter((one) => one === "written")).toHaveLength(1);
      });

      test("holds 2,000 VMs, each with as much to say as it may", async () => {
        const vm = { power: "crashed" as const, detail: "起".repeat(64), epoch: 999_999 };
        const vms = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [vmIdOf(n), vm]));
        const full = { ...inventory(1, 0), vms };
        expect(await world.hosts.writeInventory(full, undefined)).toBe("written");
        expect(await world.hosts.readInventory(hostId)).toEqual(full);
      });
    });

    test("keeps what a host says of a VM that it was asked about, the last answer only", async () => {
      const question = { hostId, vmId };
      expect(await world.hosts.readDescribed(question)).toBeUndefined();
      const answer = (commandId: string) => ({
        result: CommandResult.parse({
          ...{ seq: 4, commandId, vmId, epoch: 0, status: "done", power: "on" },
          description: { cpus: 2, memoryMiB: 512, domainXml: "<domain>ü</domain>" },
        }),
        bootOrdinal: 1,
        at: T0,
      });
      for (const commandId of ["describe.1", "describe.2"])
        await world.hosts.noteDescribed({ ...question, described: answer(commandId) });
      expect(await world.hosts.readDescribed(question)).toEqual(answer("describe.2"));
      const elsewhere = { ...question, hostId: HostId.parse("host-b") };
      expect(await world.hosts.readDescribed(elsewhere)).toBeUndefined();
    });

    describe("what was worked off", () => {
      const applied = (bootOrdinal: number, seq: number) => ({
        ...{ bootOrdinal, seq },
        ...{ digest: `digest-${bootOrdinal}-${seq}`, at: T0 },
      });
      const note = (over: Partial<Parameters<typeof world.hosts.markApplied>[0]>) =>
        world.hosts.markApplied({ hostId, bootOrdinal: 1, settled: [], ...over });
      const heartbeat = async () => (await read()).heartbeat;

      test("is noted on the heartbeat, newest only", async () => {
        await note({ applied: applied(1, 0) });
        expect(await world.hosts.read(hostId)).toBeUndefined();
        await hostUp(world.hosts);
        await note({ applied: applied(1, 3) });
        await note({ applied: applied(1, 2) });
        expect((await heartbeat())?.applied).toEqual(applied(1, 3));
        await note({ applied: applied(2, 0) });
        await note({ applied: applied(1, 9) });
        const beaten = await world.hosts.beat(aBeat(0));
        expect(beaten).toMatchObject({ heartbeat: { applied: applied(2, 0) } });
      });

      test("is noted as compared again, as long as nothing else was applied", async () => {
        const compared = { ...applied(1, 3), at: T0 + 600_000 };
        expect(await world.hosts.markCompared(hostId, compared)).toBe("superseded");
        await hostUp(world.hosts);
        expect(await world.hosts.markCompared(hostId, compared)).toBe("superseded");
        await note({ applied: applied(1, 3) });
        expect(await world.hosts.markCompared(hostId, compared)).toBe("marked");
        expect((await heartbeat())?.applied).toEqual(compared);
        for (const other of [applied(1, 2), applied(1, 4), applied(2, 3)])
          expect(await world.hosts.markCompared(hostId, other)).toBe("superseded");
        expect((await heartbeat())?.applied).toEqual(compared);
      });

      test("has its mark forgotten, unless a later report has renewed it", async () => {
        await hostUp(world.hosts);
        for (const [seq, digest] of ["a", "b", "a", "c"].entries())
          await world.hosts.beat({ ...aBeat(seq), digest });
        const settled = [
          { digest: "a", seq: 0 },
          { digest: "b", seq: 1 },
          { digest: "none", seq: 2 },
        ];
        await note({ applied: applied(1, 1), settled });
        expect((await heartbeat())?.applied).toEqual(applied(1, 1));
        expect(Object.keys((await heartbeat())?.heard ?? {}).toSorted()).toEqual(["a", "c"]);
        await note({ settled: [{ digest: "a", seq: 2 }] });
        expect((await heartbeat())?.heard).toEqual({ c: { seq: 3, at: T0 + 3 } });
        await note({ settled: [] });
      });

      test("has its mark forgotten though something newer is noted", async () => {
        await hostUp(world.hosts);
        await world.hosts.beat({ ...aBeat(0), digest: "a" });
        await note({ applied: applied(1, 5) });
        await note({ applied: applied(1, 0), settled: [{ digest: "a", seq: 0 }] });
        expect(await heartbeat()).toMatchObject({ applied: applied(1, 5), heard: {} });
      });

      test("forgets no mark of another boot", async () => {
        await hostUp(world.hosts);
        await world.hosts.openSession({ ...aSession(), bootId: otherBootId });
        await world.hosts.beat({ ...aBeat(0), bootId: otherBootId, digest: "a" });
        await note({ applied: applied(1, 0), settled: [{ digest: "a", seq: 0 }] });
        expect(await heartbeat()).toMatchObject({
          applied: applied(1, 0),
          heard: { a: { seq: 0, at: T0 } },
        });
      });
    });
  });
}
