import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { EventFilter } from "../../shared/app/ports.ts";
import { AccountId } from "../../shared/model/ids.ts";
import { TopicEvent } from "../../shared/model/topic.ts";
import { hostId, otherHostId, T0, vmId } from "../support/a-record.ts";
import { allPages } from "./all-pages.ts";
import { type OpenStores, retention, type StoreWorld } from "./store-world.ts";

const acme = AccountId.parse("acme");
const umbrella = AccountId.parse("umbrella");
const otherVmId = "22222222-2222-4222-8222-222222222222";

const anEvent = (n: number, overrides: Partial<TopicEvent> = {}): TopicEvent =>
  TopicEvent.parse({
    family: "vm.state",
    topic: `vm.state.${vmId}`,
    id: `${vmId}.${n}.0`,
    at: T0 + n,
    account: acme,
    detail: { vmId, from: "Stopped", to: "Starting", note: "größe ✓" },
    ...overrides,
  });

/** Some of each account, VM, host and family, and some that are nobody's. */
const mixed = (n: number): TopicEvent => {
  if (n % 4 === 3)
    return anEvent(n, {
      family: "host.state",
      topic: "host.state.host-a",
      account: undefined,
      detail: { hostId, vmId: null, from: "Up", to: "Down" },
    });
  const account = n % 2 === 0 ? acme : umbrella;
  const detail = {
    vmId: n % 3 === 0 ? otherVmId : vmId,
    hostId: n % 5 === 0 ? otherHostId : hostId,
  };
  return anEvent(n, { family: n % 4 === 0 ? "vm.power" : "vm.state", account, detail });
};

