import { beforeEach, describe, expect, test } from "vitest";
import { TokenId, TokenRecord } from "../../shared/model/token.ts";
import { T0 } from "../support/a-record.ts";
import { allPages } from "./all-pages.ts";
import type { OpenStores, StoreWorld } from "./store-world.ts";

const idOf = (n: number) => TokenId.parse(n.toString(16).padStart(16, "0"));
const aToken = (n: number): TokenRecord =>
  TokenRecord.parse({
    id: idOf(n),
    hash: "c".repeat(64),
    account: "acme",
    role: "operator",
    label: "Büro ✓",
    createdAt: T0 + n,
  });

export function tokenStoreContract(open: OpenStores): void {
  describe("TokenStore", () => {
    let world: StoreWorld;
    beforeEach(async () => {
      world = await open();
    });

    test("keeps a token from its creation to its removal", async () => {
      expect(await world.tokens.read(idOf(1))).toBeUndefined();
      expect(await world.tokens.create(aToken(1))).toBe("created");
      expect(await world.tokens.read(idOf(1))).toEqual(aToken(1));
      expect(await world.tokens.remove(idOf(1))).toBe("removed");
      expect(await world.tokens.read(idOf(1))).toBeUndefined();
      expect(await world.tokens.remove(idOf(1))).toBe("not_found");
    });

    test("never replaces one", async () => {
      await world.tokens.create(aToken(1));
      const other = { ...aToken(1), hash: "d".repeat(64) };
      expect(await world.tokens.create(other)).toBe("exists");
      expect((await world.tokens.read(idOf(1)))?.hash).toBe(aToken(1).hash);
    });

    test("lists them page by page, newest first", async () => {
      for (let n = 0; n < 12; n += 1) await world.tokens.create(aToken(n));
      const tokens = await allPages((page) => world.tokens.list(page), 5);
      expect(tokens).toEqual(Array.from({ length: 12 }, (_, n) => aToken(11 - n)));
    });

    test("answers bad_cursor to what it did not make", async () => {
      const page = await world.tokens.list({ limit: 2, cursor: "nonsense" });
      expect(page).toEqual({ ok: false, reason: "bad_cursor" });
    });
  });
}
