import { beforeEach, describe, expect, test } from "vitest";
import { RECORD_BYTES_MAX } from "../../shared/model/apartment-record.ts";
import { AccountId, HostId, hostApartmentId, VmId } from "../../shared/model/ids.ts";
import { aHostRecord, aJob, aRecord, jobIdOf, T0, vmId } from "../support/a-record.ts";
import { allPages } from "./all-pages.ts";
import type { OpenStores, StoreWorld } from "./store-world.ts";

export function apartmentStoreContract(open: OpenStores): void {
  describe("ApartmentStore", () => {
    let world: StoreWorld;
    beforeEach(async () => {
      world = await open();
    });

    const accept = (record: ReturnType<typeof aRecord>, domainXml?: string) =>
      world.submissions.accept({ vm: { record, domainXml }, now: T0 });

    test("reads back what was committed, whatever is in it", async () => {
      const record = aRecord({
        version: 1,
        vm: { spec: { cpus: 2, memoryMiB: 512, hostLabels: { "gpu/kind": "größe ✓" } } },
        observations: {
          [HostId.parse("host-a")]: {
            bootOrdinal: 1,
            seq: 3,
            power: "on",
            detail: "läuft 起動 🚀",
            receivedAt: T0,
          },
        },
      });
      await accept(record);
      const next = aRecord({
        ...record,
        version: 2,
        active: {
          jobId: jobIdOf(1),
          type: "vm.start",
          workVersion: 1,
          account: AccountId.parse("acme"),
          input: { empty: "", none: null, list: [1, 0.5, -3, { deep: [] }] },
          memo: null,
          status: "waiting",
          sent: {},
          step: "ask",
          stepSince: T0,
          startedAt: T0,
          attempts: 1,
          waitFor: { kind: "timer" },
          deadlineAt: T0 + 1,
          progress: { step: "ask", percent: 12.5 },
          journalled: 0,
        },
        wakeAt: T0 + 1,
        effectsSequence: "18880000000000000256",
      });
      expect(await world.apartments.commit(next)).toBe("committed");
      expect(await world.apartments.read(record.id)).toEqual(next);
    });

    test("knows nothing of an apartment that was never made", async () => {
      expect(await world.apartments.read(aRecord().id)).toBeUndefined();
      expect(await world.apartments.commit(aRecord({ version: 1 }))).toBe("conflict");
    });

    test("A2: commits only on top of the version before", async () => {
      await accept(aRecord({ version: 1 }));
      expect(await world.apartments.commit(aRecord({ version: 1 }))).toBe("conflict");
      expect(await world.apartments.commit(aRecord({ version: 3 }))).toBe("conflict");
      expect(await world.apartments.commit(aRecord({ version: 2, epoch: 7 }))).toBe("committed");
      expect(await world.apartments.commit(aRecord({ version: 2, epoch: 8 }))).toBe("conflict");
      expect((await world.apartments.read(aRecord().id))?.epoch).toBe(7);
    });

    test("A2: of many commits of one version, one wins", async () => {
      await accept(aRecord({ version: 1 }));
      const epochs = [1, 2, 3, 4, 5, 6, 7, 8];
      const outcomes = await Promise.all(
        epochs.map((epoch) => world.apartments.commit(aRecord({ version: 2, epoch }))),
      );
      expect(outcomes.filter((outcome) => outcome === "committed")).toHaveLength(1);
      const winner = epochs[outcomes.indexOf("committed")];
      expect((await world.apartments.read(aRecord().id))?.epoch).toBe(winner);
    });

    test("a field that the next record lacks is gone", async () => {
      await accept(aRecord({ version: 1, wakeAt: T0, vm: { hostId: HostId.parse("host-a") } }));
      await world.apartments.commit(aRecord({ version: 2 }));
      const record = await world.apartments.read(aRecord().id);
      expect(record).toEqual(aRecord({ version: 2 }));
      expect(await world.apartments.due({ before: T0, limit: 10 })).toEqual([]);
    });

    test("holds a record of nearly 64 KiB", async () => {
      const filler = "ü".repeat(500);
      const record = aRecord({
        version: 1,
        effects: Array.from({ length: 55 }, (_, n) => ({
          kind: "event" as const,
          event: {
            family: "custom" as const,
            topic: "custom.fill",
            id: `fill-${n}`,
            at: T0,
            detail: { filler },
          },
        })),
      });
      const bytes = Buffer.byteLength(JSON.stringify(record));
      expect(bytes).toBeGreaterThan(0.9 * RECORD_BYTES_MAX);
      expect(bytes).toBeLessThan(RECORD_BYTES_MAX);
      await accept(record);
      expect(await world.apartments.read(record.id)).toEqual(record);
    });

    test("whoever has read a record cannot change what is stored", async () => {
      await accept(aRecord({ version: 1, applied: [] }));
      const first = await world.apartments.read(aRecord().id);
      Reflect.set(first?.vm ?? {}, "name", "changed by the reader"); // refused, or on a copy
      expect((await world.apartments.read(aRecord().id))?.vm.name).toBe("web");
    });

    describe("load", () => {
      test("answers the record and those of the jobs that exist", async () => {
        await accept(aRecord());
        await world.submissions.accept({ job: aJob(1), now: T0 });
        await world.submissions.accept({ job: aJob(2), now: T0 });
        const ids = [jobIdOf(2), jobIdOf(9), jobIdOf(1), jobIdOf(2)];
        const loaded = await world.apartments.load(aRecord().id, ids);
        expect(loaded.record).toEqual(aRecord());
        expect(new Set(loaded.jobs)).toEqual(new Set([aJob(1), aJob(2)]));
        expect(loaded.jobs).toHaveLength(2);
      });

      test("without jobs answers the record alone, without a record the jobs alone", async () => {
        await world.submissions.accept({ job: aJob(1), now: T0 });
        const alone = await world.apartments.load(aRecord().id, [jobIdOf(1)]);
        expect(alone).toEqual({ record: undefined, jobs: [aJob(1)] });
        await accept(aRecord());
        const without = await world.apartments.load(aRecord().id, []);
        expect(without).toEqual({ record: aRecord(), jobs: [] });
      });

      test("a job past its time is gone", async () => {
        await accept(aRecord());
        await world.submissions.accept({ job: aJob(1, { expiresAt: T0 + 5_000 }), now: T0 });
        world.clock.advance(5_000);
        expect((await world.apartments.load(aRecord().id, [jobIdOf(1)])).jobs).toEqual([]);
      });
    });

    describe("list", () => {
      const vms = 23;
      const idOf = (n: number) =>
        VmId.parse(`22222222-2222-4222-8222-${n.toString().padStart(12, "0")}`);

      beforeEach(async () => {
        for (let n = 0; n < vms; n += 1) {
          const account = AccountId.parse(n % 3 === 0 ? "umbrella" : "acme");
          const hostId = HostId.parse(n % 2 === 0 ? "host-a" : "host-b");
          const power = n % 4 === 0 ? "on" : "off";
          const observation = { bootOrdinal: 1, seq: n, power, receivedAt: T0 } as const;
          await accept(
            aRecord({
              id: idOf(n),
              createdAt: T0 + n,
              vm: { account, hostId, name: `vm ${n}`, state: n < 3 ? "Running" : "Stopped" },
              observations: n === 22 ? {} : { [hostId]: observation },
            }),
          );
        }
      });

      const listed = async (
        filter: Parameters<StoreWorld["apartments"]["list"]>[0],
        limit: number,
      ) => {
        const records = await allPages((page) => world.apartments.list(filter, page), limit);
        return records.map((record) => record.createdAt - T0);
      };
      const downFrom = (fits: (n: number) => boolean) =>
        Array.from({ length: vms }, (_, n) => vms - 1 - n).filter(fits);

      test("goes over everything, newest created first, each once", async () => {
        expect(await listed({}, 5)).toEqual(downFrom(() => true));
        expect(await listed({}, vms)).toEqual(downFrom(() => true));
      });

      test("a list that fits says that there is no more", async () => {
        const page = await world.apartments.list({}, { limit: vms });
        expect(page.ok && page.nextCursor).toBeUndefined();
      });

      test("shows an account its own only", async () => {
        const account = AccountId.parse("umbrella");
        expect(await listed({ account }, 3)).toEqual(downFrom((n) => n % 3 === 0));
        expect(await listed({ account: AccountId.parse("nobody") }, 3)).toEqual([]);
      });

      test("filters by state, host, name and power, and by all together", async () => {
        const hostId = HostId.parse("host-a");
        expect(await listed({ state: "Running" }, 2)).toEqual([2, 1, 0]);
        expect(await listed({ hostId }, 4)).toEqual(downFrom((n) => n % 2 === 0));
        expect(await listed({ name: "vm 7" }, 4)).toEqual([7]);
        expect(await listed({ powerState: "on" }, 4)).toEqual(downFrom((n) => n % 4 === 0));
        expect(await listed({ powerState: "unknown" }, 4)).toEqual([22]);
        const all = { account: AccountId.parse("acme"), state: "Running", hostId } as const;
        expect(await listed({ ...all, name: "vm 2", powerState: "off" }, 4)).toEqual([2]);
      });

      test("an account's cursor goes on in another account's list without showing the first's", async () => {
        const account = AccountId.parse("umbrella");
        const first = await world.apartments.list({ account }, { limit: 2 });
        const cursor = first.ok ? first.nextCursor : undefined;
        expect(cursor).toBeDefined();
        const other = { account: AccountId.parse("acme") };
        const page = await world.apartments.list(other, { limit: 50, cursor });
        const accounts = page.ok ? page.items.map((record) => record.vm.account) : [];
        expect(new Set(accounts)).toEqual(new Set(["acme"]));
      });

      test.each(["", "?", "Zm9v", "e30", "x".repeat(2_000), "bnVsbA"])(
        "answers bad_cursor to %j",
        async (cursor) => {
          const page = await world.apartments.list({}, { limit: 2, cursor });
          expect(page).toEqual({ ok: false, reason: "bad_cursor" });
        },
      );
    });

    describe("atHost", () => {
      const hostA = HostId.parse("host-a");
      const hostB = HostId.parse("host-b");
      const said = { bootOrdinal: 2, power: "on", detail: "läuft", epoch: 4 } as const;
      const running = aRecord({
        version: 1,
        vm: { state: "Running", hostId: hostA, lastHostId: hostB },
        observations: { [hostA]: { ...said, seq: 3, receivedAt: T0 } },
      });

      test("answers what records say of the host that they were at last", async () => {
        await accept(running);
        const { id } = running;
        expect(await world.apartments.atHost(hostA)).toEqual([
          { id, state: "Running", hostId: hostA, said },
        ]);
        expect(await world.apartments.atHost(hostB)).toEqual([]);
      });

      test("follows the commits, to another host and to none", async () => {
        await accept(running);
        const { id, observations } = running;
        const heard = { bootOrdinal: 1, seq: 9, power: "paused", receivedAt: T0 } as const;
        const moved = { ...running.vm, state: "Unknown", hostId: hostB } as const;
        await world.apartments.commit({
          ...{ ...running, version: 2, vm: moved },
          observations: { ...observations, [hostB]: heard },
        });
        expect(await world.apartments.atHost(hostA)).toEqual([]);
        expect(await world.apartments.atHost(hostB)).toEqual([
          { id, state: "Unknown", hostId: hostB, said: { bootOrdinal: 1, power: "paused" } },
        ]);
        const off = { ...moved, state: "Stopped", hostId: undefined, lastHostId: hostB } as const;
        await world.apartments.commit({ ...running, version: 3, vm: off, observations: {} });
        expect(await world.apartments.atHost(hostB)).toEqual([{ id, state: "Stopped" }]);
        const { lastHostId: _, ...nowhere } = off;
        await world.apartments.commit({ ...running, version: 4, vm: nowhere, observations: {} });
        expect(await world.apartments.atHost(hostB)).toEqual([]);
      });

      test("knows all of a host's VMs, and no host's apartment", async () => {
        await world.apartments.createHost(aHostRecord());
        const ids = Array.from({ length: 60 }, (_, n) =>
          VmId.parse(`33333333-3333-4333-8333-${n.toString().padStart(12, "0")}`),
        );
        for (const id of ids) await accept({ ...running, id });
        const found = await world.apartments.atHost(hostA);
        expect(found.map(({ id }) => id).toSorted()).toEqual(ids);
      });
    });

    describe("due", () => {
      test("answers those whose time has come, earliest first, at most so many", async () => {
        const idOf = (n: number) =>
          VmId.parse(`33333333-3333-4333-8333-${n.toString().padStart(12, "0")}`);
        for (let n = 0; n < 30; n += 1) {
          const wakeAt = n % 5 === 4 ? undefined : T0 + 29 - n;
          await accept(aRecord({ id: idOf(n), wakeAt }));
        }
        const due = await world.apartments.due({ before: T0 + 20, limit: 100 });
        const expected = Array.from({ length: 30 }, (_, n) => 29 - n)
          .filter((n) => n % 5 !== 4 && 29 - n <= 20)
          .map((n) => ({ id: idOf(n), wakeAt: T0 + 29 - n }));
        expect(due).toEqual(expected);
        const few = await world.apartments.due({ before: T0 + 20, limit: 4 });
        expect(few).toEqual(expected.slice(0, 4));
      });

      test("A8: follows the commits", async () => {
        await accept(aRecord({ version: 1 }));
        expect(await world.apartments.due({ before: T0 + 9, limit: 9 })).toEqual([]);
        await world.apartments.commit(aRecord({ version: 2, wakeAt: T0 + 5 }));
        const expected = [{ id: aRecord().id, wakeAt: T0 + 5 }];
        expect(await world.apartments.due({ before: T0 + 4, limit: 9 })).toEqual([]);
        expect(await world.apartments.due({ before: T0 + 5, limit: 9 })).toEqual(expected);
        await world.apartments.commit(aRecord({ version: 3 }));
        expect(await world.apartments.due({ before: T0 + 9, limit: 9 })).toEqual([]);
      });
    });

    describe("of a host", () => {
      test("is made once, is committed like any other (A2), and falls due", async () => {
        const record = aHostRecord();
        expect(await world.apartments.createHost(record)).toBe("created");
        expect(await world.apartments.createHost({ ...record, epoch: 9 })).toBe("exists");
        expect(await world.apartments.load(record.id, [])).toEqual({ record, jobs: [] });
        const next = { ...record, version: 2, wakeAt: T0 + 5 };
        expect(await world.apartments.commit(next)).toBe("committed");
        expect(await world.apartments.commit(next)).toBe("conflict");
        expect(await world.apartments.load(record.id, [jobIdOf(1)])).toMatchObject({
          record: next,
        });
        const due = await world.apartments.due({ before: T0 + 5, limit: 9 });
        expect(due).toEqual([{ id: record.id, wakeAt: T0 + 5 }]);
      });

      test("is no VM, though its host be called like one", async () => {
        const hostId = HostId.parse(vmId);
        await world.apartments.createHost(aHostRecord({ id: hostApartmentId(hostId), hostId }));
        expect(await world.apartments.read(vmId)).toBeUndefined();
        expect(await world.apartments.list({}, { limit: 9 })).toEqual({ ok: true, items: [] });
      });
    });

    test("shows a VM that is gone to whoever reads it by id, and to no list", async () => {
      const record = aRecord({ wakeAt: T0, vm: { lastHostId: HostId.parse("host-a") } });
      await accept(record);
      const gone = { at: T0, keptUntil: T0 + 1_000 };
      const next = aRecord({ ...record, version: 2, wakeAt: undefined, gone });
      expect(await world.apartments.commit(next)).toBe("committed");
      expect(await world.apartments.read(record.id)).toEqual(next);
      const listed = await world.apartments.list({}, { limit: 10 });
      expect(listed).toMatchObject({ ok: true, items: [] });
      expect(await world.apartments.atHost(HostId.parse("host-a"))).toEqual([]);
      expect(await world.submissions.accept({ vm: { record }, now: T0 })).toEqual({
        status: "vm_exists",
      });
    });

    test("forgets the domain XML of a VM that is gone, and again", async () => {
      const record = aRecord({ vm: { domainXmlVersion: 1 } });
      await accept(record, "<domain/>");
      for (const _ of ["forget", "again"]) {
        await world.apartments.forgetDomainXml(record.id, 1);
        expect(await world.apartments.readDomainXml(record.id, 1)).toBeUndefined();
      }
    });

    test("keeps the domain XML by version", async () => {
      const xml = `<domain><title>Größe ✓ 🚀</title>${"<x/>".repeat(10_000)}</domain>`;
      await accept(aRecord({ vm: { domainXmlVersion: 1 } }), xml);
      expect(await world.apartments.readDomainXml(aRecord().id, 1)).toBe(xml);
      expect(await world.apartments.readDomainXml(aRecord().id, 2)).toBeUndefined();
    });
  });
}
