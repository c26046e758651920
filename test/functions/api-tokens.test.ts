import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { tokensApi } from "../../functions/api-tokens.ts";
import { aCaller } from "../support/api-caller.ts";
import { aRequestTo } from "../support/http-event.ts";
import { aWorld } from "../support/memory-world.ts";

async function anApi() {
  const world = aWorld();
  const handler = tokensApi(world.deps);
  return { world, handler, admin: await aCaller(world, handler, { role: "admin" }) };
}

describe("tokens through the API", () => {
  it("are made, work, are listed without their secret, are deleted, work no more", async () => {
    const { admin, handler } = await anApi();
    const made = await admin("createToken", {
      body: { role: "admin", account: "ops", label: "ci" },
    });
    expect(made).toMatchObject({
      status: 201,
      json: { role: "admin", account: "ops", label: "ci" },
    });
    const { id, token } = made.json;
    const listed = () =>
      handler(aRequestTo("listTokens", { headers: { authorization: `Bearer ${token}` } }));
    const list = await listed();
    expect(list.statusCode).toBe(200);
    expect(list.body).toContain(id);
    expect(list.body).not.toContain(token);
    expect(await admin("deleteToken", { params: { tokenId: id } })).toMatchObject({ status: 204 });
    expect(await listed()).toMatchObject({ statusCode: 401 });
  });

  it("are the maker's account's where none is named", async () => {
    const { admin } = await anApi();
    const { json } = await admin("createToken", { body: { role: "viewer" } });
    expect(json.account).toBe("acme");
  });

  it("are an admin's", async () => {
    const { world, handler } = await anApi();
    const operator = await aCaller(world, handler, { role: "operator" });
    const before = world.memory.tables.tokens.all();
    for (const [operation, parts] of [
      ["createToken", { body: { role: "admin" } }],
      ["listTokens", {}],
      ["deleteToken", { params: { tokenId: before[0]?.id ?? "" } }],
    ] as const)
      expect(await operator(operation, parts)).toMatchObject({ status: 403 });
    expect(world.memory.tables.tokens.all()).toEqual(before);
  });

  it.each([
    ["createToken", { body: { role: "king" } }, 400, "invalid_request"],
    ["createToken", { body: { role: "viewer", account: "a b" } }, 400, "invalid_request"],
    ["createToken", { body: { role: "viewer", secret: "x" } }, 400, "invalid_request"],
    ["deleteToken", { params: { tokenId: "0123456789abcdef" } }, 404, "token_not_found"],
    ["deleteToken", { params: { tokenId: "x" } }, 404, "token_not_found"],
  ] as const)("are refused: %s %j", async (operation, parts, status, code) => {
    const { admin, world } = await anApi();
    const before = world.memory.tables.tokens.all();
    expect(await admin(operation, parts)).toMatchObject({ status, json: { code } });
    expect(world.memory.tables.tokens.all()).toEqual(before);
  });
});
