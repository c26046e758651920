import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../../local/store/open-store.ts";

describe("the local store", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "vmsync-store-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("D2: commits what is given in one turn together and in order", async () => {
    const store = openStore(join(folder, "s.sqlite"));
    store.db.exec("CREATE TABLE t (n INTEGER)");
    const insert = store.db.prepare("INSERT INTO t VALUES (?)");
    const seen: number[] = [];
    const write = (n: number) => () => {
      insert.run(n);
      seen.push(n);
    };
    await Promise.all([1, 2, 3].map((n) => store.commit(write(n))));
    expect(seen).toEqual([1, 2, 3]);
    const other = new DatabaseSync(join(folder, "s.sqlite"));
    expect(other.prepare("SELECT n FROM t").all()).toHaveLength(3);
    other.close();
    await store.close();
  });

  it("D1: has nothing on disk before the commit resolved", async () => {
    const store = openStore(join(folder, "s.sqlite"));
    store.db.exec("CREATE TABLE t (n INTEGER)");
    const insert = store.db.prepare("INSERT INTO t VALUES (1)");
    const committed = store.commit(() => insert.run());
    const other = new DatabaseSync(join(folder, "s.sqlite"));
    const rows = () => other.prepare("SELECT n FROM t").all().length;
    expect(rows()).toBe(0);
    await committed;
    expect(rows()).toBe(1);
    other.close();
    await store.close();
  });

  it("D3: takes nothing more after a failed commit", async () => {
    const store = openStore(":memory:");
    const fails = store.commit(() => {
      throw new Error("disk full");
    });
    await expect(fails).rejects.toThrow("takes nothing more");
    await expect(store.commit(() => {})).rejects.toThrow("takes nothing more");
    await expect(store.settled()).rejects.toThrow("takes nothing more");
    await expect(store.close()).rejects.toThrow("takes nothing more");
    expect(store.db.isOpen).toBe(false);
  });

  it("refuses a file of another layout with one line", async () => {
    const file = join(folder, "s.sqlite");
    const other = new DatabaseSync(file);
    other.exec("PRAGMA user_version=99");
    other.close();
    expect(() => openStore(file)).toThrow(/layout 99, this version reads layout 1$/);
  });
});
