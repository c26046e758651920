import { beforeEach, describe, expect, test } from "vitest";
import { Interest } from "../../shared/model/interest.ts";
import { jobIdOf, T0, vmId } from "../support/a-record.ts";
import type { OpenStores, StoreWorld } from "./store-world.ts";

const anInterest = (n: number, overrides: Partial<Interest> = {}): Interest =>
  Interest.parse({
    id: `${vmId}.${n}.0`,
    topic: { prefix: "custom.deploy" },
    to: vmId,
    jobId: jobIdOf(n),
    account: "acme",
    expiresAt: T0 + 1_000_000,
    ...overrides,
  });

export function interestsContract(open: OpenStores): void {
  describe("Interests", () => {
    let world: StoreWorld;
    beforeEach(async () => {
      world = await open();
    });
    const under = async (...prefixes: readonly string[]) => {
      const found = await world.interests.under(prefixes);
      return found.map(({ id }) => id).toSorted();
    };
    const idsOf = (...numbers: readonly number[]) => numbers.map((n) => anInterest(n).id);

    test("answers what was registered under any of the prefixes asked for, whole", async () => {
      const topic = { prefix: "vm.state", match: { to: "Running", n: 3, ok: true, none: null } };
      const matched = anInterest(3, { topic });
      await world.interests.register(anInterest(1));
      await world.interests.register(anInterest(2));
      await world.interests.register(matched);
      expect(await under("custom.deploy")).toEqual(idsOf(1, 2));
      expect(await under("custom", "custom.deploy", "custom.deploy.done")).toEqual(idsOf(1, 2));
      expect(await world.interests.under(["vm.state"])).toEqual([matched]);
      expect(await under("vm.state", "custom.deploy", "custom.deploy")).toEqual(idsOf(1, 2, 3));
    });

    test("answers nothing where nobody waits, and to nothing", async () => {
      expect(await under("custom.deploy")).toEqual([]);
      expect(await under()).toEqual([]);
      await world.interests.register(anInterest(1));
      expect(await under("custom", "custom.deploy.done", "custom.deployed")).toEqual([]);
    });

    test("registers once, however often it is told", async () => {
      await world.interests.register(anInterest(1));
      await world.interests.register(anInterest(1));
      expect(await under("custom.deploy")).toEqual(idsOf(1));
      await world.interests.remove(anInterest(1));
      expect(await under("custom.deploy")).toEqual([]);
    });

    test("what was removed stays so, whatever is told late or again", async () => {
      await world.interests.register(anInterest(1));
      await world.interests.register(anInterest(2));
      await world.interests.remove(anInterest(1));
      await world.interests.remove(anInterest(1));
      await world.interests.register(anInterest(1));
      expect(await under("custom.deploy")).toEqual(idsOf(2));
    });

    test("what is removed before it was registered never is", async () => {
      await world.interests.remove(anInterest(1));
      await world.interests.register(anInterest(1));
      expect(await under("custom.deploy")).toEqual([]);
      await world.interests.register(anInterest(2));
      expect(await under("custom.deploy")).toEqual(idsOf(2));
    });

    test("of many registered and removed at once, those not removed are left", async () => {
      const numbers = Array.from({ length: 12 }, (_, n) => n);
      await Promise.all(numbers.map((n) => world.interests.register(anInterest(n))));
      await Promise.all([
        ...numbers.filter((n) => n % 2 === 0).map((n) => world.interests.remove(anInterest(n))),
        ...[20, 21].map((n) => world.interests.register(anInterest(n))),
      ]);
      const left = [...numbers.filter((n) => n % 2 === 1), 20, 21];
      expect(await under("custom.deploy")).toEqual(idsOf(...left).toSorted());
    });

    test("asks about more prefixes than one call takes", async () => {
      await world.interests.register(anInterest(1, { topic: { prefix: "custom.p140" } }));
      const prefixes = Array.from({ length: 150 }, (_, n) => `custom.p${n}`);
      expect(await under(...prefixes)).toEqual(idsOf(1));
    });

    test("the log of events knows that somebody listens while anybody does, whatever it was told before", async () => {
      const append = async (n: number) => {
        const at = T0 + n;
        const event = {
          family: "custom",
          topic: "custom.x",
          id: `x.${n}`,
          at,
          detail: {},
        } as const;
        return (await world.events.append([event])).listeners;
      };
      expect(await append(1)).toBe("none");
      await world.interests.register(anInterest(1));
      await world.interests.register(anInterest(2));
      expect(await append(2)).toBe("perhaps");
      await world.interests.remove(anInterest(1));
      await world.interests.remove(anInterest(1));
      expect(await append(3)).toBe("perhaps");
      await world.interests.remove(anInterest(2));
      world.clock.advance(60_000);
      expect(await append(4)).toBe("none");
      await world.interests.register(anInterest(3));
      expect(await append(5)).toBe("perhaps");
    });

    test("forgets what has expired", async () => {
      await world.interests.register(anInterest(1, { expiresAt: T0 + 5_000 }));
      await world.interests.register(anInterest(2));
      world.clock.advance(5_000);
      expect(await under("custom.deploy")).toEqual(idsOf(2));
    });
  });
}