export function eventStoreContract(open: OpenStores): void {
  describe("EventStore", () => {
    let world: StoreWorld;
    beforeEach(async () => {
      world = await open();
    });

    /** What lies after a cursor, page by page; and the cursor at the end. */
    const following = async (filter: EventFilter, limit: number, after?: string) => {
      const items: TopicEvent[] = [];
      let cursor = after;
      for (;;) {
        const page = await world.events.feed(filter, { limit, after: cursor });
        if (!page.ok) throw new Error(`a cursor that the feed gave itself is ${page.reason}`);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        items.push(...page.items);
        cursor = page.next;
        if (page.items.length === 0) return { items, cursor };
      }
    };
    const numbers = (events: readonly TopicEvent[]) => events.map(({ at }) => at - T0);

    test("records an event once, however often it is told", async () => {
      await world.events.append([anEvent(1), anEvent(1)]);
      await world.events.append([anEvent(1), anEvent(2)]);
      await world.events.append([anEvent(2)]);
      expect((await following({}, 10)).items).toEqual([anEvent(1), anEvent(2)]);
      const newest = await world.events.history({ vmId }, { limit: 10 });
      expect(newest).toEqual({ ok: true, items: [anEvent(2), anEvent(1)] });
    });

    test("appends nothing where there is nothing", async () => {
      await world.events.append([]);
      expect((await following({}, 10)).items).toEqual([]);
      expect(await world.events.history({ vmId }, { limit: 10 })).toEqual({ ok: true, items: [] });
    });

    test("takes more than one write has room for", async () => {
      await world.events.append(Array.from({ length: 60 }, (_, n) => mixed(n)));
      const { items } = await following({}, 7);
      expect(numbers(items)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    });

    test("goes on from a cursor with what was recorded since, however old it is", async () => {
      await world.events.append([anEvent(10), anEvent(11)]);
      const first = await following({}, 10);
      const nothing = await world.events.feed({}, { limit: 10, after: first.cursor });
      expect(nothing).toMatchObject({ ok: true, items: [] });
      await world.events.append([anEvent(5)]);
      await world.events.append([anEvent(12), anEvent(11)]);
      expect(numbers((await following({}, 1, first.cursor)).items)).toEqual([5, 12]);
    });

    test("gives every reader every event once, whatever is written meanwhile", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 8 }), {
            minLength: 1,
            maxLength: 12,
          }),
          fc.integer({ min: 1, max: 5 }),
          async (batches, limit) => {
            world = await open();
            const read: TopicEvent[] = [];
            let cursor: string | undefined;
            const look = async () => {
              const page = await world.events.feed({ vmId }, { limit, after: cursor });
              if (!page.ok) throw new Error(page.reason);
              read.push(...page.items);
              cursor = page.next;
              return page.items.length;
            };
            const writing = batches.map((batch) =>
              world.events.append(batch.map((n) => anEvent(n))),
            );
            for (let n = 0; n < batches.length; n += 1) await look();
            await Promise.all(writing);
            while ((await look()) > 0);
            const told = [...new Set(batches.flat())].sort((one, other) => one - other);
            expect(numbers(read).toSorted((one, other) => one - other)).toEqual(told);
          },
        ),
        { numRuns: 5 },
      );
    });

    test("filters by account, VM, host and family, alone and together", async () => {
      const all = Array.from({ length: 40 }, (_, n) => mixed(n));
      for (let n = 0; n < all.length; n += 8) await world.events.append(all.slice(n, n + 8));
      const wanted = (fits: (event: TopicEvent) => boolean) => numbers(all.filter(fits));
      const filters: readonly (readonly [EventFilter, (event: TopicEvent) => boolean])[] = [
        [{}, () => true],
        [{ account: acme }, ({ account }) => account === acme],
        [{ vmId }, ({ detail }) => detail["vmId"] === vmId],
        [{ hostId }, ({ detail }) => detail["hostId"] === hostId],
        [{ family: "vm.power" }, ({ family }) => family === "vm.power"],
        [
          { vmId, hostId, account: umbrella, family: "vm.state" },
          ({ detail, account, family }) =>
            detail["vmId"] === vmId &&
            detail["hostId"] === hostId &&
            account === umbrella &&
            family === "vm.state",
        ],
      ];
      for (const [filter, fits] of filters) {
        expect(wanted(fits).length).toBeGreaterThan(0);
        expect(numbers((await following(filter, 3)).items)).toEqual(wanted(fits));
        const newest = await allPages((page) => world.events.history(filter, page), 4);
        expect(numbers(newest)).toEqual(wanted(fits).toReversed());
      }
    });

    test("believes no custom event about a VM or host that its detail names", async () => {
      const custom = anEvent(1, { family: "custom", topic: "custom.x", detail: { vmId, hostId } });
      await world.events.append([custom]);
      expect((await following({ vmId }, 5)).items).toEqual([]);
      expect((await following({ hostId }, 5)).items).toEqual([]);
      expect((await following({ account: acme }, 5)).items).toEqual([custom]);
    });

    test("history of a VM goes back page by page, whatever is recorded meanwhile", async () => {
      await world.events.append(Array.from({ length: 6 }, (_, n) => anEvent(n)));
      const first = await world.events.history({ vmId }, { limit: 4 });
      if (!first.ok) throw new Error(first.reason);
      expect(numbers(first.items)).toEqual([5, 4, 3, 2]);
      await world.events.append([anEvent(6), anEvent(7)]);
      const cursor = first.nextCursor;
      const second = await world.events.history({ vmId }, { limit: 4, cursor });
      if (!second.ok) throw new Error(second.reason);
      expect(numbers(second.items)).toEqual([1, 0]);
      expect(second.nextCursor).toBeUndefined();
    });

    test("forgets events after their retention, and goes on behind them", async () => {
      await world.events.append([anEvent(1)]);
      const { cursor } = await following({}, 10);
      world.clock.advance(retention.historyRetentionDays * 86_400_000 - 1);
      expect((await following({}, 10)).items).toEqual([anEvent(1)]);
      world.clock.advance(1);
      expect((await following({}, 10)).items).toEqual([]);
      expect(await world.events.history({ vmId }, { limit: 5 })).toEqual({ ok: true, items: [] });
      await world.events.append([anEvent(2)]);
      expect((await following({}, 10)).items).toEqual([anEvent(2)]);
      expect((await following({}, 10, cursor)).items).toEqual([anEvent(2)]);
    });

    test("answers bad_cursor to what it did not make", async () => {
      const refused = { ok: false, reason: "bad_cursor" };
      expect(await world.events.feed({}, { limit: 2, after: "nonsense" })).toEqual(refused);
      expect(await world.events.history({}, { limit: 2, cursor: "e30" })).toEqual(refused);
    });
  });
}
