import { beforeEach, describe, expect, test } from "vitest";
import { AccountId, HostId } from "../../shared/model/ids.ts";
import { IncidentId, IncidentRecord } from "../../shared/model/incident.ts";
import { hostId, T0, vmId } from "../support/a-record.ts";
import { allPages } from "./all-pages.ts";
import { type OpenStores, retention, type StoreWorld } from "./store-world.ts";

const idOf = (n: number) => IncidentId.parse(`poison_message.submit:${n}`);
const anIncident = (n: number, overrides: Partial<IncidentRecord> = {}): IncidentRecord =>
  IncidentRecord.parse({
    id: idOf(n),
    kind: "poison_message",
    account: "acme",
    vmId,
    openedAt: T0 + n,
    detail: "läßt sich nicht lesen ✓",
    ...overrides,
  });

export function incidentStoreContract(open: OpenStores): void {
  describe("IncidentStore", () => {
    let world: StoreWorld;
    beforeEach(async () => {
      world = await open();
    });

    test("opens an incident once, however often it is told", async () => {
      expect(await world.incidents.read(idOf(1))).toBeUndefined();
      expect(await world.incidents.open(anIncident(1))).toBe("opened");
      const again = anIncident(1, { openedAt: T0 + 50, detail: "again" });
      expect(await world.incidents.open(again)).toBe("already_open");
      expect(await world.incidents.read(idOf(1))).toEqual(anIncident(1));
    });

    test("of many that open it at once, one does", async () => {
      const outcomes = await Promise.all(
        [1, 2, 3, 4].map(() => world.incidents.open(anIncident(1))),
      );
      expect(outcomes.filter((outcome) => outcome === "opened")).toHaveLength(1);
    });

    test("resolves what is open, once", async () => {
      expect(await world.incidents.resolve(idOf(1), T0 + 9)).toBe("not_open");
      expect(await world.incidents.read(idOf(1))).toBeUndefined();
      await world.incidents.open(anIncident(1));
      expect(await world.incidents.resolve(idOf(1), T0 + 9)).toBe("resolved");
      expect(await world.incidents.resolve(idOf(1), T0 + 10)).toBe("not_open");
      const expected = anIncident(1, { resolvedAt: T0 + 9 });
      expect(await world.incidents.read(idOf(1))).toEqual(expected);
    });

    test("what was resolved opens anew", async () => {
      await world.incidents.open(anIncident(1));
      await world.incidents.resolve(idOf(1), T0 + 9);
      const anew = anIncident(1, { openedAt: T0 + 20 });
      expect(await world.incidents.open(anew)).toBe("opened");
      expect(await world.incidents.read(idOf(1))).toEqual(anew);
    });

    test("what was resolved stays so when the same opening is told again late (A4)", async () => {
      await world.incidents.open(anIncident(1));
      await world.incidents.resolve(idOf(1), T0 + 9);
      expect(await world.incidents.open(anIncident(1))).toBe("already_open");
      expect(await world.incidents.read(idOf(1))).toMatchObject({ resolvedAt: T0 + 9 });
    });

    test("a resolved one goes after its retention; an open one stays", async () => {
      await world.incidents.open(anIncident(1));
      await world.incidents.open(anIncident(2));
      await world.incidents.resolve(idOf(1), T0);
      world.clock.advance(retention.incidentRetentionDays * 86_400_000 - 1);
      expect(await world.incidents.read(idOf(1))).toMatchObject({ resolvedAt: T0 });
      world.clock.advance(1);
      expect(await world.incidents.read(idOf(1))).toBeUndefined();
      const left = await allPages((page) => world.incidents.list({}, page), 5);
      expect(left).toEqual([anIncident(2)]);
      const anew = anIncident(1, { openedAt: world.clock.now() });
      expect(await world.incidents.open(anew)).toBe("opened");
    });

    test("lists newest first, with its filters alone and together", async () => {
      for (let n = 0; n < 17; n += 1) {
        await world.incidents.open(
          anIncident(n, {
            account: n % 3 === 0 ? undefined : AccountId.parse(n % 2 === 0 ? "umbrella" : "acme"),
            vmId: n % 5 === 0 ? undefined : vmId,
            hostId: n % 5 === 0 ? hostId : undefined,
            kind: n % 4 === 0 ? "host_down" : "poison_message",
          }),
        );
        if (n % 2 === 1) await world.incidents.resolve(idOf(n), T0 + 100);
      }
      const listed = async (
        filter: Parameters<StoreWorld["incidents"]["list"]>[0],
        limit: number,
      ) => {
        const all = await allPages((page) => world.incidents.list(filter, page), limit);
        return all.map(({ openedAt }) => openedAt - T0);
      };
      const downFrom = (fits: (n: number) => boolean) =>
        Array.from({ length: 17 }, (_, n) => 16 - n).filter(fits);
      expect(await listed({}, 3)).toEqual(downFrom(() => true));
      const account = AccountId.parse("acme");
      expect(await listed({ account }, 2)).toEqual(downFrom((n) => n % 3 !== 0 && n % 2 === 1));
      expect(await listed({ state: "open" }, 4)).toEqual(downFrom((n) => n % 2 === 0));
      expect(await listed({ state: "resolved" }, 4)).toEqual(downFrom((n) => n % 2 === 1));
      expect(await listed({ hostId }, 2)).toEqual([15, 10, 5, 0]);
      expect(await listed({ hostId: HostId.parse("host-z") }, 2)).toEqual([]);
      expect(await listed({ vmId }, 5)).toEqual(downFrom((n) => n % 5 !== 0));
      expect(await listed({ kind: "host_down" }, 2)).toEqual([16, 12, 8, 4, 0]);
      const umbrella = AccountId.parse("umbrella");
      const both = { account: umbrella, state: "open", vmId, kind: "host_down" } as const;
      expect(await listed(both, 2)).toEqual([16, 8, 4]);
    });

    test("answers bad_cursor to what it did not make", async () => {
      const page = await world.incidents.list({}, { limit: 2, cursor: "nonsense" });
      expect(page).toEqual({ ok: false, reason: "bad_cursor" });
    });
  });
}
